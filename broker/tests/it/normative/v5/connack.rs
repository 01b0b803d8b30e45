//! The properties of CONNACK (section 3.2.2.3).

use std::time::Instant;

use super::{V5, connect, expect_end, join, publish, refusal};
use crate::wire::{Client, Target, Value, Will, property, property_id as id};

#[test]
fn a_client_without_an_identifier_is_told_the_one_it_is_given() {
    let broker = Target::plain();
    let mut clients = Vec::new();
    for _ in 0..5 {
        let (client, answer) = Client::enter(&broker, &connect(""));
        let Some(Value::Text(given)) = answer.property(id::ASSIGNED_CLIENT_ID).cloned() else {
            panic!("no identifier in {answer}")
        };
        assert!(!given.is_empty());
        clients.push((given, client));
    }
    for (index, (given, _)) in clients.iter().enumerate() {
        assert!(
            clients[..index].iter().all(|(other, _)| other != given),
            "{given} twice"
        );
    }
    let (given, mut client) = clients.remove(0);
    let _successor = join(&broker, &given);
    client.expect_begin("DISCONNECT 0x8e");
}

#[test]
fn a_client_with_an_identifier_is_not_given_another() {
    let broker = Target::plain();
    let (_client, answer) = Client::enter(&broker, &connect("c"));
    assert_eq!(answer.property(id::ASSIGNED_CLIENT_ID), None);
}

#[test]
fn a_session_begun_without_an_identifier_is_resumed_by_the_one_that_was_given() {
    let broker = Target::plain();
    let expiry = || property(id::SESSION_EXPIRY, 100);
    let (client, answer) = Client::enter(&broker, &connect("").resume().with(expiry()));
    let Some(Value::Text(given)) = answer.property(id::ASSIGNED_CLIENT_ID) else {
        panic!("no identifier in {answer}")
    };
    client.leave();
    let (_client, answer) = Client::enter(&broker, &connect(given).resume().with(expiry()));
    assert!(answer.session_present);
}

#[test]
fn the_highest_quality_of_service_is_told_and_kept_to() {
    for max in [0, 1] {
        let broker = Target::start(&format!("max_qos {max}"));
        let (mut client, answer) = Client::enter(&broker, &connect("c"));
        assert_eq!(answer.property(id::MAXIMUM_QOS), Some(&Value::Byte(max)));
        client.send(super::subscribe(1).to("t", 2).bytes());
        let granted = client.expect_begin("SUBACK m1").code();
        assert!(granted <= 2, "{granted:#x}");
        expect_end(&broker, &publish("t", "x").qos(max + 1, 1).bytes(), &[0x9B]);
        let will = Will::new("w", "x").qos(max + 1);
        assert_eq!(
            refusal(&broker, V5, &connect("c").will(will).bytes()),
            Some(0x9B)
        );
    }
}

#[test]
fn without_retained_messages_the_broker_says_so_and_refuses_them() {
    let broker = Target::start("retain_available false");
    let (_client, answer) = Client::enter(&broker, &connect("c"));
    assert_eq!(answer.property(id::RETAIN_AVAILABLE), Some(&Value::Byte(0)));
    expect_end(&broker, &publish("t", "x").retain().bytes(), &[0x9A]);
    let will = Will::new("w", "x").retain();
    assert_eq!(
        refusal(&broker, V5, &connect("c").will(will).bytes()),
        Some(0x9A)
    );
}

#[test]
fn a_shorter_keep_alive_is_told_and_kept_to() {
    let broker = Target::start("max_keepalive 10");
    for keep_alive in [0, 11, u16::MAX] {
        let (_client, answer) = Client::enter(&broker, &connect("c").keep_alive(keep_alive));
        assert_eq!(
            answer.property(id::SERVER_KEEP_ALIVE),
            Some(&Value::Two(10)),
            "{keep_alive}"
        );
    }
}

#[test]
fn without_a_server_keep_alive_the_clients_counts() {
    let broker = Target::plain();
    let (mut client, answer) = Client::enter(&broker, &connect("c").keep_alive(1));
    assert_eq!(answer.property(id::SERVER_KEEP_ALIVE), None);
    let start = Instant::now();
    while client.next().is_some() {}
    assert!(start.elapsed().as_millis() >= 1500);
}

#[test]
fn a_connack_is_no_larger_than_its_client_takes() {
    let broker = Target::plain();
    for size in [20, 30, 64] {
        let mut client = Client::open(&broker, V5);
        client.send(
            connect("c")
                .with(property(id::MAXIMUM_PACKET_SIZE, size))
                .bytes(),
        );
        if let Some(answer) = client.next() {
            // First byte, remaining length, flags, code, length of properties; the longest there are here.
            let told: usize = answer
                .properties
                .iter()
                .flatten()
                .map(|property| match &property.value {
                    Value::Byte(_) => 2,
                    Value::Two(_) => 3,
                    Value::Four(_) | Value::Variable(_) => 5,
                    Value::Text(text) => 3 + text.len(),
                    Value::Binary(bytes) => 3 + bytes.len(),
                    Value::Pair(key, value) => 5 + key.len() + value.len(),
                })
                .sum();
            assert!(told + 5 <= size as usize, "{answer}");
        }
    }
}

#[test]
fn limits_are_told() {
    let broker = Target::start("max_inflight_messages 7\nmax_packet_size 5000");
    let (_client, answer) = Client::enter(&broker, &connect("c"));
    assert_eq!(
        answer.property(id::RECEIVE_MAXIMUM),
        Some(&Value::Two(7)),
        "{answer}"
    );
    assert_eq!(
        answer.property(id::MAXIMUM_PACKET_SIZE),
        Some(&Value::Four(5000)),
        "{answer}"
    );
}
