//! Who a client is: by name and password, by certificate, or nobody in particular.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};
use tokio::{task, time};

use super::admit::Peer;
use super::settings::ListenerRules;
use super::shared::Shared;
use super::throttle::{Attempt, Guess, Locked, Lockout, Origin, Outcome, Rules, Start, Throttle};
use crate::codec::{Connect, Reason, Text};
use crate::log::LogType;
use crate::passwd::PasswordFile;

/// The most clients that wait for their password to be checked.
///
/// At some 50 ms each on a Raspberry Pi this is already more than a client waits for.
const MAX_WAITING: usize = 500;

/// How long a login may wait for the outcome of others.
const PATIENCE: Duration = Duration::from_secs(30);

/// Checks passwords on a few threads, so that a flood of logins neither holds up those who are connected nor
/// takes all processors, and not those of who has tried too many.
#[derive(Debug)]
pub(super) struct PasswordCheck {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    throttle: Mutex<Throttle>,
    /// Calls those that wait for the outcome of a login.
    ended: Notify,
}

/// What came of a login.
enum Answer {
    Right,
    Wrong(Vec<Lockout>),
    /// Not checked before then.
    LockedOut(Instant),
    /// Too many others wait to know.
    Busy,
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
    pub(super) fn new(at_a_time: usize, rules: Rules) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(at_a_time)),
            waiting: AtomicUsize::new(0),
            throttle: Mutex::new(Throttle::new(rules)),
            ended: Notify::new(),
        }
    }

    /// Takes on new rules for who is locked out, and lets everybody try again.
    pub(super) fn restart(&self, rules: Rules) {
        self.throttle().restart(rules);
        self.ended.notify_waiters();
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the password is the user's.
    async fn check(
        &self,
        file: Arc<PasswordFile>,
        origin: Origin,
        name: Text,
        password: Vec<u8>,
    ) -> Answer {
        let Some(_place) = Waiting::new(&self.waiting) else {
            return Answer::Busy;
        };
        let guess = self.throttle().guess(&password, file.lookup(&name));
        let mut trial = match time::timeout(PATIENCE, self.begin(origin, &name, guess)).await {
            Ok(Ok(trial)) => trial,
            Ok(Err(answer)) => return answer,
            Err(_elapsed) => return Answer::Busy,
        };
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
            return Answer::Busy;
        };
        // The permit goes with the work: a client that gives up does not make room for another before the
        // thread is free.
        let work = move || {
            let right = file.authenticate(&name, &password);
            drop(permit);
            right
        };
        match task::spawn_blocking(work).await {
            Ok(true) => {
                trial.end(Outcome::Right);
                Answer::Right
            }
            Ok(false) => Answer::Wrong(trial.end(Outcome::Wrong)),
            Err(_ended) => Answer::Busy,
        }
    }

    /// Waits until the login may be tried; an error is its answer if that needs no trial.
    async fn begin(&self, origin: Origin, name: &str, guess: Guess) -> Result<Trial<'_>, Answer> {
        loop {
            // Made before the question: what ends in between is not missed.
            let ended = self.ended.notified();
            match self.throttle().start(Instant::now(), origin, name, guess) {
                Start::Go(attempt) => {
                    return Ok(Trial {
                        check: self,
                        attempt: Some(attempt),
                    });
                }
                Start::KnownWrong => return Err(Answer::Wrong(Vec::new())),
                Start::Refused(until) => return Err(Answer::LockedOut(until)),
                Start::Wait => {}
            }
            ended.await;
        }
    }
}

/// A login that is being checked; given up when dropped.
struct Trial<'a> {
    check: &'a PasswordCheck,
    attempt: Option<Attempt>,
}

impl Trial<'_> {
    fn end(&mut self, outcome: Outcome) -> Vec<Lockout> {
        let Some(attempt) = self.attempt.take() else {
            return Vec::new();
        };
        let locked = self.check.throttle().end(Instant::now(), &attempt, outcome);
        self.check.ended.notify_waiters();
        locked
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        self.end(Outcome::Unknown);
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

/// Why somebody is not who he says, and what else there is to be logged.
struct Failure {
    refusal: Refusal,
    /// He was not asked, because he is locked out until then.
    until: Option<Instant>,
    /// Who is locked out from now on.
    lockouts: Vec<Lockout>,
}

impl Failure {
    fn new(code: Reason, reason: &'static str) -> Self {
        Self {
            refusal: Refusal::new(code, reason),
            until: None,
            lockouts: Vec::new(),
        }
    }
}

/// Finds out the user name of a client, or why it may not have the one it wants.
pub(super) async fn authenticate(
    shared: &Shared,
    connect: &Connect,
    peer: &Peer,
    rules: &ListenerRules,
) -> Result<Option<Text>, Refusal> {
    let known = identify(&shared.passwords, connect, peer, rules).await;
    known.map_err(|failure| {
        log_failure(shared, connect, peer, &failure);
        failure.refusal
    })
}

/// The user name of a client.
///
/// What its certificate says counts on a listener that takes names from there; the password file has no say then,
/// as in Mosquitto.
async fn identify(
    check: &PasswordCheck,
    connect: &Connect,
    peer: &Peer,
    rules: &ListenerRules,
) -> Result<Option<Text>, Failure> {
    if rules.user_name_from.is_some() {
        let reason = "no name in its certificate, or no certificate";
        return peer
            .certified
            .clone()
            .map(Some)
            .ok_or_else(|| Failure::new(Reason::BadUserNameOrPassword, reason));
    }
    let Some(username) = &connect.username else {
        return anonymous(rules).map(|()| None);
    };
    let Some(file) = &rules.access.passwords else {
        // Without a file any name will do where none will do as well.
        return anonymous(rules).map(|()| Some(username.detach()));
    };
    let Some(password) = &connect.password else {
        return Err(Failure::new(Reason::NotAuthorized, "no password"));
    };
    let (file, name, password) = (Arc::clone(file), username.detach(), password.to_vec());
    let answer = check
        .check(file, Origin::of(ip(peer)), name, password)
        .await;
    match answer {
        Answer::Right => Ok(Some(username.detach())),
        Answer::Wrong(lockouts) => Err(Failure {
            lockouts,
            ..Failure::new(Reason::NotAuthorized, "unknown user or wrong password")
        }),
        // The client is told what it is told after a wrong password.
        Answer::LockedOut(until) => Err(Failure {
            until: Some(until),
            ..Failure::new(
                Reason::NotAuthorized,
                "locked out after too many failed logins",
            )
        }),
        Answer::Busy => Err(Failure::new(
            Reason::ServerUnavailable,
            "too many clients wait for their passwords to be checked",
        )),
    }
}

fn anonymous(rules: &ListenerRules) -> Result<(), Failure> {
    if rules.allow_anonymous {
        Ok(())
    } else {
        Err(Failure::new(Reason::NotAuthorized, "no user name"))
    }
}

/// The address of a client that did not come by a Unix socket.
fn ip(peer: &Peer) -> Option<IpAddr> {
    let address: SocketAddr = peer.address.parse().ok()?;
    Some(address.ip())
}

/// Logs a login that was refused, a line for each.
///
/// The address stands before everything that the client could choose, so that programs that lock out addresses
/// by the log can't be led to other people's.
fn log_failure(shared: &Shared, connect: &Connect, peer: &Peer, failure: &Failure) {
    let Refusal { code, reason } = &failure.refusal;
    if *code == Reason::ServerUnavailable {
        // Nobody's fault.
        return;
    }
    let from = ip(peer).map_or_else(|| peer.address.to_string(), |address| address.to_string());
    let reason = failure.until.map_or_else(
        || (*reason).to_owned(),
        |until| format!("locked out until {}", utc(until)),
    );
    let id = &connect.client_id;
    let name = connect.username.as_deref().unwrap_or_default();
    let user = match &connect.username {
        Some(name) => format!("user '{name}', "),
        None => String::new(),
    };
    shared.notice(format_args!(
        "Login refused from {from}: {reason} ({user}client '{id}')."
    ));
    for lockout in &failure.lockouts {
        log_lockout(shared, name, Origin::of(ip(peer)), *lockout);
    }
}

fn log_lockout(shared: &Shared, name: &str, origin: Origin, lockout: Lockout) {
    let until = utc(lockout.until);
    let who = match lockout.who {
        Locked::Origin => format!("{origin} is"),
        Locked::Network => origin
            .network()
            .map_or_else(String::new, |network| format!("{network} is")),
        Locked::Name => format!("user '{name}' is"),
        Locked::Friend => format!("user '{name}' at {origin} is"),
    };
    let but = match lockout.who {
        Locked::Origin | Locked::Network => {
            "; who has logged in from there since the broker started is not"
        }
        Locked::Name => {
            "; where that user has logged in since the broker started is not, and from elsewhere there is one try"
        }
        Locked::Friend => "",
    };
    shared.log.log(
        LogType::Warning,
        format_args!("Warning: too many failed logins: {who} locked out until {until}{but}."),
    );
}

/// A time to come, as people write it.
fn utc(time: Instant) -> String {
    let left = time.saturating_duration_since(Instant::now());
    // A clock that is at its end has other troubles.
    jiff::Timestamp::now()
        .checked_add(left)
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
        .unwrap_or_default()
}
