//! Whether a client that is connected would still be let in.
//!
//! Each connection asks before it does anything under new settings, so that no packet of a client who is out is
//! dealt with. Passwords are the exception: who was let in with an old one stays, as in Mosquitto.

use std::fmt;

use super::settings::{ListenerRules, Settings};
use super::stream::Stream;
use crate::codec::Text;
use crate::router::Identity;
use crate::tls::{self, Standing};

/// Why a client may not stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// The listener that it came by is gone.
    Listener,
    /// The password file does not have its name any more.
    User,
    /// It has no name, or nothing to show for it, and needs that now.
    Nameless,
    /// Its certificate was revoked.
    Revoked,
    /// Its certificate is from an authority that is not trusted any more.
    Untrusted,
    /// No revocation list is by the authority that its certificate is from.
    Unlisted,
    /// It has no certificate and needs one now.
    Uncertified,
    /// By its certificate it has another name now.
    Renamed,
    /// Its listener has another mount point or password file now.
    Moved,
}

impl Lost {
    /// The reason in words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Listener => "its listener was removed or changed between plain and TLS",
            Self::User => "its user is no longer in the password file",
            Self::Nameless => "clients without a user name are no longer let in",
            Self::Revoked => "its certificate was revoked",
            Self::Untrusted => "its certificate is from no authority that is trusted now",
            Self::Unlisted => "no list in crlfile is by the authority that its certificate is from",
            Self::Uncertified => "it showed no certificate, which is required now",
            Self::Renamed => "its certificate gives it another user name now",
            Self::Moved => "its listener has another mount point or password file now",
        }
    }
}

/// What follows `Client ID [ADDRESS]`.
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "disconnected after a reload: {}.", self.words())
    }
}

/// Why a client may not stay under `settings`, if it may not.
pub(super) fn lost(
    settings: &Settings,
    listener: usize,
    who: &Identity,
    stream: &Stream,
) -> Option<Lost> {
    let Some(rules) = settings.listeners.get(listener) else {
        return Some(Lost::Listener);
    };
    certificate(rules, who, stream)
        .or_else(|| user(rules, who.username.as_ref()))
        .or_else(|| (who.scope != rules.scope).then_some(Lost::Moved))
}

fn certificate(rules: &ListenerRules, who: &Identity, stream: &Stream) -> Option<Lost> {
    let shown = stream.peer_certificates();
    match rules.tls.as_ref()?.standing(shown) {
        Standing::Good => {}
        Standing::Revoked => return Some(Lost::Revoked),
        Standing::Untrusted => return Some(Lost::Untrusted),
        Standing::Unlisted => return Some(Lost::Unlisted),
        Standing::Missing => return Some(Lost::Uncertified),
    }
    let from = rules.user_name_from?;
    let name = shown
        .and_then(<[_]>::first)
        .and_then(|certificate| tls::user_name(certificate, from));
    match name {
        None => Some(Lost::Uncertified),
        Some(name) if who.username.as_deref() == Some(&name) => None,
        Some(_) => Some(Lost::Renamed),
    }
}

fn user(rules: &ListenerRules, name: Option<&Text>) -> Option<Lost> {
    if rules.user_name_from.is_some() {
        return None;
    }
    match (name, &rules.access.passwords) {
        (Some(name), Some(file)) => file.lookup(name).is_none().then_some(Lost::User),
        (None, _) | (Some(_), None) => (!rules.allow_anonymous).then_some(Lost::Nameless),
    }
}

/// Whether a client with this name can come back by any listener.
///
/// Of a session whose client is away it is not known which one that would be. Names in certificates are in no
/// file, so that where they count nobody can be said to be gone; and a session without a name is never given up
/// here: it was not a user that was removed.
pub(super) fn may_return(settings: &Settings, name: Option<&Text>) -> bool {
    let Some(name) = name else {
        return true;
    };
    settings
        .listeners
        .iter()
        .any(|rules| rules.user_name_from.is_some() || user(rules, Some(name)).is_none())
}
