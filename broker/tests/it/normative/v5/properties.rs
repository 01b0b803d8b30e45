//! The properties of PUBLISH, passed on as they came (section 3.3.2.3).

use super::{expect_end, join, publish, resume};
use crate::wire::{Packet, Property, Target, Value, property, property_id as id};

/// Every property there is, whatever their order; those of the user in theirs.
#[track_caller]
pub(super) fn same(message: &Packet, expected: &[Property]) {
    let found = message.properties.clone().unwrap_or_default();
    let users = |all: &[Property]| -> Vec<Property> {
        all.iter()
            .filter(|property| property.id == id::USER_PROPERTY)
            .cloned()
            .collect()
    };
    assert_eq!(users(&found), users(expected), "{message}");
    for property in expected {
        assert!(found.contains(property), "{property} is not in {message}");
    }
    assert_eq!(found.len(), expected.len(), "{message}");
}

fn all() -> Vec<Property> {
    vec![
        property(id::PAYLOAD_FORMAT, 1),
        property(id::CONTENT_TYPE, "application/json; charset=utf-8"),
        property(id::RESPONSE_TOPIC, "answers/to/me"),
        property(id::CORRELATION_DATA, "\u{0}\u{1}\u{ff}"),
        property(id::USER_PROPERTY, ("z", "first")),
        property(id::USER_PROPERTY, ("a", "second")),
        property(id::USER_PROPERTY, ("z", "first")),
        property(id::USER_PROPERTY, ("", "")),
    ]
}

#[test]
fn a_messages_properties_come_as_they_were_sent_and_those_of_the_user_in_their_order() {
    let broker = Target::plain();
    let mut subscriber = join(&broker, "subscriber");
    subscriber.subscribe("t", 2);
    let mut publisher = join(&broker, "publisher");
    for qos in [0, 1, 2] {
        let message = all()
            .into_iter()
            .fold(publish("t", "x").qos(qos, 1), crate::wire::Publish::with);
        if qos == 0 {
            publisher.send(message.bytes());
        } else {
            publisher.deliver(&message);
        }
        same(&subscriber.expect_message("x"), &all());
    }
}

#[test]
fn properties_are_kept_with_a_retained_message_and_in_a_queue() {
    let broker = Target::plain();
    let mut away = resume(&broker, "away");
    away.subscribe("t", 1);
    away.leave();
    let message = all().into_iter().fold(
        publish("t", "x").qos(1, 1).retain(),
        crate::wire::Publish::with,
    );
    join(&broker, "publisher").deliver(&message);
    same(&resume(&broker, "away").expect_message("x"), &all());
    let mut late = join(&broker, "late");
    late.subscribe("t", 0);
    same(&late.expect_message("x"), &all());
}

#[test]
fn a_response_reaches_who_asked() {
    let broker = Target::plain();
    let mut server = join(&broker, "server");
    server.subscribe("question", 1);
    let mut client = join(&broker, "client");
    client.subscribe("answers/client", 1);
    let question = publish("question", "2 + 2")
        .qos(1, 1)
        .with(property(id::RESPONSE_TOPIC, "answers/client"))
        .with(property(id::CORRELATION_DATA, "7"));
    client.deliver(&question);
    let asked = server.expect_message("2 + 2");
    let Some(Value::Text(topic)) = asked.property(id::RESPONSE_TOPIC).cloned() else {
        panic!("no response topic in {asked}")
    };
    let data = Property {
        id: id::CORRELATION_DATA,
        value: asked.property(id::CORRELATION_DATA).cloned().unwrap(),
    };
    server.deliver(&publish(&topic, "4").qos(1, 1).with(data.clone()));
    same(&client.expect_message("4"), &[data]);
}

#[test]
fn a_message_without_properties_says_so() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    client.subscribe("t", 0);
    client.send(publish("t", "x").bytes());
    client.expect(r#"PUBLISH d0 q0 r0 "t" "x" {}"#);
}

#[test]
fn properties_that_break_a_rule_end_the_connection() {
    let broker = Target::plain();
    for (what, bad) in [
        (
            "a payload format there is not",
            property(id::PAYLOAD_FORMAT, 2),
        ),
        (
            "a response topic with a wildcard",
            property(id::RESPONSE_TOPIC, "a/#"),
        ),
        (
            "a response topic with a wildcard",
            property(id::RESPONSE_TOPIC, "+"),
        ),
        (
            "a subscription's identifier from a client",
            property(id::SUBSCRIPTION_ID, 1),
        ),
        ("a property of CONNECT", property(id::SESSION_EXPIRY, 1)),
        (
            "a property that there is not",
            Property {
                id: 0x05,
                value: Value::Byte(1),
            },
        ),
    ] {
        let mut client = join(&broker, "offender");
        client.send(publish("t", "x").with(bad).bytes());
        let told = client.packet();
        assert!(matches!(told.code(), 0x81 | 0x82), "{what}: {told}");
        client.expect_closed();
    }
    for twice in [
        property(id::PAYLOAD_FORMAT, 1),
        property(id::CONTENT_TYPE, "a"),
        property(id::RESPONSE_TOPIC, "a"),
        property(id::CORRELATION_DATA, "a"),
        property(id::MESSAGE_EXPIRY, 9),
        property(id::TOPIC_ALIAS, 1),
    ] {
        expect_end(
            &broker,
            &publish("t", "x").with(twice.clone()).with(twice).bytes(),
            &[0x82],
        );
    }
}

#[test]
fn texts_in_properties_are_texts() {
    let broker = Target::plain();
    for bytes in [
        &b"\x03\0\x01\xFF"[..],
        b"\x03\0\x01\0",
        b"\x08\0\x01\xFF",
        b"\x08\0\x01\0",
        b"\x26\0\x01\xFF\0\x01a",
        b"\x26\0\x01a\0\x03\xED\xA0\x80",
        b"\x26\0\x01a\0\x01\0",
    ] {
        let mut body = b"\0\x01t".to_vec();
        body.push(u8::try_from(bytes.len()).unwrap());
        body.extend(bytes);
        expect_end(&broker, &crate::wire::frame(0x30, &body), &[0x81, 0x82]);
    }
}
