//! Who a client is: by name and password, by certificate, or nobody in particular.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;
use tokio::task;

use super::settings::ListenerRules;
use crate::codec::{Connect, Reason, Text};
use crate::passwd::PasswordFile;

/// The most clients that wait for their password to be checked.
///
/// At some 50 ms each on a Raspberry Pi this is already more than a client waits for.
const MAX_WAITING: usize = 500;

/// Checks passwords on a few threads, so that a flood of logins neither holds up those who are connected nor
/// takes all processors.
#[derive(Debug)]
pub(super) struct PasswordCheck {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// Why a client is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// What it is told.
    pub(super) code: Reason,
    /// What the log says.
    pub(super) reason: &'static str,
}

impl Refusal {
    pub(super) const fn new(code: Reason, reason: &'static str) -> Self {
        Self { code, reason }
    }
}

impl PasswordCheck {
    /// With so many checks at a time.
    pub(super) fn new(at_a_time: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(at_a_time)),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Whether the password is the user's, or `None` if too many others wait to know.
    async fn check(&self, file: Arc<PasswordFile>, name: Text, password: Vec<u8>) -> Option<bool> {
        let _place = Waiting::new(&self.waiting)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        // The permit goes with the work: a client that gives up does not make room for another before the
        // thread is free.
        let work = move || {
            let right = file.authenticate(&name, &password);
            drop(permit);
            right
        };
        task::spawn_blocking(work).await.ok()
    }
}

/// A place among those that wait; given back when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Option<Self> {
        let place = Self(count);
        (count.fetch_add(1, Ordering::Relaxed) < MAX_WAITING).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Finds out the user name of a client, or why it may not have the one it wants.
///
/// `certified` is what its certificate says, on a listener that takes names from there; the password file has
/// no say then, as in Mosquitto.
pub(super) async fn authenticate(
    connect: &Connect,
    certified: Option<Text>,
    rules: &ListenerRules,
    passwords: &PasswordCheck,
) -> Result<Option<Text>, Refusal> {
    if rules.user_name_from.is_some() {
        return certified.map(Some).ok_or(Refusal::new(
            Reason::BadUserNameOrPassword,
            "no name in its certificate, or no certificate",
        ));
    }
    let Some(username) = &connect.username else {
        return anonymous(rules);
    };
    let Some(file) = &rules.access.passwords else {
        // Without a file any name will do where none will do as well.
        return anonymous(rules).map(|_| Some(username.detach()));
    };
    let Some(password) = &connect.password else {
        return Err(Refusal::new(Reason::NotAuthorized, "no password"));
    };
    match passwords
        .check(Arc::clone(file), username.detach(), password.to_vec())
        .await
    {
        Some(true) => Ok(Some(username.detach())),
        Some(false) => Err(Refusal::new(
            Reason::NotAuthorized,
            "unknown user or wrong password",
        )),
        None => Err(Refusal::new(
            Reason::ServerUnavailable,
            "too many clients wait for their passwords to be checked",
        )),
    }
}

fn anonymous(rules: &ListenerRules) -> Result<Option<Text>, Refusal> {
    if rules.allow_anonymous {
        Ok(None)
    } else {
        Err(Refusal::new(Reason::NotAuthorized, "no user name"))
    }
}
