//! How long messages are worth something (section 3.3.2.3.3).

use std::thread::sleep;
use std::time::Duration;

use super::{join, publish, resume};
use crate::wire::{Packet, Target, Value, ack, kind, property, property_id as id};

fn left(message: &Packet) -> u32 {
    let Some(Value::Four(seconds)) = message.property(id::MESSAGE_EXPIRY) else {
        panic!("no expiry in {message}")
    };
    *seconds
}

#[test]
fn a_message_that_waited_too_long_is_not_delivered_and_one_that_did_not_says_what_is_left() {
    let broker = Target::plain();
    let mut away = resume(&broker, "away");
    away.subscribe("#", 1);
    away.leave();
    let mut publisher = join(&broker, "publisher");
    publisher.deliver(
        &publish("t", "short")
            .qos(1, 1)
            .with(property(id::MESSAGE_EXPIRY, 1)),
    );
    publisher.deliver(
        &publish("t", "long")
            .qos(1, 1)
            .with(property(id::MESSAGE_EXPIRY, 100)),
    );
    publisher.deliver(&publish("t", "endless").qos(1, 1));
    sleep(Duration::from_millis(2500));
    let mut away = resume(&broker, "away");
    let long = left(&away.expect_message("long"));
    assert!((1..=98).contains(&long), "{long}");
    assert_eq!(
        away.expect_message("endless").property(id::MESSAGE_EXPIRY),
        None
    );
    away.expect_nothing();
}

#[test]
fn a_retained_message_expires_too() {
    let broker = Target::plain();
    let mut publisher = join(&broker, "publisher");
    publisher.deliver(
        &publish("a", "short")
            .retain()
            .qos(1, 1)
            .with(property(id::MESSAGE_EXPIRY, 1)),
    );
    publisher.deliver(
        &publish("b", "long")
            .retain()
            .qos(1, 1)
            .with(property(id::MESSAGE_EXPIRY, 100)),
    );
    sleep(Duration::from_millis(2500));
    let mut late = join(&broker, "late");
    late.subscribe("#", 0);
    assert!(left(&late.expect_message("long")) <= 98);
    late.expect_nothing();
}

#[test]
fn a_message_that_is_delivered_at_once_keeps_its_expiry() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    client.subscribe("t", 0);
    client.send(
        publish("t", "x")
            .with(property(id::MESSAGE_EXPIRY, 1000))
            .bytes(),
    );
    let left = left(&client.expect_message("x"));
    assert!((990..=1000).contains(&left), "{left}");
}

#[test]
fn a_message_that_was_sent_once_is_repeated_though_it_has_expired() {
    let broker = Target::plain();
    let mut client = resume(&broker, "c");
    client.subscribe("t", 2);
    let short = publish("t", "sent")
        .qos(2, 1)
        .with(property(id::MESSAGE_EXPIRY, 1));
    join(&broker, "publisher").deliver(&short);
    let first = client.expect_begin("PUBLISH d0 q2");
    client.vanish();
    sleep(Duration::from_millis(2500));
    let again = resume(&broker, "c").expect_begin("PUBLISH d1 q2");
    assert_eq!(again.id, first.id);
}

#[test]
fn the_answers_of_quality_of_service_2_go_on_though_the_message_has_expired() {
    let broker = Target::plain();
    let mut publisher = join(&broker, "publisher");
    publisher.send(
        publish("t", "x")
            .qos(2, 9)
            .with(property(id::MESSAGE_EXPIRY, 1))
            .bytes(),
    );
    publisher.expect_begin("PUBREC m9");
    sleep(Duration::from_millis(2500));
    publisher.send(ack(kind::PUBREL, 9));
    publisher.expect("PUBCOMP m9");
}
