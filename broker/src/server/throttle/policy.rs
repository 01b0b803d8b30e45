//! Who may try a password, by what was tried before.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};
use std::time::Instant;

use super::guesses::Guesses;
use super::origin::Network;
use super::table::{Room, Table};
use super::{Attempt, Guess, Locked, Lockout, Origin, Outcome, Rules, Start};

/// The most addresses, names, and pairs that are remembered. Each entry takes some 50 bytes.
///
/// More than the logins that can be checked or wait at one time: an entry that is in use always has room.
pub(super) const MAX_ADDRESSES: usize = 4096;
pub(super) const MAX_NETWORKS: usize = 1024;
pub(super) const MAX_NAMES: usize = 1024;
pub(super) const MAX_PAIRS: usize = 4096;
pub(super) const MAX_FRIENDS: usize = 1024;

/// A network has so many times the failures of an address: the customers of some providers share one.
const NETWORK_FACTOR: u32 = 10;

/// Failures by address, by network, by name, and by address and name.
#[derive(Debug)]
pub(in crate::server) struct Throttle {
    rules: Rules,
    /// Names, which may have 65,535 bytes, and passwords are remembered as hashes under a key that nobody knows.
    key: RandomState,
    pub(super) origins: Table<Origin>,
    pub(super) networks: Table<Network>,
    pub(super) names: Table<u64>,
    pub(super) pairs: Table<u64>,
    guesses: Guesses,
    /// When a pair has last logged in.
    pub(super) friends: HashMap<u64, Instant>,
}

impl Throttle {
    pub(in crate::server) fn new(rules: Rules) -> Self {
        Self {
            rules,
            key: RandomState::new(),
            origins: Table::new(MAX_ADDRESSES),
            networks: Table::new(MAX_NETWORKS),
            names: Table::new(MAX_NAMES),
            pairs: Table::new(MAX_PAIRS),
            guesses: Guesses::default(),
            friends: HashMap::new(),
        }
    }

    /// Takes on new rules and forgives all failures: whoever reloads may just have set a password anew.
    pub(in crate::server) fn restart(&mut self, rules: Rules) {
        self.rules = rules;
        self.origins.forgive();
        self.networks.forgive();
        self.names.forgive();
        self.pairs.forgive();
    }

    /// What `password` is known by from now on, if it is wrong; `against` is what it will be checked against, so
    /// that the same password is another guess once that has changed.
    pub(in crate::server) fn guess(&self, password: &[u8], against: impl Hash) -> Guess {
        Guess(self.key.hash_one((password, against)))
    }

    /// Somebody wants to log in. Unless that is refused or [known](Start::KnownWrong), it counts as being checked
    /// until [`end`](Self::end), whatever the rules are by then.
    pub(in crate::server) fn start(
        &mut self,
        now: Instant,
        origin: Origin,
        name: &str,
        guess: Guess,
    ) -> Start {
        let pair = self.key.hash_one((origin, name));
        let attempt = Attempt {
            origin,
            name: self.key.hash_one(name),
            pair,
            friend: self.friends.contains_key(&pair),
            guess,
        };
        if self.rules.failures > 0 {
            if self.guesses.repeats(now, pair, guess) {
                return Start::KnownWrong;
            }
            match self.room(now, &attempt) {
                Room::None(until) => return Start::Refused(until),
                Room::InUse => return Start::Wait,
                Room::Free => {}
            }
        }
        self.pairs.begin(now, pair);
        if attempt.counts_for_origin() {
            self.origins.begin(now, origin);
            if let Some(network) = origin.network() {
                self.networks.begin(now, network);
            }
        }
        if !attempt.friend {
            self.names.begin(now, attempt.name);
        }
        Start::Go(attempt)
    }

    fn room(&self, now: Instant, attempt: &Attempt) -> Room {
        let limit = self.rules.failures;
        let pair = attempt.pair;
        let by_pair = match self.names.room(now, attempt.name, limit) {
            Room::None(_) if !attempt.friend => self.pairs.room(now, pair, 1),
            Room::InUse if !attempt.friend => {
                let once = self.pairs.room(now, pair, 1).min(Room::InUse);
                self.pairs.room(now, pair, limit).max(once)
            }
            _ => self.pairs.room(now, pair, limit),
        };
        if !attempt.counts_for_origin() {
            return by_pair;
        }
        let by_network = attempt.origin.network().map_or(Room::Free, |network| {
            let limit = self.network_rules().failures;
            self.networks.room(now, network, limit)
        });
        by_pair
            .max(self.origins.room(now, attempt.origin, limit))
            .max(by_network)
    }

    fn network_rules(&self) -> Rules {
        Rules {
            failures: self.rules.failures.saturating_mul(NETWORK_FACTOR),
            ..self.rules
        }
    }

    /// A login's password was checked. Returns who is locked out from now on.
    pub(in crate::server) fn end(
        &mut self,
        now: Instant,
        attempt: &Attempt,
        outcome: Outcome,
    ) -> Vec<Lockout> {
        let rules = self.rules;
        // Several of one device may have been checked at a time: they count once.
        let wrong = outcome == Outcome::Wrong
            && rules.failures > 0
            && !self.guesses.repeats(now, attempt.pair, attempt.guess);
        if wrong {
            self.guesses.remember(now, attempt.pair, attempt.guess);
        }
        let mut locked = Vec::new();
        let mut note = |who, until: Option<Instant>| {
            locked.extend(until.map(|until| Lockout { who, until }));
        };
        let pair = self.pairs.end(now, attempt.pair, wrong, rules);
        if attempt.friend {
            note(Locked::Friend, pair);
        } else {
            // Before the name: a stranger's address is what there is to be done something about.
            if attempt.counts_for_origin() {
                let origin = attempt.origin;
                note(Locked::Origin, self.origins.end(now, origin, wrong, rules));
                if let Some(network) = origin.network() {
                    let rules = self.network_rules();
                    note(
                        Locked::Network,
                        self.networks.end(now, network, wrong, rules),
                    );
                }
            }
            note(
                Locked::Name,
                self.names.end(now, attempt.name, wrong, rules),
            );
        }
        if outcome == Outcome::Right {
            self.befriend(now, attempt.pair);
        }
        locked
    }

    fn befriend(&mut self, now: Instant, pair: u64) {
        self.pairs.forget(pair);
        if self.friends.len() >= MAX_FRIENDS && !self.friends.contains_key(&pair) {
            let oldest = self.friends.iter().min_by_key(|(_, last)| **last);
            if let Some(oldest) = oldest.map(|(pair, _)| *pair) {
                self.friends.remove(&oldest);
            }
        }
        self.friends.insert(pair, now);
    }
}
