//! DISCONNECT from the broker (section 3.14) and errors (section 4.13).

use super::{V5, connect, expect_end, join, publish};
use crate::wire::{
    Client, Target, Value, disconnect_with, frame, kind, property, property_id as id,
};

/// What the broker says to a client that breaks a rule.
fn told(broker: &Target, offence: &[u8]) -> crate::wire::Packet {
    let mut client = join(broker, "offender");
    client.send(offence);
    let told = client.packet();
    client.expect_closed();
    told
}

#[test]
fn a_disconnect_from_the_broker_has_a_code_of_its_own_and_no_session_expiry() {
    let broker = Target::plain();
    for offence in [
        connect("offender").bytes(),
        frame(0x00, b""),
        publish("#", "x").bytes(),
    ] {
        let told = told(&broker, &offence);
        assert_eq!(told.kind, kind::DISCONNECT);
        assert!(matches!(told.code(), 0x81 | 0x82 | 0x90), "{told}");
        assert_eq!(told.property(id::SESSION_EXPIRY), None);
    }
}

#[test]
fn the_broker_says_nothing_before_its_connack_and_no_disconnect_instead_of_it() {
    let broker = Target::plain();
    for bytes in [
        frame(0xC0, b""),
        frame(0xE0, b""),
        vec![0; 16],
        connect("c").flip(1).bytes(),
    ] {
        let mut client = Client::open(&broker, V5);
        client.send(bytes);
        if let Some(packet) = client.next() {
            assert_eq!(packet.kind, kind::CONNACK, "{packet}");
        }
        client.expect_closed();
    }
}

#[test]
fn after_its_disconnect_the_broker_sends_nothing_and_closes() {
    let broker = Target::plain();
    let mut client = join(&broker, "offender");
    client.subscribe("t", 0);
    let mut bytes = frame(0x00, b"");
    bytes.extend(publish("t", "after").bytes());
    client.send(bytes);
    let told = client.packet();
    assert_eq!(told.kind, kind::DISCONNECT, "{told}");
    client.expect_closed();
}

#[test]
fn a_disconnect_is_no_larger_than_its_client_takes() {
    let broker = Target::plain();
    let small = connect("offender").with(property(id::MAXIMUM_PACKET_SIZE, 20));
    let mut client = Client::open(&broker, V5);
    client.send(small.bytes());
    if client.next().is_some_and(|answer| answer.code() == 0) {
        client.send(frame(0x00, b""));
        if let Some(told) = client.next() {
            // Fixed header, code, length of properties and the identifier and length of one: 7 bytes.
            let reason = told.property(id::REASON_STRING);
            let fits = !matches!(reason, Some(Value::Text(text)) if text.len() > 13);
            assert!(fits, "{told}");
        }
    }
    client.expect_closed();
}

#[test]
fn a_disconnect_of_a_client_with_reasons_is_a_disconnect() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    let reasons = [
        property(id::REASON_STRING, "tired"),
        property(id::USER_PROPERTY, ("a", "b")),
    ];
    client.send(disconnect_with(0, &reasons));
    client.expect_closed();
    expect_end(
        &broker,
        &disconnect_with(0, &[property(id::TOPIC_ALIAS, 1)]),
        &[0x81, 0x82],
    );
    expect_end(&broker, &frame(0xE2, b"\0"), &[0x81]);
}

#[test]
fn every_error_ends_the_connection_whether_it_is_told_or_not() {
    let broker = Target::plain();
    for (offence, code) in [
        (connect("offender").bytes(), 0x82),
        (
            publish("t", "x").with(property(id::TOPIC_ALIAS, 0)).bytes(),
            0x94,
        ),
        (frame(0x30, b"\0\x01t\x02\x01\x02"), 0x82),
        (frame(0x82, b"\0\x01\0"), 0x82),
    ] {
        let told = told(&broker, &offence);
        assert!(
            told.code() == code || told.code() == 0x81,
            "{told}, not {code:#x}"
        );
    }
}
