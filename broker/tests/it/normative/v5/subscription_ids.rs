//! Subscription identifiers (sections 3.8.2.1.2 and 3.3.4).

use super::{expect_end, join, publish, subscribe};
use crate::wire::{Client, Packet, Target, Value, kind, property, property_id as id, unsubscribe};

fn identified(client: &mut Client, filter: &str, options: u8, number: u32) {
    client.send(
        subscribe(1)
            .to(filter, options)
            .with(property(id::SUBSCRIPTION_ID, number))
            .bytes(),
    );
    client.expect_begin("SUBACK m1 0x0");
}

fn identifiers(message: &Packet) -> Vec<u32> {
    let mut found: Vec<_> = message
        .properties
        .iter()
        .flatten()
        .filter_map(|property| match property.value {
            Value::Variable(number) => Some(number),
            _ => None,
        })
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn a_message_names_the_subscription_it_comes_by() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    for (topic, number) in [("a", 1), ("b", 127), ("c", 128), ("d", 268_435_455)] {
        identified(&mut client, topic, 0, number);
        client.send(publish(topic, "x").bytes());
        assert_eq!(identifiers(&client.expect_message("x")), [number]);
    }
    client.subscribe("e", 0);
    client.send(publish("e", "x").bytes());
    assert_eq!(identifiers(&client.expect_message("x")), Vec::<u32>::new());
}

#[test]
fn one_copy_for_overlapping_subscriptions_names_them_all() {
    let broker = Target::start("allow_duplicate_messages false");
    let mut client = join(&broker, "c");
    identified(&mut client, "a/#", 0, 7);
    identified(&mut client, "a/+", 0, 8);
    client.subscribe("a/b", 0);
    client.send(publish("a/b", "x").bytes());
    assert_eq!(identifiers(&client.expect_message("x")), [7, 8]);
    client.expect_nothing();
}

#[test]
fn a_copy_for_each_of_overlapping_subscriptions_names_its_own() {
    let broker = Target::start("allow_duplicate_messages true");
    let mut client = join(&broker, "c");
    identified(&mut client, "a/#", 0, 7);
    identified(&mut client, "a/+", 0, 8);
    client.send(publish("a/b", "x").bytes());
    let mut heard: Vec<_> = client.pending().iter().map(identifiers).collect();
    heard.sort();
    assert_eq!(heard, [[7], [8]]);
}

#[test]
fn an_identifier_is_replaced_with_its_subscription_and_goes_with_it() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    identified(&mut client, "a", 0, 7);
    identified(&mut client, "a", 0, 9);
    client.send(publish("a", "x").bytes());
    assert_eq!(identifiers(&client.expect_message("x")), [9]);
    client.subscribe("a", 0);
    client.send(publish("a", "x").bytes());
    assert_eq!(identifiers(&client.expect_message("x")), Vec::<u32>::new());
    client.send(unsubscribe(super::V5, 2, &["a"]));
    client.expect_begin("UNSUBACK m2");
}

#[test]
fn a_retained_message_names_the_subscription_that_brings_it() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    client.send(publish("a", "kept").retain().bytes());
    identified(&mut client, "a", 0, 5);
    assert_eq!(identifiers(&client.expect_message("kept")), [5]);
}

#[test]
fn an_identifier_from_a_publishing_client_or_of_0_ends_the_connection() {
    let broker = Target::plain();
    let bad = property(id::SUBSCRIPTION_ID, 1);
    expect_end(
        &broker,
        &publish("t", "x").with(bad.clone()).bytes(),
        &[0x81, 0x82],
    );
    let zero = subscribe(1)
        .to("t", 0)
        .with(property(id::SUBSCRIPTION_ID, 0));
    expect_end(&broker, &zero.bytes(), &[0x81, 0x82]);
    let twice = subscribe(1).to("t", 0).with(bad.clone()).with(bad);
    expect_end(&broker, &twice.bytes(), &[0x82]);
}

#[test]
fn an_identifier_is_kept_with_the_session() {
    let broker = Target::plain();
    let mut client = super::resume(&broker, "c");
    identified(&mut client, "a", 1, 12);
    client.leave();
    join(&broker, "publisher").deliver(&publish("a", "x").qos(1, 1));
    let mut client = super::resume(&broker, "c");
    assert_eq!(identifiers(&client.expect_message("x")), [12]);
    assert!(
        client
            .pending()
            .iter()
            .all(|packet| packet.kind != kind::PUBLISH)
    );
}
