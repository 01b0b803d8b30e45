//! Packets that break one rule each.

use broker::codec::{DecodeError, Packet, QoS, Reason, Version};
use broker::topic::TopicError;

use super::decoded;

fn error(bytes: &[u8]) -> DecodeError {
    decoded(bytes, Version::V311).unwrap_err()
}

/// A PUBLISH of version 5 to the topic `t` with these properties.
fn publish_5(properties: &[u8]) -> Vec<u8> {
    let length = u8::try_from(properties.len()).unwrap();
    let mut packet = vec![0x30, 4 + length, 0, 1, b't', length];
    packet.extend_from_slice(properties);
    packet
}

/// A SUBSCRIBE of version 5 to `filter` with these options.
fn subscribe_5(filter: &str, options: u8) -> Vec<u8> {
    let length = u8::try_from(filter.len()).unwrap();
    let mut packet = vec![0x82, 6 + length, 0, 1, 0, 0, length];
    packet.extend_from_slice(filter.as_bytes());
    packet.push(options);
    packet
}

/// What is sent, how it is found wrong, and what the peer is told.
type Broken = (Vec<u8>, DecodeError, Reason);

fn assert_broken(cases: impl IntoIterator<Item = Broken>) {
    for (bytes, expected, reason) in cases {
        let error = decoded(&bytes, Version::V5).unwrap_err();
        assert_eq!((error, error.reason()), (expected, reason), "{bytes:02x?}");
    }
}

#[test]
fn each_broken_rule_of_answers_and_properties_has_its_error_and_its_reason() {
    use DecodeError as E;
    use Reason as R;
    let user = b"\x26\x00\x01a\x00\x01b";
    assert_broken([
        (
            b"\x40\x03\x00\x01\x03".to_vec(),
            E::ReturnCode(3),
            R::MalformedPacket,
        ),
        (
            b"\x62\x03\x00\x01\x87".to_vec(),
            E::ReturnCode(0x87),
            R::MalformedPacket,
        ),
        (
            b"\xE0\x01\x86".to_vec(),
            E::ReturnCode(0x86),
            R::MalformedPacket,
        ),
        (
            b"\xF0\x01\x80".to_vec(),
            E::ReturnCode(0x80),
            R::MalformedPacket,
        ),
        (b"\xF1\x00".to_vec(), E::Flags(0xF1), R::MalformedPacket),
        (publish_5(b"\x7F"), E::Property(0x7F), R::MalformedPacket),
        (
            publish_5(b"\x11\x00\x00\x00\x01"),
            E::Property(0x11),
            R::MalformedPacket,
        ),
        (
            publish_5(b"\x01\x02"),
            E::PropertyValue("Payload Format Indicator"),
            R::ProtocolError,
        ),
        (
            publish_5(b"\x08\x00\x01+"),
            E::PropertyValue("Response Topic"),
            R::ProtocolError,
        ),
        (
            publish_5(b"\x0B\x00"),
            E::PropertyValue("Subscription Identifier"),
            R::ProtocolError,
        ),
        (
            publish_5(b"\x23\x00\x00"),
            E::TopicAliasZero,
            R::TopicAliasInvalid,
        ),
        (
            publish_5(b"\x01\x01\x01\x01"),
            E::PropertyTwice("Payload Format Indicator"),
            R::ProtocolError,
        ),
        (publish_5(&user[..4]), E::Short, R::MalformedPacket),
        (
            publish_5(b"\x0B\x80\x00"),
            E::VariableLength,
            R::MalformedPacket,
        ),
        (
            b"\x30\x04\x00\x01t\x01".to_vec(),
            E::Short,
            R::MalformedPacket,
        ),
        (
            b"\x30\x03\x00\x00\x00".to_vec(),
            E::Topic(TopicError::Empty),
            R::ProtocolError,
        ),
        (
            subscribe_5("t", 0x03),
            E::SubscriptionOptions(3),
            R::ProtocolError,
        ),
    ]);
    let both = [&user[..], &user[..]].concat();
    assert!(
        decoded(&publish_5(&both), Version::V5).is_ok(),
        "user properties repeat"
    );
}

#[test]
fn each_broken_rule_of_subscriptions_and_connect_has_its_error_and_its_reason() {
    use DecodeError as E;
    use Reason as R;
    assert_broken([
        (
            subscribe_5("t", 0x30),
            E::SubscriptionOptions(0x30),
            R::ProtocolError,
        ),
        (
            subscribe_5("t", 0x40),
            E::ReservedOptions(0x40),
            R::MalformedPacket,
        ),
        (
            subscribe_5("$share/g/t", 0x04),
            E::NoLocalShared,
            R::ProtocolError,
        ),
        (
            subscribe_5("$share/g", 0x00),
            E::Filter(TopicError::Shared),
            R::MalformedPacket,
        ),
        (
            connect("MQTT", 5, 2, b"\x03\x21\x00\x00\x00\x01c"),
            E::PropertyValue("Receive Maximum"),
            R::ProtocolError,
        ),
        (
            connect("MQTT", 5, 2, b"\x04\x16\x00\x01x\x00\x01c"),
            E::DataWithoutMethod,
            R::ProtocolError,
        ),
        (
            connect("MQTT", 5, 3, b"\x00\x00\x01c"),
            E::ConnectFlags(3),
            R::MalformedPacket,
        ),
    ]);
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
            DecodeError::Filter(TopicError::WildcardInLevel('#')),
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
        (connect("MQTT", 6, 2, id), DecodeError::ProtocolLevel(6)),
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
    assert_eq!(subscribe.subscriptions[0].options.qos, QoS::ExactlyOnce);
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
