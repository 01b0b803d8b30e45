//! Who may try a password, played through.

use std::time::{Duration, Instant};

use super::policy::{MAX_ADDRESSES, MAX_FRIENDS, MAX_NAMES, MAX_NETWORKS, MAX_PAIRS};
use super::{Attempt, Guess, Locked, Origin, Outcome, Rules, Start, Throttle};

const RULES: Rules = Rules {
    failures: 3,
    window: Duration::from_secs(60),
};

/// A throttle and its clock.
struct Test {
    throttle: Throttle,
    now: Instant,
    /// How many passwords were tried, each another one.
    tried: u64,
}

fn stranger(number: u8) -> Origin {
    Origin::of(Some([203, 0, 113, number].into()))
}

impl Test {
    fn new() -> Self {
        Self {
            throttle: Throttle::new(RULES),
            now: Instant::now(),
            tried: 0,
        }
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn start(&mut self, origin: Origin, name: &str) -> Start {
        self.tried += 1;
        let guess = self.throttle.guess(b"another", self.tried);
        self.throttle.start(self.now, origin, name, guess)
    }

    /// Somebody tries `password`, which is wrong; whether it was looked at.
    fn try_wrong(&mut self, origin: Origin, name: &str, password: &str) -> bool {
        let guess = self.guess(password);
        match self.throttle.start(self.now, origin, name, guess) {
            Start::KnownWrong => false,
            Start::Go(attempt) => {
                self.end(&attempt, Outcome::Wrong);
                true
            }
            other => panic!("{name} from {origin}: {other:?}"),
        }
    }

    fn guess(&self, password: &str) -> Guess {
        self.throttle.guess(password.as_bytes(), "hash")
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
            Start::Wait | Start::KnownWrong => false,
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
fn devices_that_repeat_old_passwords_lock_out_nobody_and_are_looked_at_once() {
    let mut test = Test::new();
    let home = stranger(100);
    let mut looked_at = 0;
    for _ in 0..100 {
        looked_at += usize::from(test.try_wrong(home, "bob", "phone's"));
        looked_at += usize::from(test.try_wrong(home, "bob", "tablet's"));
        test.wait(7);
    }
    assert_eq!(looked_at, 2);
    test.log_in(home, "fred");
    test.log_in(home, "bob");
    test.log_in(stranger(1), "bob");
}

#[test]
fn a_wrong_password_is_another_guess_from_elsewhere_for_another_name_or_against_another_hash() {
    let mut test = Test::new();
    assert!(test.try_wrong(stranger(1), "bob", "old"));
    assert!(!test.try_wrong(stranger(1), "bob", "old"));
    assert!(test.try_wrong(stranger(2), "bob", "old"));
    assert!(test.try_wrong(stranger(1), "fred", "old"));
    let anew = test.throttle.guess(b"old", "another hash");
    let start = test.throttle.start(test.now, stranger(1), "bob", anew);
    let Start::Go(attempt) = start else {
        panic!("{start:?}")
    };
    assert_eq!(test.end(&attempt, Outcome::Right), []);
}

#[test]
fn one_device_on_several_connections_at_once_counts_once() {
    let mut test = Test::new();
    let home = stranger(100);
    let guess = test.guess("old");
    let attempts = [(); 3].map(
        |()| match test.throttle.start(test.now, home, "bob", guess) {
            Start::Go(attempt) => attempt,
            other => panic!("{other:?}"),
        },
    );
    for attempt in &attempts {
        assert_eq!(test.end(attempt, Outcome::Wrong), []);
    }
    test.log_in(home, "fred");
}

#[test]
fn a_network_of_many_addresses_has_ten_times_the_guesses_of_one() {
    let mut test = Test::new();
    let address = |network: u16, number: u16| {
        Origin::of(Some([0x2001, 0xdb8, network, number, 0, 0, 0, 1].into()))
    };
    for number in 0..29 {
        assert_eq!(test.fail(address(1, number), &number.to_string()), []);
    }
    assert_eq!(test.fail(address(1, 29), "29"), [Locked::Network]);
    assert!(test.is_refused(address(1, 30), "fred"));
    assert!(!test.is_refused(address(2, 30), "fred"));
    test.wait(60);
    test.log_in(address(1, 30), "fred");
}

#[test]
fn a_limit_that_is_turned_off_while_passwords_are_checked_leaves_nothing_behind() {
    let mut test = Test::new();
    let off = Rules {
        failures: 0,
        ..RULES
    };
    let home = stranger(100);
    for outcome in [Outcome::Right, Outcome::Wrong, Outcome::Unknown] {
        let running = [(); 3].map(|()| test.go(home, "fred"));
        test.throttle.restart(off);
        for attempt in &running {
            assert_eq!(test.end(attempt, outcome), []);
        }
        // And the other way: what began without a limit ends under one.
        let unlimited = [(); 50].map(|()| test.go(home, "jane"));
        test.throttle.restart(RULES);
        for attempt in &unlimited {
            test.end(attempt, Outcome::Unknown);
        }
        assert_eq!(test.throttle.origins.len(), 0);
        assert_eq!(test.throttle.names.len(), 0);
        assert_eq!(test.throttle.pairs.len(), 0);
        test.log_in(home, "fred");
        test.log_in(home, "jane");
    }
}

#[test]
fn a_person_who_forgot_a_password_locks_out_those_behind_the_same_router_who_are_new() {
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
            Start::Refused(_) | Start::KnownWrong => panic!("{name} is refused"),
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
    for number in 0..2000_u16 {
        let address = [0x2001, 0xdb8, number, 0, 0, 0, 0, 1];
        test.fail(Origin::of(Some(address.into())), &number.to_string());
    }
    assert_eq!(test.throttle.networks.len(), MAX_NETWORKS);
}
