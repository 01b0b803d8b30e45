//! Reason codes, and what breaks a rule.

use super::{V5, message};
use crate::compare::script::Script;
use crate::wire::{
    Property, ack_with, connect, frame, kind, property, property_id as id, publish, unsubscribe,
};

pub(super) fn reasons() -> Script {
    let mut script = Script::new(V5, "reasons");
    let topic = script.own("t");
    script.join("pub");
    script.join("sub");
    script.publish(
        "pub",
        "a message for nobody",
        &publish(V5, &topic, "x").qos(1, 1),
    );
    script.publish("pub", "another one", &publish(V5, &topic, "x").qos(2, 2));
    script.send(
        "pub",
        "PUBREL m2 0x00",
        ack_with(kind::PUBREL, 2, 0, &[property(id::REASON_STRING, "fine")]),
    );
    script.subscribe("sub", &topic, 2);
    let negative = [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
    for code in [0x00, 0x10].into_iter().chain(negative) {
        script.publish(
            "pub",
            &format!("before PUBACK {code:#x}"),
            &publish(V5, &topic, "x").qos(1, 3),
        );
        script.answer("sub", kind::PUBACK, code);
    }
    for code in [0x00, 0x10].into_iter().chain(negative) {
        let message = publish(V5, &topic, "x").qos(2, 4);
        script.exchange("pub", &format!("before PUBREC {code:#x}"), &message, 2, 4);
        script.answer("sub", kind::PUBREC, code);
        if code < 0x80 {
            script.answer("sub", kind::PUBCOMP, 0);
        }
    }
    for packet in [kind::PUBREC, kind::PUBREL] {
        script.send(
            "pub",
            &format!("packet {packet} for nothing"),
            ack_with(packet, 99, 0, &[]),
        );
    }
    script.send(
        "pub",
        "UNSUBSCRIBE from what never was",
        unsubscribe(V5, 7, &["never", "never/+"]),
    );
    for packet in [kind::PUBACK, kind::PUBREC, kind::PUBREL, kind::PUBCOMP] {
        script.enter(
            "x",
            &format!("before a wrong code in packet {packet}"),
            &connect(V5, script.own("x")),
        );
        script.send(
            "x",
            &format!("packet {packet} with code 0x01"),
            ack_with(packet, 5, 0x01, &[]),
        );
    }
    script
}

pub(super) fn offences() -> Script {
    let mut script = Script::new(V5, "offences");
    let body = |properties: &[u8]| {
        let mut body = b"\0\x01t".to_vec();
        body.push(u8::try_from(properties.len()).unwrap());
        body.extend(properties);
        frame(0x30, &body)
    };
    let twice = |one: Property| message("t", "x", &[one.clone(), one]).bytes();
    for (what, bytes) in [
        ("a payload format of 2", body(b"\x01\x02")),
        (
            "two payload formats",
            twice(property(id::PAYLOAD_FORMAT, 1)),
        ),
        ("two expiries", twice(property(id::MESSAGE_EXPIRY, 9))),
        ("two content types", twice(property(id::CONTENT_TYPE, "a"))),
        (
            "two response topics",
            twice(property(id::RESPONSE_TOPIC, "a")),
        ),
        (
            "two correlation data",
            twice(property(id::CORRELATION_DATA, "a")),
        ),
        ("two aliases", twice(property(id::TOPIC_ALIAS, 1))),
        ("a response topic with a wildcard", body(b"\x08\0\x01#")),
        ("an ill-formed content type", body(b"\x03\0\x01\xFF")),
        ("a null in a user property", body(b"\x26\0\x01\0\0\x01a")),
        ("a property cut short", body(b"\x02\0\0")),
        ("a user property without a value", body(b"\x26\0\x01a")),
        ("a property that there is not", body(b"\x05\x01")),
        (
            "properties longer than the packet",
            frame(0x30, b"\0\x01t\x09\x01"),
        ),
        (
            "a length of properties that never ends",
            frame(0x30, b"\0\x01t\xFF\xFF\xFF\xFF\x01"),
        ),
        ("a subscription's identifier", body(b"\x0B\x01")),
        ("a session expiry", body(b"\x11\0\0\0\x01")),
        ("a reason string", body(b"\x1F\0\x01a")),
        (
            "PUBACK with an expiry",
            ack_with(kind::PUBACK, 1, 0, &[property(id::SESSION_EXPIRY, 1)]),
        ),
        (
            "UNSUBSCRIBE with an alias",
            frame(0xA2, b"\0\x01\x03\x23\0\x01\0\x01t"),
        ),
        ("PINGREQ with properties", frame(0xC0, b"\0\0")),
    ] {
        script.enter(
            "x",
            &format!("before {what}"),
            &connect(V5, script.own("x")),
        );
        script.send("x", what, bytes);
    }
    script
}
