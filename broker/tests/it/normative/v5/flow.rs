//! Flow control (section 4.9).

use super::{connect, join, publish};
use crate::wire::{Client, Target, Value, ack, ack_with, kind, property, property_id as id};

#[test]
fn a_client_is_sent_no_more_at_once_than_it_takes_and_everything_in_the_end() {
    let broker = Target::plain();
    for maximum in [1, 2, 5] {
        let (mut client, _) = Client::enter(
            &broker,
            &connect("c").with(property(id::RECEIVE_MAXIMUM, maximum)),
        );
        client.subscribe("t", 2);
        let mut publisher = join(&broker, "publisher");
        for number in 0..10_u8 {
            publisher.deliver(&publish("t", [b'0' + number]).qos(1 + number % 2, 1));
        }
        let mut heard = Vec::new();
        let mut open = client.pending();
        while !open.is_empty() {
            assert!(
                open.len() <= maximum as usize,
                "{} of {maximum}",
                open.len()
            );
            let message = open.remove(0);
            heard.push(message.payload[0]);
            let id = message.id.unwrap();
            if message.qos() == 1 {
                client.send(ack(kind::PUBACK, id));
            } else {
                client.send(ack(kind::PUBREC, id));
                client.expect_begin("PUBREL");
                client.expect_nothing();
                client.send(ack(kind::PUBCOMP, id));
            }
            open.extend(client.pending());
        }
        assert_eq!(heard, *b"0123456789");
    }
}

#[test]
fn a_full_window_holds_up_nothing_but_numbered_messages() {
    let broker = Target::plain();
    let (mut client, _) = Client::enter(
        &broker,
        &connect("c").with(property(id::RECEIVE_MAXIMUM, 1)),
    );
    client.subscribe("t", 1);
    let mut publisher = join(&broker, "publisher");
    for _ in 0..3 {
        publisher.deliver(&publish("t", "x").qos(1, 1));
    }
    assert_eq!(client.pending().len(), 1);
    client.subscribe("u", 0);
    client.send(publish("v", "x").qos(1, 5).bytes());
    client.expect_begin("PUBACK m5");
    client.send(publish("v", "x").qos(2, 6).bytes());
    client.expect_begin("PUBREC m6");
    client.send(ack(kind::PUBREL, 6));
    client.expect_begin("PUBCOMP m6");
}

#[test]
fn a_refusal_makes_room_for_the_next() {
    let broker = Target::plain();
    let (mut client, _) = Client::enter(
        &broker,
        &connect("c").with(property(id::RECEIVE_MAXIMUM, 1)),
    );
    client.subscribe("t", 2);
    let mut publisher = join(&broker, "publisher");
    for (payload, qos) in [("a", 1), ("b", 2), ("c", 1)] {
        publisher.deliver(&publish("t", payload).qos(qos, 1));
    }
    let first = client.expect_begin("PUBLISH d0 q1 r0");
    client.send(ack_with(kind::PUBACK, first.id.unwrap(), 0x80, &[]));
    let second = client.expect_begin("PUBLISH d0 q2 r0");
    client.send(ack_with(kind::PUBREC, second.id.unwrap(), 0x80, &[]));
    client.expect_message("c");
}

#[test]
fn a_client_that_sends_more_at_once_than_the_broker_takes_is_disconnected() {
    let broker = Target::start("max_inflight_messages 10");
    let (mut client, answer) = Client::enter(&broker, &connect("c"));
    assert_eq!(
        answer.property(id::RECEIVE_MAXIMUM),
        Some(&Value::Two(10)),
        "{answer}"
    );
    for number in 1..=10 {
        client.send(publish("t", "x").qos(2, number).bytes());
        client.expect_begin(&format!("PUBREC m{number}"));
    }
    client.send(publish("t", "x").qos(2, 11).bytes());
    client.expect_disconnected(0x93);
}

#[test]
fn the_quota_is_whole_again_on_a_new_connection() {
    let broker = Target::plain();
    let two = || super::lasting(super::V5, "c").with(property(id::RECEIVE_MAXIMUM, 2));
    let (mut client, _) = Client::enter(&broker, &two());
    client.subscribe("t", 1);
    let mut publisher = join(&broker, "publisher");
    for number in 0..4_u8 {
        publisher.deliver(&publish("t", [b'0' + number]).qos(1, 1));
    }
    assert_eq!(client.pending().len(), 2);
    client.vanish();
    let (mut client, _) = Client::enter(&broker, &two());
    for payload in ["0", "1", "2", "3"] {
        client.expect_message(payload);
    }
}
