//! Packets that break one rule each.

use broker::codec::{DecodeError, Packet, QoS, Version};
use broker::topic::TopicError;

use super::decoded;

fn error(bytes: &[u8]) -> DecodeError {
    decoded(bytes, Version::V311).unwrap_err()
}

#[test]
fn each_broken_rule_has_its_error() {
    let cases: &[(&[u8], DecodeError)] = &[
        (b"\x00\x00", DecodeError::PacketType(0)),
        (b"\xF0\x00", DecodeError::PacketType(15)),
        (b"\xC1\x00", DecodeError::Flags(0xC1)),
        (b"\x60\x02\x00\x01", DecodeError::Flags(0x60)),
        (b"\x80\x06\x00\x01\x00\x01t\x00", DecodeError::Flags(0x80)),
        (b"\x30\xFF\xFF\xFF\xFF\x01", DecodeError::RemainingLength),
        (b"\x40\x00", DecodeError::Short),
        (b"\x40\x01\x00", DecodeError::Short),
        (b"\x40\x03\x00\x01\x00", DecodeError::Trailing(1)),
        (b"\x40\x02\x00\x00", DecodeError::PacketIdZero),
        (b"\xC0\x01\x00", DecodeError::Trailing(1)),
        (b"\x36\x05\x00\x01t\x00\x01", DecodeError::QoS(3)),
        (b"\x38\x03\x00\x01t", DecodeError::DupAtQoS0),
        (b"\x32\x05\x00\x01t\x00\x00", DecodeError::PacketIdZero),
        (b"\x30\x02\x00\x00", DecodeError::Topic(TopicError::Empty)),
        (
            b"\x30\x03\x00\x01#",
            DecodeError::Topic(TopicError::WildcardInName('#')),
        ),
        (b"\x30\x03\x00\x01\x00", DecodeError::Text),
        (b"\x30\x03\x00\x01\xFF", DecodeError::Text),
        (b"\x30\x05\x00\x03\xED\xA0\x80", DecodeError::Text),
        (b"\x30\x03\x00\x02t", DecodeError::Short),
        (b"\x82\x02\x00\x01", DecodeError::NoFilter),
        (b"\xA2\x02\x00\x01", DecodeError::NoFilter),
        (b"\x82\x06\x00\x01\x00\x01t\x03", DecodeError::QoS(3)),
        (b"\x82\x06\x00\x01\x00\x01t\x04", DecodeError::QoS(4)),
        (
            b"\x82\x07\x00\x01\x00\x02t#\x00",
            DecodeError::Topic(TopicError::WildcardInLevel('#')),
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(error(bytes), *expected, "{bytes:02x?}");
    }
}

/// A CONNECT with this name, level and flags, and `payload` behind the keep-alive.
fn connect(name: &str, level: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut body = vec![0, u8::try_from(name.len()).unwrap()];
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(&[level, flags, 0, 60]);
    body.extend_from_slice(payload);
    let mut packet = vec![0x10, u8::try_from(body.len()).unwrap()];
    packet.append(&mut body);
    packet
}

#[test]
fn each_broken_rule_of_connect_has_its_error() {
    let id = b"\x00\x01c";
    let cases = [
        (connect("MQTX", 4, 2, id), DecodeError::ProtocolName),
        (connect("MQTT", 3, 2, id), DecodeError::ProtocolLevel(3)),
        (
            connect("MQTT", 5, 2, b"\x00\x00\x01c"),
            DecodeError::ProtocolLevel(5),
        ),
        (connect("MQIsdp", 4, 2, id), DecodeError::ProtocolLevel(4)),
        (
            connect("MQTT", 4, 0x03, id),
            DecodeError::ConnectFlags(0x03),
        ),
        (
            connect("MQTT", 4, 0x0A, id),
            DecodeError::ConnectFlags(0x0A),
        ),
        (
            connect("MQTT", 4, 0x22, id),
            DecodeError::ConnectFlags(0x22),
        ),
        (
            connect("MQTT", 4, 0x42, b"\x00\x01c\x00\x01p"),
            DecodeError::ConnectFlags(0x42),
        ),
        (
            connect("MQTT", 4, 0x1E, b"\x00\x01c\x00\x01w\x00\x00"),
            DecodeError::QoS(3),
        ),
        (
            connect("MQTT", 4, 0x06, b"\x00\x01c\x00\x01+\x00\x00"),
            DecodeError::Topic(TopicError::WildcardInName('+')),
        ),
        (connect("MQTT", 4, 0x82, id), DecodeError::Short),
        (
            connect("MQTT", 4, 0x02, b"\x00\x01c\x00"),
            DecodeError::Trailing(1),
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(error(&bytes), expected, "{bytes:02x?}");
    }
}

#[test]
fn version_3_1_has_no_reserved_bits_and_may_leave_out_what_its_flags_announce() {
    let bytes = connect("MQIsdp", 0x83, 0x83, b"\x00\x01c");
    let packet = decoded(&bytes, Version::V311).unwrap();
    let Some(Packet::Connect(connect)) = packet else {
        panic!("no CONNECT: {packet:?}")
    };
    assert_eq!((connect.version, connect.bridge), (Version::V31, true));
    assert_eq!((connect.username, connect.password), (None, None));
    let repeated = b"\x8A\x06\x00\x01\x00\x01t\x02";
    let packet = decoded(repeated, Version::V31).unwrap();
    let Some(Packet::Subscribe(subscribe)) = packet else {
        panic!("no SUBSCRIBE: {packet:?}")
    };
    assert_eq!(subscribe.subscriptions[0].qos, QoS::ExactlyOnce);
    assert_eq!(error(repeated), DecodeError::Flags(0x8A));
}

#[test]
fn a_password_is_not_in_the_debug_text() {
    let bytes = connect("MQTT", 4, 0xC2, b"\x00\x01c\x00\x01u\x00\x06secret");
    let text = format!("{:?}", decoded(&bytes, Version::V311).unwrap());
    assert!(
        text.contains("username: Some(\"u\")") && !text.contains("secret"),
        "{text}"
    );
    assert!(!text.contains("115, 101"), "{text}");
}
