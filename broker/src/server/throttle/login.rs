//! What is said about a login: before its password is checked, and after.

use std::time::{Duration, Instant};

use super::{Guess, Origin};
use crate::config::LoginThrottle;

/// When somebody is locked out, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) struct Rules {
    /// So many failures lock out; 0 turns all of this off.
    pub(in crate::server) failures: u32,
    /// Within this time, and for this time.
    pub(in crate::server) window: Duration,
}

impl From<Option<LoginThrottle>> for Rules {
    fn from(throttle: Option<LoginThrottle>) -> Self {
        Self {
            failures: throttle.map_or(0, |throttle| throttle.max_failures.get()),
            window: throttle.map_or(Duration::ZERO, |throttle| throttle.window),
        }
    }
}

/// What becomes of a login before its password is looked at.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) enum Start {
    /// The password is to be checked, and [`Throttle::end`](super::Throttle::end) to be told the outcome.
    Go(Attempt),
    /// Ask again when another login has ended.
    Wait,
    /// It is wrong, as it was before: nothing is to be checked, and nothing counts.
    KnownWrong,
    /// It is refused. Until then, nothing changes that.
    Refused(Instant),
}

/// A login whose password is being checked.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) struct Attempt {
    pub(super) origin: Origin,
    /// A hash of the name.
    pub(super) name: u64,
    /// A hash of both.
    pub(super) pair: u64,
    /// Whether the pair has logged in before.
    pub(super) friend: bool,
    /// What was tried.
    pub(super) guess: Guess,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Outcome {
    Right,
    Wrong,
    /// Nobody knows: it was given up.
    Unknown,
}

/// Somebody who is locked out from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) struct Lockout {
    pub(in crate::server) who: Locked,
    pub(in crate::server) until: Instant,
}

/// Who is locked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Locked {
    /// Everybody from where the login came from, except friends.
    Origin,
    /// The same for the whole network that the address is in.
    Network,
    /// The name of the login, except for friends and for one try from elsewhere.
    Name,
    /// The name from where the login came from, though it has logged in from there before.
    Friend,
}

impl Attempt {
    pub(super) fn counts_for_origin(&self) -> bool {
        !self.friend && self.origin != Origin::Here
    }
}
