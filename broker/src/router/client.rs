//! One client as the router sees it, connected or away.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::inbox::Inbox;
use super::message::Source;
use super::subscription::Subscriptions;
use crate::codec::{Text, Will};
use crate::session::Session;

/// Who a client is.
///
/// A client identifier is its user's own: two users that come with the same one are two clients, so that nobody ends
/// another's connection, or gets what waits for another, by knowing or guessing an identifier.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The client identifier.
    pub client_id: Text,
    /// The user name, if it gave one or has one by its certificate.
    pub username: Option<Text>,
    /// Where both are what they are.
    pub scope: Arc<Scope>,
}

/// Where names and topics are what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Who vouches for user names: the password file, or certificates; empty if nobody does.
    pub authority: String,
    /// What stands before all topics of the client, who does not see it.
    pub mount_point: String,
}

/// The connection that owns a session; a later one has a larger number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnerToken(pub(super) u64);

/// How long a session outlives its connection, in seconds (section 3.1.2.11.2 of version 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionExpiry(pub u32);

impl SessionExpiry {
    /// It ends with its connection, as a clean session of older versions.
    pub const AT_ONCE: Self = Self(0);
    /// It stays, as any other session of older versions.
    pub const NEVER: Self = Self(u32::MAX);

    /// Whether a session that has been away for `time` has ended.
    pub fn has_passed(self, time: Duration) -> bool {
        self != Self::NEVER && time >= Duration::from_secs(self.0.into())
    }
}

/// A client's session.
///
/// Locks are taken in this order: the registry, a client's [`Owned`], the tree, the groups or the retained
/// messages, a client's [`Inbox`]. None is held while anything waits.
#[derive(Debug)]
pub struct Client {
    pub(super) number: u64,
    identity: Arc<Identity>,
    expiry: AtomicU32,
    bridge: AtomicBool,
    listener: AtomicUsize,
    owned: Mutex<Owned>,
    inbox: Mutex<Inbox>,
}

/// What belongs to the connection that has the session now.
#[derive(Debug, Default)]
pub struct Owned {
    pub(super) owner: OwnerToken,
    /// What is in flight.
    pub session: Session,
    /// What it subscribed to.
    pub(super) subscriptions: Subscriptions,
    /// Since when it has no connection; `None` while it has one.
    pub(super) away_since: Option<Instant>,
    /// What is to be published unless the client comes back in time.
    pub(super) will: Option<Box<PendingWill>>,
    /// The session has ended, though a connection may not have noticed yet.
    pub(super) ended: bool,
}

/// A will whose client is gone, and that waits [MQTT-3.1.3-9].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingWill {
    /// The will.
    pub will: Will,
    /// When it is to be published.
    pub due: Instant,
}

impl Owned {
    /// What the client subscribed to.
    pub fn subscriptions(&self) -> &Subscriptions {
        &self.subscriptions
    }

    /// Whether the session still is the connection's that got `token`.
    pub fn is_owned_by(&self, token: OwnerToken) -> bool {
        self.owner == token
    }

    /// Whether the session has ended. One that only was taken over has not.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Leaves a will behind that waits.
    pub fn leave(&mut self, will: PendingWill) {
        self.will = Some(Box::new(will));
    }
}

impl Client {
    pub(super) fn new(number: u64, identity: Identity, expiry: SessionExpiry) -> Self {
        Self {
            number,
            identity: Arc::new(identity),
            expiry: AtomicU32::new(expiry.0),
            bridge: AtomicBool::new(false),
            listener: AtomicUsize::new(0),
            owned: Mutex::default(),
            inbox: Mutex::default(),
        }
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How long its session outlives its connection.
    pub fn expiry(&self) -> SessionExpiry {
        SessionExpiry(self.expiry.load(Ordering::Relaxed))
    }

    /// Changes how long its session outlives its connection.
    pub fn set_expiry(&self, expiry: SessionExpiry) {
        self.expiry.store(expiry.0, Ordering::Relaxed);
    }

    /// Whether it is a bridge, which gets the retain flag as it was published and never its own messages.
    pub fn is_bridge(&self) -> bool {
        self.bridge.load(Ordering::Relaxed)
    }

    /// The number of the listener it came by last, whose rules it is under.
    pub fn listener(&self) -> usize {
        self.listener.load(Ordering::Relaxed)
    }

    /// Who it is, shared.
    pub(super) fn shared_identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// Itself as the publisher of a message.
    pub fn as_source(&self) -> Source {
        Source {
            identity: Arc::clone(&self.identity),
            listener: self.listener(),
        }
    }

    pub(super) fn came_by(&self, listener: usize, bridge: bool) {
        self.listener.store(listener, Ordering::Relaxed);
        self.bridge.store(bridge, Ordering::Relaxed);
    }

    /// The part that belongs to its connection, locked.
    pub fn owned(&self) -> MutexGuard<'_, Owned> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its queue, locked.
    pub fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
