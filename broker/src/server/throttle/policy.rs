//! Who may try a password, by what was tried before.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Instant;

use super::table::{Room, Table};
use super::{Attempt, Locked, Lockout, Origin, Outcome, Rules, Start};

/// The most addresses, names, and pairs that are remembered. Each entry takes some 50 bytes.
///
/// More than the logins that can be checked or wait at one time: an entry that is in use always has room.
const MAX_ADDRESSES: usize = 4096;
const MAX_NAMES: usize = 1024;
const MAX_PAIRS: usize = 4096;
const MAX_FRIENDS: usize = 1024;

/// Failures by address, by name, and by both.
#[derive(Debug)]
pub(in crate::server) struct Throttle {
    rules: Rules,
    /// Names are remembered as hashes under a key that nobody knows: they may have 65,535 bytes.
    key: RandomState,
    origins: Table<Origin>,
    names: Table<u64>,
    pairs: Table<u64>,
    /// When a pair has last logged in.
    friends: HashMap<u64, Instant>,
}

impl Throttle {
    pub(in crate::server) fn new(rules: Rules) -> Self {
        Self {
            rules,
            key: RandomState::new(),
            origins: Table::new(MAX_ADDRESSES),
            names: Table::new(MAX_NAMES),
            pairs: Table::new(MAX_PAIRS),
            friends: HashMap::new(),
        }
    }

    /// Takes on new rules and forgives all failures: whoever reloads may just have set a password anew.
    pub(in crate::server) fn restart(&mut self, rules: Rules) {
        self.rules = rules;
        self.origins.forgive();
        self.names.forgive();
        self.pairs.forgive();
    }

    /// Somebody wants to log in.
    pub(in crate::server) fn start(&mut self, now: Instant, origin: Origin, name: &str) -> Start {
        let pair = self.key.hash_one((origin, name));
        let attempt = Attempt {
            origin,
            name: self.key.hash_one(name),
            pair,
            friend: self.friends.contains_key(&pair),
        };
        let limit = self.rules.failures;
        if limit == 0 {
            return Start::Go(attempt);
        }
        let by_pair = match self.names.room(now, attempt.name, limit) {
            Room::None(_) if !attempt.friend => self.pairs.room(now, pair, 1),
            Room::InUse if !attempt.friend => {
                let once = self.pairs.room(now, pair, 1).min(Room::InUse);
                self.pairs.room(now, pair, limit).max(once)
            }
            _ => self.pairs.room(now, pair, limit),
        };
        let by_origin = if attempt.counts_for_origin() {
            self.origins.room(now, origin, limit)
        } else {
            Room::Free
        };
        match by_pair.max(by_origin) {
            Room::None(until) => return Start::Refused(until),
            Room::InUse => return Start::Wait,
            Room::Free => {}
        }
        self.pairs.begin(now, pair);
        if attempt.counts_for_origin() {
            self.origins.begin(now, origin);
        }
        if !attempt.friend {
            self.names.begin(now, attempt.name);
        }
        Start::Go(attempt)
    }

    /// A login's password was checked. Returns who is locked out from now on.
    pub(in crate::server) fn end(
        &mut self,
        now: Instant,
        attempt: &Attempt,
        outcome: Outcome,
    ) -> Vec<Lockout> {
        let rules = self.rules;
        if rules.failures == 0 {
            return Vec::new();
        }
        let wrong = outcome == Outcome::Wrong;
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
                note(
                    Locked::Origin,
                    self.origins.end(now, attempt.origin, wrong, rules),
                );
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RULES: Rules = Rules {
        failures: 3,
        window: Duration::from_secs(60),
    };

    /// A throttle and its clock.
    struct Test {
        throttle: Throttle,
        now: Instant,
    }

    fn stranger(number: u8) -> Origin {
        Origin::of(Some([203, 0, 113, number].into()))
    }

    impl Test {
        fn new() -> Self {
            Self {
                throttle: Throttle::new(RULES),
                now: Instant::now(),
            }
        }

        fn wait(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }

        fn start(&mut self, origin: Origin, name: &str) -> Start {
            self.throttle.start(self.now, origin, name)
        }

        fn go(&mut self, origin: Origin, name: &str) -> Attempt {
            match self.start(origin, name) {
                Start::Go(attempt) => attempt,
                other => panic!("{name} from {origin}: {other:?}"),
            }
        }

        fn end(&mut self, attempt: &Attempt, outcome: Outcome) -> Vec<Locked> {
            let locked = self.throttle.end(self.now, attempt, outcome);
            let limit = self.now + RULES.window;
            assert!(locked.iter().all(|lockout| lockout.until == limit));
            locked.into_iter().map(|lockout| lockout.who).collect()
        }

        fn fail(&mut self, origin: Origin, name: &str) -> Vec<Locked> {
            let attempt = self.go(origin, name);
            self.end(&attempt, Outcome::Wrong)
        }

        fn log_in(&mut self, origin: Origin, name: &str) {
            let attempt = self.go(origin, name);
            assert_eq!(self.end(&attempt, Outcome::Right), []);
        }

        fn is_refused(&mut self, origin: Origin, name: &str) -> bool {
            match self.start(origin, name) {
                Start::Refused(_) => true,
                Start::Wait => false,
                Start::Go(attempt) => {
                    self.end(&attempt, Outcome::Unknown);
                    false
                }
            }
        }
    }

    #[test]
    fn an_address_that_tries_many_names_is_locked_out_for_the_window() {
        let mut test = Test::new();
        let bad = stranger(1);
        assert_eq!(test.fail(bad, "a"), []);
        test.wait(30);
        assert_eq!(test.fail(bad, "b"), []);
        assert_eq!(test.fail(bad, "c"), [Locked::Origin]);
        assert!(test.is_refused(bad, "d"));
        assert!(!test.is_refused(stranger(2), "d"));
        test.wait(59);
        assert!(test.is_refused(bad, "d"));
        test.wait(1);
        assert!(!test.is_refused(bad, "d"));
    }

    #[test]
    fn failures_that_lie_further_apart_than_the_window_do_not_add_up() {
        let mut test = Test::new();
        for _ in 0..10 {
            assert_eq!(test.fail(stranger(1), "fred"), []);
            assert_eq!(test.fail(stranger(1), "fred"), []);
            test.wait(60);
        }
    }

    #[test]
    fn a_name_that_many_addresses_try_leaves_each_of_them_one_guess() {
        let mut test = Test::new();
        assert_eq!(test.fail(stranger(1), "fred"), []);
        assert_eq!(test.fail(stranger(2), "fred"), []);
        assert_eq!(test.fail(stranger(3), "fred"), [Locked::Name]);
        for number in 1..=3 {
            assert!(test.is_refused(stranger(number), "fred"));
            assert!(!test.is_refused(stranger(number), "jane"));
        }
        for number in 4..=50 {
            assert_eq!(test.fail(stranger(number), "fred"), []);
            assert!(test.is_refused(stranger(number), "fred"));
        }
        test.wait(60);
        assert!(!test.is_refused(stranger(50), "fred"));
    }

    #[test]
    fn a_stranger_who_knows_a_name_does_not_lock_out_its_owner() {
        let mut test = Test::new();
        let (home, train) = (stranger(100), stranger(101));
        test.log_in(home, "fred");
        for number in 1..=3 {
            test.fail(stranger(number), "fred");
        }
        assert!(test.is_refused(stranger(1), "fred"));
        test.log_in(home, "fred");
        // From where he never was, at the first try; and from then on, there too.
        test.log_in(train, "fred");
        test.log_in(train, "fred");
    }

    #[test]
    fn a_device_with_an_old_password_does_not_lock_out_those_behind_the_same_router() {
        let mut test = Test::new();
        let home = stranger(100);
        test.log_in(home, "jane");
        for _ in 0..2 {
            assert_eq!(test.fail(home, "fred"), []);
        }
        assert_eq!(test.fail(home, "fred"), [Locked::Origin, Locked::Name]);
        assert!(test.is_refused(home, "guest"));
        test.log_in(home, "jane");
    }

    #[test]
    fn a_friend_has_no_more_guesses_than_a_stranger() {
        let mut test = Test::new();
        let home = stranger(100);
        test.log_in(home, "fred");
        for _ in 0..2 {
            assert_eq!(test.fail(home, "fred"), []);
        }
        assert_eq!(test.fail(home, "fred"), [Locked::Friend]);
        assert!(test.is_refused(home, "fred"));
        assert!(!test.is_refused(stranger(1), "fred"));
        test.wait(60);
        test.fail(home, "fred");
        test.log_in(home, "fred");
        for _ in 0..2 {
            assert_eq!(test.fail(home, "fred"), [], "forgiven by the right one");
        }
    }

    #[test]
    fn a_login_of_ones_own_does_not_pay_for_guesses_at_others() {
        let mut test = Test::new();
        let guest = stranger(1);
        for name in ["a", "b"] {
            test.fail(guest, name);
            test.log_in(guest, "guest");
        }
        assert_eq!(test.fail(guest, "c"), [Locked::Origin]);
    }

    #[test]
    fn this_machine_is_not_locked_out_but_the_name_is() {
        let mut test = Test::new();
        for name in ["a", "b", "c", "d", "fred", "fred"] {
            assert_eq!(test.fail(Origin::Here, name), []);
        }
        assert_eq!(test.fail(Origin::Here, "fred"), [Locked::Name]);
        assert!(test.is_refused(Origin::Here, "fred"));
        assert!(!test.is_refused(Origin::Here, "e"));
        assert!(!test.is_refused(stranger(1), "fred"));
    }

    #[test]
    fn who_opens_many_connections_at_once_has_no_more_guesses() {
        let mut test = Test::new();
        let attempts = [(); 3].map(|()| test.go(stranger(1), "fred"));
        assert_eq!(test.start(stranger(1), "fred"), Start::Wait);
        assert_eq!(test.start(stranger(1), "jane"), Start::Wait);
        // From elsewhere it is the last guess but one at this name; the last is taken now.
        let other = test.go(stranger(2), "fred");
        assert_eq!(test.start(stranger(2), "fred"), Start::Wait);
        for attempt in &attempts[..2] {
            assert_eq!(test.end(attempt, Outcome::Wrong), []);
        }
        assert_eq!(test.start(stranger(1), "jane"), Start::Wait);
        assert_eq!(test.end(&attempts[2], Outcome::Right), []);
        test.log_in(stranger(1), "fred");
        assert_eq!(test.end(&other, Outcome::Wrong), [Locked::Name]);
    }

    #[test]
    fn a_family_that_comes_back_all_at_once_is_let_in() {
        let mut test = Test::new();
        let home = stranger(100);
        let mut waiting: Vec<_> = (0..20).map(|number| format!("u{}", number % 7)).collect();
        let mut turns = 0;
        while !waiting.is_empty() {
            let mut running = Vec::new();
            waiting.retain(|name| match test.start(home, name) {
                Start::Go(attempt) => {
                    running.push(attempt);
                    false
                }
                Start::Wait => true,
                Start::Refused(_) => panic!("{name} is refused"),
            });
            assert!(!running.is_empty(), "everybody waits for nobody");
            for attempt in running {
                test.end(&attempt, Outcome::Right);
            }
            turns += 1;
        }
        assert!(turns > 1);
    }

    #[test]
    fn new_rules_forgive_and_zero_turns_it_off() {
        let mut test = Test::new();
        let running = test.go(stranger(1), "fred");
        for _ in 0..2 {
            test.fail(stranger(1), "fred");
        }
        test.throttle.restart(RULES);
        assert_eq!(test.end(&running, Outcome::Wrong), []);
        test.throttle.restart(Rules {
            failures: 0,
            ..RULES
        });
        for _ in 0..100 {
            assert_eq!(test.fail(stranger(1), "fred"), []);
        }
    }

    #[test]
    fn memory_is_bounded_and_a_flood_of_names_and_addresses_frees_nobody() {
        let mut test = Test::new();
        for _ in 0..3 {
            test.fail(stranger(1), "fred");
        }
        for number in 0..6000_u32 {
            let origin = Origin::of(Some((0x0a00_0000 + number).to_be_bytes().into()));
            test.fail(origin, &number.to_string());
        }
        assert_eq!(test.throttle.origins.len(), MAX_ADDRESSES);
        assert_eq!(test.throttle.names.len(), MAX_NAMES);
        assert_eq!(test.throttle.pairs.len(), MAX_PAIRS);
        assert!(test.is_refused(stranger(1), "jane"));
        assert!(test.is_refused(stranger(1), "fred"));
        for number in 0..2000_u32 {
            test.log_in(Origin::Here, &number.to_string());
        }
        assert_eq!(test.throttle.friends.len(), MAX_FRIENDS);
        test.wait(60);
        test.fail(stranger(2), "jane");
        assert_eq!(test.throttle.origins.len(), 1);
    }
}
