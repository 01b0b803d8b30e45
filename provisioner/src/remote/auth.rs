//! Logging in: an agent, a key, a password, in OpenSSH's order.

use std::path::Path;

use ssh2::{ErrorCode, Session};

use super::connection::{Login, own_file};
use super::destination::Destination;
use crate::hint::Fault;
use crate::prompt;
use crate::secret::Secret;

/// Keys in `~/.ssh`, in the order in which OpenSSH tries them (`IdentityFile` in `ssh_config(5)`).
const OWN_KEYS: [&str; 3] = ["id_rsa", "id_ecdsa", "id_ed25519"];

/// libssh2's number for a key file that it can't read: most often for want of its passphrase.
const LIBSSH2_ERROR_FILE: i32 = -16;

/// How often a passphrase or a password is asked for.
const TRIES: u32 = 3;

/// Logs in. Returns the password, if it took one.
///
/// # Errors
///
/// Nobody may log in with what there is; what was tried is named.
pub(super) fn log_in(
    session: &Session,
    destination: &Destination,
    login: &Login,
) -> anyhow::Result<Option<Secret>> {
    let user = &destination.user;
    // Also asks whether somebody may log in with nothing at all.
    let offered = session.auth_methods(user).unwrap_or_default().to_owned();
    let mut tried = Vec::new();
    if session.authenticated() {
        return Ok(None);
    }
    if offered.split(',').any(|method| method == "publickey") {
        let tried = &mut tried;
        if with_first_key(session, user, login, tried)?
            || with_agent(session, user, login, tried)
            || with_own_keys(session, user, login, tried)?
        {
            return Ok(None);
        }
    }
    if offered.split(',').any(|method| method == "password") && prompt::can_ask() {
        let question = format!("Password of {user} on {}", destination.host);
        for _ in 0..TRIES {
            let password = prompt::secret(&question, "")?;
            if session.userauth_password(user, password.expose()).is_ok() {
                return Ok(Some(password));
            }
        }
        tried.push("a password".to_owned());
    }
    let tried = if tried.is_empty() {
        "there is no key to try".to_owned()
    } else {
        format!("tried {}", tried.join(", "))
    };
    let text = format!("{destination} lets nobody in: {tried}; it takes {offered}");
    Err(Fault::new(text)
        .hint(format!(
            "name a key with --identity FILE, or make yours known there: ssh-copy-id {user}@{}",
            destination.host
        ))
        .into())
}

/// The key that was named, else the site's own.
fn with_first_key(
    session: &Session,
    user: &str,
    login: &Login,
    tried: &mut Vec<String>,
) -> anyhow::Result<bool> {
    let key = match &login.identity {
        Some(identity) if !identity.exists() => {
            return Err(Fault::input(format!("there is no key {}", identity.display())).into());
        }
        Some(identity) => identity.clone(),
        None => login.site.join("ssh/id_ed25519"),
    };
    if !key.exists() {
        return Ok(false);
    }
    tried.push(key.display().to_string());
    with_file(session, user, &key)
}

fn with_own_keys(
    session: &Session,
    user: &str,
    login: &Login,
    tried: &mut Vec<String>,
) -> anyhow::Result<bool> {
    if login.identity.is_some() {
        return Ok(false);
    }
    let own = OWN_KEYS.iter().filter_map(|name| own_file(name));
    for key in own.filter(|path| path.exists()) {
        tried.push(key.display().to_string());
        if with_file(session, user, &key)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Tries one key, and asks for its passphrase if it has one.
fn with_file(session: &Session, user: &str, key: &Path) -> anyhow::Result<bool> {
    let error = match session.userauth_pubkey_file(user, None, key, None) {
        Ok(()) => return Ok(true),
        Err(error) => error,
    };
    let unreadable = error.code() == ErrorCode::Session(LIBSSH2_ERROR_FILE);
    if !unreadable || !is_encrypted(key) || !prompt::can_ask() {
        return Ok(false);
    }
    for _ in 0..TRIES {
        let passphrase = prompt::passphrase(key, "")?;
        if session
            .userauth_pubkey_file(user, None, key, Some(passphrase.expose()))
            .is_ok()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a passphrase would help.
fn is_encrypted(key: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(key) else {
        return false;
    };
    let text = zeroize::Zeroizing::new(text);
    match ssh_key::PrivateKey::from_openssh(text.as_bytes()) {
        Ok(key) => key.is_encrypted(),
        Err(_) => text.contains("ENCRYPTED"),
    }
}

fn with_agent(session: &Session, user: &str, login: &Login, tried: &mut Vec<String>) -> bool {
    if login.identity.is_some() || std::env::var_os("SSH_AUTH_SOCK").is_none() {
        return false;
    }
    let Ok(mut agent) = session.agent() else {
        return false;
    };
    // An agent that is gone or empty is no reason not to go on.
    if agent
        .connect()
        .and_then(|()| agent.list_identities())
        .is_err()
    {
        return false;
    }
    for identity in agent.identities().unwrap_or_default() {
        tried.push(format!("the agent's key {}", identity.comment()));
        if agent.userauth(user, &identity).is_ok() {
            return true;
        }
    }
    false
}
