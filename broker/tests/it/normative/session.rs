//! What is kept between connections (sections 3.1.2.4 and 4.1).

use super::{in_each_version, lasting};
use crate::wire::{Client, Target, Version, connect, publish};

/// Leaves a session that is subscribed to `t`.
fn leave_a_session(broker: &Target, version: Version, id: &str) {
    let (mut client, _) = Client::enter(broker, &lasting(version, id));
    client.subscribe("t", 2);
    client.leave();
}

fn deliver(broker: &Target, version: Version, payload: &str, qos: u8) {
    let mut publisher = Client::join(broker, version, "publisher");
    publisher.deliver(&publish(version, "t", payload).qos(qos, 1));
}

#[test]
fn a_session_is_resumed_with_its_subscriptions() {
    in_each_version(|broker, version| {
        leave_a_session(broker, version, "c");
        let (mut client, answer) = Client::enter(broker, &lasting(version, "c"));
        assert!(answer.session_present);
        deliver(broker, version, "x", 1);
        client.expect_message("x");
    });
}

#[test]
fn messages_of_quality_of_service_1_and_2_wait_for_a_client_that_is_away() {
    in_each_version(|broker, version| {
        leave_a_session(broker, version, "c");
        deliver(broker, version, "one", 1);
        deliver(broker, version, "two", 2);
        let (mut client, _) = Client::enter(broker, &lasting(version, "c"));
        assert_eq!(client.expect_message("one").qos(), 1);
        assert_eq!(client.expect_message("two").qos(), 2);
        client.expect_nothing();
    });
}

#[test]
fn a_clean_session_discards_what_was_there_and_leaves_nothing() {
    in_each_version(|broker, version| {
        leave_a_session(broker, version, "c");
        deliver(broker, version, "lost", 1);
        let (mut client, _) = Client::enter(broker, &connect(version, "c"));
        client.expect_nothing();
        deliver(broker, version, "lost too", 1);
        client.subscribe("t", 1);
        client.leave();
        deliver(broker, version, "nobody's", 1);
        let (mut client, answer) = Client::enter(broker, &lasting(version, "c"));
        assert!(!answer.session_present);
        client.expect_nothing();
    });
}

#[test]
fn a_session_belongs_to_its_client_identifier() {
    in_each_version(|broker, version| {
        leave_a_session(broker, version, "mine");
        deliver(broker, version, "mine", 1);
        let (mut other, answer) = Client::enter(broker, &lasting(version, "yours"));
        assert!(!answer.session_present);
        other.expect_nothing();
        Client::enter(broker, &lasting(version, "mine"))
            .0
            .expect_message("mine");
    });
}

#[test]
fn retained_messages_outlive_the_session_of_who_sent_them() {
    in_each_version(|broker, version| {
        let mut publisher = Client::join(broker, version, "publisher");
        publisher.deliver(&publish(version, "t", "kept").retain().qos(1, 1));
        publisher.leave();
        let mut client = Client::join(broker, version, "publisher");
        client.subscribe("t", 1);
        client.expect_message("kept");
    });
}

#[test]
fn a_session_lasts_as_long_as_its_connection() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "clean");
        client.subscribe("t", 1);
        for number in 0..20 {
            deliver(broker, version, &number.to_string(), 1);
            client.expect_message(&number.to_string());
        }
    });
}

#[test]
fn a_session_is_resumed_by_a_connection_that_takes_over() {
    in_each_version(|broker, version| {
        let (mut old, _) = Client::enter(broker, &lasting(version, "c"));
        old.subscribe("t", 1);
        let (mut new, answer) = Client::enter(broker, &lasting(version, "c"));
        assert!(answer.session_present);
        deliver(broker, version, "x", 1);
        new.expect_message("x");
    });
}
