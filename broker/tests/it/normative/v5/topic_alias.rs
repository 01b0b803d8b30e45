//! Topic aliases, both ways (section 3.3.2.3.4).

use super::{connect, expect_end, join, publish};
use crate::wire::{Client, Target, Value, property, property_id as id};

fn alias(number: u32) -> crate::wire::Property {
    property(id::TOPIC_ALIAS, number)
}

/// The highest alias that the broker takes.
fn maximum(broker: &Target) -> u16 {
    match Client::enter(broker, &connect("asks"))
        .1
        .property(id::TOPIC_ALIAS_MAXIMUM)
    {
        Some(Value::Two(maximum)) => *maximum,
        _ => 0,
    }
}

#[test]
fn every_alias_up_to_the_maximum_stands_for_the_topic_it_was_given() {
    let broker = Target::plain();
    let maximum = maximum(&broker);
    assert!(maximum > 0);
    let mut client = join(&broker, "c");
    client.subscribe("t/#", 0);
    for number in 1..=maximum {
        let topic = format!("t/{number}");
        client.send(publish(&topic, "named").with(alias(number.into())).bytes());
        let message = client.expect_message("named");
        assert_eq!(
            (&message.topic, message.property(id::TOPIC_ALIAS)),
            (&topic, None)
        );
    }
    for number in (1..=maximum).rev() {
        client.send(publish("", "by alias").with(alias(number.into())).bytes());
        assert_eq!(
            client.expect_message("by alias").topic,
            format!("t/{number}")
        );
    }
    client.send(publish("t/new", "renamed").with(alias(1)).bytes());
    client.expect_message("renamed");
    client.send(publish("", "by alias").with(alias(1)).bytes());
    assert_eq!(client.expect_message("by alias").topic, "t/new");
}

#[test]
fn an_alias_of_0_or_above_the_maximum_ends_the_connection() {
    let broker = Target::plain();
    let above = u32::from(maximum(&broker)) + 1;
    for number in [0, above, 65_535] {
        expect_end(
            &broker,
            &publish("t", "x").with(alias(number)).bytes(),
            &[0x94],
        );
    }
}

#[test]
fn no_topic_and_no_alias_that_stands_for_one_end_the_connection() {
    let broker = Target::plain();
    expect_end(&broker, &publish("", "x").bytes(), &[0x82]);
    expect_end(&broker, &publish("", "x").with(alias(1)).bytes(), &[0x82]);
}

#[test]
fn an_alias_ends_with_its_connection() {
    let broker = Target::plain();
    let mut client = super::resume(&broker, "offender");
    client.send(publish("t", "x").with(alias(1)).bytes());
    client.expect_nothing();
    client.leave();
    let mut client = super::resume(&broker, "offender");
    client.send(publish("", "x").with(alias(1)).bytes());
    client.expect_disconnected(0x82);
}

#[test]
fn a_client_that_takes_no_aliases_is_sent_none() {
    let broker = Target::plain();
    for connect in [
        connect("c"),
        connect("c").with(property(id::TOPIC_ALIAS_MAXIMUM, 0)),
    ] {
        let (mut client, _) = Client::enter(&broker, &connect);
        client.subscribe("t", 0);
        for _ in 0..3 {
            client.send(publish("t", "x").bytes());
            client.expect(r#"PUBLISH d0 q0 r0 "t" "x" {}"#);
        }
    }
}

#[test]
fn a_client_that_takes_aliases_is_sent_none_above_its_maximum_and_each_stands_for_its_topic() {
    let broker = Target::plain();
    let (mut client, _) = Client::enter(
        &broker,
        &connect("c").with(property(id::TOPIC_ALIAS_MAXIMUM, 3)),
    );
    client.subscribe("t/#", 0);
    let mut known = std::collections::BTreeMap::new();
    for round in 0..3 {
        for number in 0..6 {
            let topic = format!("t/{number}");
            client.send(publish(&topic, [b'0' + round]).bytes());
            let message = client.packet();
            if let Some(Value::Two(alias)) = message.property(id::TOPIC_ALIAS) {
                assert!((1..=3).contains(alias), "{message}");
                if !message.topic.is_empty() {
                    known.insert(*alias, message.topic.clone());
                }
                assert_eq!(known.get(alias), Some(&topic), "{message}");
            } else {
                assert_eq!(message.topic, topic);
            }
        }
    }
}

#[test]
fn without_aliases_configured_the_broker_says_so_and_takes_none() {
    let broker = Target::start("max_topic_alias 0");
    assert_eq!(maximum(&broker), 0);
    expect_end(&broker, &publish("t", "x").with(alias(1)).bytes(), &[0x94]);
}
