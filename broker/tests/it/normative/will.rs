//! Wills (section 3.1.2.5).

use super::in_each_version;
use crate::wire::{Client, Connect, Target, Version, Will, connect, kind, publish};

fn mortal(version: Version, will: Will) -> Connect {
    connect(version, "mortal").will(will)
}

fn heir(broker: &Target, version: Version) -> Client {
    let mut heir = Client::join(broker, version, "heir");
    heir.subscribe("will", 2);
    heir
}

#[test]
fn a_will_is_published_when_the_connection_ends_without_a_word() {
    in_each_version(|broker, version| {
        let mut heir = heir(broker, version);
        for qos in [0, 1, 2] {
            let will = Will::new("will", "gone").qos(qos);
            Client::enter(broker, &mortal(version, will)).0.vanish();
            let message = heir.expect_message("gone");
            assert_eq!((message.qos(), message.flags & 1), (qos, 0));
        }
    });
}

#[test]
fn a_will_is_published_after_an_error_of_its_client() {
    in_each_version(|broker, version| {
        let mut heir = heir(broker, version);
        let (mut rude, _) = Client::enter(broker, &mortal(version, Will::new("will", "gone")));
        rude.send(b"\x00\x00");
        heir.expect_message("gone");
    });
}

#[test]
fn a_will_is_published_when_its_client_is_silent_for_too_long() {
    in_each_version(|broker, version| {
        let mut heir = heir(broker, version);
        let silent = mortal(version, Will::new("will", "gone")).keep_alive(1);
        let (_silent, _) = Client::enter(broker, &silent);
        heir.expect_message("gone");
    });
}

#[test]
fn a_will_is_void_after_a_disconnect() {
    in_each_version(|broker, version| {
        let mut heir = heir(broker, version);
        Client::enter(broker, &mortal(version, Will::new("will", "gone")))
            .0
            .leave();
        heir.expect_nothing();
    });
}

#[test]
fn a_will_is_published_once_and_then_forgotten() {
    in_each_version(|broker, version| {
        let mut heir = heir(broker, version);
        Client::enter(broker, &mortal(version, Will::new("will", "gone")))
            .0
            .vanish();
        heir.expect_message("gone");
        Client::join(broker, version, "mortal").vanish();
        heir.expect_nothing();
    });
}

#[test]
fn a_client_without_a_will_leaves_none() {
    in_each_version(|broker, version| {
        let mut heir = Client::join(broker, version, "heir");
        heir.subscribe("#", 2);
        Client::join(broker, version, "immortal").vanish();
        heir.expect_nothing();
    });
}

#[test]
fn a_will_is_retained_only_if_it_asks_for_it() {
    in_each_version(|broker, version| {
        for (will, kept) in [
            (Will::new("will", "gone").qos(1), false),
            (Will::new("will", "kept").qos(1).retain(), true),
        ] {
            let mut heir = heir(broker, version);
            Client::enter(broker, &mortal(version, will)).0.vanish();
            heir.packet();
            let mut late = Client::join(broker, version, "late");
            late.subscribe("will", 0);
            let retained = late.pending();
            assert_eq!(!retained.is_empty(), kept);
            assert!(
                retained
                    .iter()
                    .all(|packet| packet.kind == kind::PUBLISH && packet.flags & 1 == 1)
            );
        }
    });
}

#[test]
fn a_will_that_is_replaced_by_a_new_connection_is_published() {
    in_each_version(|broker, version| {
        let mut heir = heir(broker, version);
        let (_old, _) = Client::enter(broker, &mortal(version, Will::new("will", "gone")));
        let _new = Client::join(broker, version, "mortal");
        heir.expect_message("gone");
    });
}

#[test]
fn a_will_may_be_empty() {
    in_each_version(|broker, version| {
        let mut heir = heir(broker, version);
        Client::enter(broker, &mortal(version, Will::new("will", "")))
            .0
            .vanish();
        heir.expect_message("");
        heir.send(publish(version, "will", "after").bytes());
        heir.expect_message("after");
    });
}
