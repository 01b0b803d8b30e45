//! What is played in version 5 only: every property, every option, every reason code a client may send.

use super::script::Script;
use crate::wire::{
    Connect, Property, Publish, Value, Version, Will, ack_with, auth, connect, disconnect_with,
    frame, kind, property, property_id as id, publish, subscribe, unsubscribe,
};

const V5: Version = Version::V5;

pub(super) fn all() -> Vec<Script> {
    vec![
        connecting(),
        messages(),
        queued(),
        wills(),
        options(),
        identifiers(),
        aliases(),
        flow(),
        expiries(),
        sizes(),
        shares(),
        reasons(),
        goodbyes(),
        authentication(),
        offences(),
    ]
}

fn with(connect: Connect, properties: &[Property]) -> Connect {
    properties.iter().cloned().fold(connect, Connect::with)
}

fn message(topic: &str, payload: &str, properties: &[Property]) -> Publish {
    properties
        .iter()
        .cloned()
        .fold(publish(V5, topic, payload), Publish::with)
}

fn told(properties: &[Property]) -> String {
    properties
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Every property that a CONNECT may have, with usual and with unusual values, and some it may not have.
fn connecting() -> Script {
    let mut script = Script::new(V5, "connecting");
    let own = script.own("c");
    for properties in [
        vec![property(id::SESSION_EXPIRY, 0)],
        vec![property(id::SESSION_EXPIRY, 60)],
        vec![property(id::RECEIVE_MAXIMUM, 1)],
        vec![property(id::RECEIVE_MAXIMUM, 65_535)],
        vec![property(id::MAXIMUM_PACKET_SIZE, 1000)],
        vec![property(id::MAXIMUM_PACKET_SIZE, u32::MAX)],
        vec![property(id::TOPIC_ALIAS_MAXIMUM, 0)],
        vec![property(id::TOPIC_ALIAS_MAXIMUM, 65_535)],
        vec![property(id::REQUEST_RESPONSE_INFO, 0)],
        vec![property(id::REQUEST_RESPONSE_INFO, 1)],
        vec![property(id::REQUEST_PROBLEM_INFO, 0)],
        vec![property(id::REQUEST_PROBLEM_INFO, 1)],
        vec![property(id::USER_PROPERTY, ("a", "b"))],
        vec![property(id::USER_PROPERTY, ("a", "b")); 2],
        vec![property(id::RECEIVE_MAXIMUM, 0)],
        vec![property(id::MAXIMUM_PACKET_SIZE, 0)],
        vec![property(id::REQUEST_PROBLEM_INFO, 2)],
        vec![property(id::REQUEST_RESPONSE_INFO, 2)],
        vec![property(id::SESSION_EXPIRY, 1); 2],
        vec![property(id::TOPIC_ALIAS, 1)],
        vec![property(id::SERVER_KEEP_ALIVE, 1)],
        vec![property(id::ASSIGNED_CLIENT_ID, "x")],
        vec![property(id::AUTH_METHOD, "PLAIN")],
        vec![property(id::AUTH_DATA, "x")],
        vec![Property {
            id: 0x7E,
            value: Value::Byte(1),
        }],
    ] {
        script.enter(
            "a",
            &format!("with {}", told(&properties)),
            &with(connect(V5, &own), &properties),
        );
    }
    script.enter(
        "b",
        "without an identifier and resuming",
        &connect(V5, "").resume(),
    );
    script.enter(
        "c",
        "with a password and no user name",
        &connect(V5, script.own("d")).password("p"),
    );
    script.enter(
        "c",
        "with a keep-alive of 18 hours",
        &connect(V5, script.own("d")).keep_alive(u16::MAX),
    );
    let expiry = [property(id::SESSION_EXPIRY, 60)];
    for clean in [true, false, false, true, false] {
        let plain = with(connect(V5, script.own("e")), &expiry);
        let plain = if clean { plain } else { plain.resume() };
        script.enter(
            "d",
            if clean {
                "and starts clean"
            } else {
                "and resumes"
            },
            &plain,
        );
        script.leave("d");
    }
    script
}

/// Every property that a PUBLISH may have, one by one and all together, at each quality of service.
fn messages() -> Script {
    let mut script = Script::new(V5, "messages");
    let topic = script.own("t");
    script.join("pub");
    script.join("sub");
    script.subscribe("sub", &topic, 2);
    let single = [
        property(id::PAYLOAD_FORMAT, 0),
        property(id::PAYLOAD_FORMAT, 1),
        property(id::MESSAGE_EXPIRY, 1000),
        property(id::CONTENT_TYPE, "text/plain"),
        property(id::CONTENT_TYPE, ""),
        property(id::RESPONSE_TOPIC, "answers"),
        property(id::CORRELATION_DATA, "\u{0}\u{1}x"),
        property(id::CORRELATION_DATA, ""),
        property(id::USER_PROPERTY, ("key", "value")),
        property(id::USER_PROPERTY, ("", "")),
    ];
    for one in &single {
        let properties = [one.clone()];
        script.publish(
            "pub",
            &told(&properties),
            &message(&topic, "x", &properties),
        );
    }
    let mut all: Vec<_> = [0, 2, 3, 5, 6, 8]
        .map(|index: usize| single[index].clone())
        .into();
    all.push(property(id::USER_PROPERTY, ("another", "value")));
    all.push(property(id::USER_PROPERTY, ("key", "value")));
    for (qos, reverse) in [(0, false), (1, false), (1, true), (0, true)] {
        if reverse {
            all.reverse();
        }
        script.publish(
            "pub",
            &format!("all properties at {qos}, turned {reverse}"),
            &message(&topic, "x", &all).qos(qos, 4),
        );
        if qos == 1 {
            script.answer("sub", kind::PUBACK, 0);
        }
    }
    script.publish(
        "pub",
        "all properties, retained",
        &message(&topic, "kept", &all).retain(),
    );
    script.join("late");
    script.subscribe("late", &topic, 0);
    script.publish(
        "pub",
        "nothing, retained",
        &publish(V5, &topic, "").retain(),
    );
    script
}

/// Properties that wait with their message for a client that is away.
fn queued() -> Script {
    let mut script = Script::new(V5, "queued");
    let topic = script.own("t");
    let lasting = with(
        connect(V5, script.own("sub")).resume(),
        &[property(id::SESSION_EXPIRY, 600)],
    );
    script.join("pub");
    script.enter("sub", "with a session", &lasting);
    let identified = subscribe(V5, 1)
        .to(&topic, 1)
        .with(property(id::SUBSCRIPTION_ID, 11));
    script.send("sub", "SUBSCRIBE with identifier 11", identified.bytes());
    script.leave("sub");
    let properties = [
        property(id::CONTENT_TYPE, "a"),
        property(id::MESSAGE_EXPIRY, 1000),
        property(id::USER_PROPERTY, ("b", "1")),
        property(id::USER_PROPERTY, ("a", "2")),
    ];
    script.publish(
        "pub",
        "to be queued",
        &message(&topic, "queued", &properties).qos(1, 1),
    );
    script.publish(
        "pub",
        "more to be queued",
        &message(&topic, "more", &[]).qos(1, 2),
    );
    script.enter("sub", "and gets both", &lasting);
    script.vanish("sub");
    script.enter("sub", "and gets both again", &lasting);
    script
}

fn wills() -> Script {
    let mut script = Script::new(V5, "testaments");
    let topic = script.own("t");
    script.join("heir");
    script.subscribe("heir", &topic, 0);
    let properties = [
        property(id::PAYLOAD_FORMAT, 1),
        property(id::MESSAGE_EXPIRY, 1000),
        property(id::CONTENT_TYPE, "text/plain"),
        property(id::RESPONSE_TOPIC, "answers"),
        property(id::CORRELATION_DATA, "data"),
        property(id::USER_PROPERTY, ("b", "1")),
        property(id::USER_PROPERTY, ("a", "2")),
        property(id::WILL_DELAY, 0),
    ];
    for one in &properties {
        let will = Will::new(&topic, "gone").with(one.clone());
        script.enter(
            "m",
            &format!("with a will and {one}"),
            &connect(V5, script.own("m")).will(will),
        );
        script.vanish("m");
    }
    let everything = properties
        .iter()
        .cloned()
        .fold(Will::new(&topic, "gone"), Will::with);
    script.enter(
        "m",
        "with all of them",
        &connect(V5, script.own("m")).will(everything),
    );
    script.vanish("m");
    let delayed = || Will::new(&topic, "late").with(property(id::WILL_DELAY, 600));
    let lasting = with(
        connect(V5, script.own("m")).resume(),
        &[property(id::SESSION_EXPIRY, 600)],
    );
    script.enter(
        "m",
        "with a will that waits",
        &lasting.clone().will(delayed()),
    );
    script.vanish("m");
    script.enter("m", "before it is due", &lasting);
    script.leave("m");
    script.enter(
        "m",
        "with a will that waits longer than its session",
        &connect(V5, script.own("m")).will(delayed()),
    );
    script.vanish("m");
    for (what, bad) in [
        ("a payload format of 2", property(id::PAYLOAD_FORMAT, 2)),
        ("a topic alias", property(id::TOPIC_ALIAS, 1)),
        ("a session expiry", property(id::SESSION_EXPIRY, 1)),
        (
            "a response topic with a wildcard",
            property(id::RESPONSE_TOPIC, "a/#"),
        ),
    ] {
        let will = Will::new(&topic, "x").with(bad);
        script.enter(
            "n",
            &format!("with a will and {what}"),
            &connect(V5, script.own("n")).will(will),
        );
        script.leave("n");
    }
    script
}

/// All 48 combinations of the options of a subscription, with a retained message and a live one of its own.
fn options() -> Script {
    let mut script = Script::new(V5, "options");
    let topic = script.own("t");
    script.join("other");
    script.publish(
        "other",
        "a retained message",
        &publish(V5, &topic, "kept").retain(),
    );
    script.join("c");
    for handling in [0x00, 0x10, 0x20, 0x30] {
        for more in [0x00, 0x04, 0x08, 0x0C] {
            for qos in 0..3 {
                let options = handling | more | qos;
                if handling == 0x30 && (more, qos) != (0, 0) {
                    continue;
                }
                script.subscribe("c", &topic, options);
                if handling == 0x30 {
                    script.join("c");
                    continue;
                }
                script.publish(
                    "c",
                    &format!("its own under {options:#x}"),
                    &publish(V5, &topic, "own"),
                );
                script.publish(
                    "other",
                    &format!("live and retained under {options:#x}"),
                    &publish(V5, &topic, "kept").retain(),
                );
                if qos == 1 {
                    script.subscribe("c", &topic, options);
                }
                script.unsubscribe("c", &topic);
            }
        }
    }
    script
}

fn identifiers() -> Script {
    let mut script = Script::new(V5, "identifiers");
    let topic = script.own("t");
    script.join("c");
    for number in [1, 127, 128, 16_383, 16_384, 268_435_455] {
        let packet = subscribe(V5, 1)
            .to(&topic, 0)
            .with(property(id::SUBSCRIPTION_ID, number));
        script.send(
            "c",
            &format!("SUBSCRIBE with identifier {number}"),
            packet.bytes(),
        );
        script.publish(
            "c",
            &format!("a message to {number}"),
            &publish(V5, &topic, "x"),
        );
    }
    script.subscribe("c", &topic, 0);
    script.publish("c", "a message to none", &publish(V5, &topic, "x"));
    let several = subscribe(V5, 2)
        .to("i/a", 0)
        .to("i/b", 1)
        .with(property(id::SUBSCRIPTION_ID, 9));
    script.send("c", "SUBSCRIBE to two with identifier 9", several.bytes());
    script.publish("c", "to the first", &publish(V5, "i/a", "x"));
    script.publish("c", "to the second", &publish(V5, "i/b", "x").qos(1, 8));
    script.answer("c", kind::PUBACK, 0);
    let reasons = subscribe(V5, 3)
        .to("i/c", 0)
        .with(property(id::USER_PROPERTY, ("why", "because")));
    script.send("c", "SUBSCRIBE with a user property", reasons.bytes());
    for (what, bad) in [
        ("identifier 0", property(id::SUBSCRIPTION_ID, 0)),
        ("a topic alias", property(id::TOPIC_ALIAS, 1)),
        ("a content type", property(id::CONTENT_TYPE, "x")),
    ] {
        script.enter(
            "x",
            &format!("before {what}"),
            &connect(V5, script.own("x")),
        );
        script.send(
            "x",
            &format!("SUBSCRIBE with {what}"),
            subscribe(V5, 4).to("t", 0).with(bad).bytes(),
        );
    }
    script
}

fn aliases() -> Script {
    let mut script = Script::new(V5, "aliases");
    let topic = script.own("t");
    let alias = |number: u32| [property(id::TOPIC_ALIAS, number)];
    script.join("sub");
    script.subscribe("sub", &format!("{topic}/#"), 0);
    script.join("c");
    for number in 1..=10 {
        script.publish(
            "c",
            &format!("alias {number} for a topic"),
            &message(&format!("{topic}/{number}"), "named", &alias(number)),
        );
    }
    for number in (1..=10).rev() {
        script.publish(
            "c",
            &format!("by alias {number}"),
            &message("", "alias", &alias(number)),
        );
    }
    script.publish(
        "c",
        "alias 1 for another",
        &message(&format!("{topic}/other"), "named", &alias(1)),
    );
    script.publish(
        "c",
        "by alias 1",
        &message("", "alias", &alias(1)).qos(1, 2),
    );
    script.publish(
        "c",
        "by alias 1, retained",
        &message("", "kept", &alias(1)).retain(),
    );
    for (what, bad) in [
        ("alias 0", message(&topic, "x", &alias(0))),
        ("alias 11", message(&topic, "x", &alias(11))),
        ("alias 65535", message(&topic, "x", &alias(65_535))),
        (
            "an alias that stands for nothing",
            message("", "x", &alias(3)),
        ),
        ("no topic and no alias", message("", "x", &[])),
    ] {
        script.enter(
            "x",
            &format!("before {what}"),
            &connect(V5, script.own("x")),
        );
        script.publish("x", what, &bad);
    }
    script
}

fn flow() -> Script {
    let mut script = Script::new(V5, "flow");
    let topic = script.own("t");
    script.join("pub");
    script.enter(
        "sub",
        "and takes two at once",
        &with(
            connect(V5, script.own("sub")),
            &[property(id::RECEIVE_MAXIMUM, 2)],
        ),
    );
    script.subscribe("sub", &topic, 2);
    for number in 1..=5 {
        script.publish(
            "pub",
            &format!("number {number}"),
            &publish(V5, &topic, number.to_string()).qos(1, number),
        );
    }
    script.publish("pub", "without a number", &publish(V5, &topic, "0"));
    script.send("sub", "PUBACK m1", ack_with(kind::PUBACK, 1, 0, &[]));
    script.send(
        "sub",
        "PUBACK m2 0x80",
        ack_with(kind::PUBACK, 2, 0x80, &[]),
    );
    script.send(
        "sub",
        "PUBACK m3 with reasons",
        ack_with(
            kind::PUBACK,
            3,
            0x97,
            &[property(id::REASON_STRING, "full")],
        ),
    );
    script.send("sub", "PUBACK m4", ack_with(kind::PUBACK, 4, 0x10, &[]));
    script.send(
        "sub",
        "PUBACK m5",
        ack_with(
            kind::PUBACK,
            5,
            0,
            &[property(id::USER_PROPERTY, ("a", "b"))],
        ),
    );
    script.join("many");
    for number in 1..=21_u16 {
        script.publish(
            "many",
            &format!("open message {number}"),
            &publish(V5, script.own("nobody"), "x").qos(2, number),
        );
    }
    script
}

fn expiries() -> Script {
    let mut script = Script::new(V5, "expiries");
    let expiry = |seconds: u32| [property(id::SESSION_EXPIRY, seconds)];
    let resume =
        |script: &Script, seconds| with(connect(V5, script.own("c")).resume(), &expiry(seconds));
    for (entering, leaving) in [
        (0, None),
        (60, None),
        (60, Some(0)),
        (60, Some(120)),
        (0, Some(60)),
        (u32::MAX, Some(60)),
    ] {
        let plain = resume(&script, entering);
        script.enter("c", &format!("with an expiry of {entering}"), &plain);
        match leaving {
            None => script.leave("c"),
            Some(seconds) => script.send(
                "c",
                &format!("DISCONNECT with an expiry of {seconds}"),
                disconnect_with(0, &expiry(seconds)),
            ),
        }
        script.enter("c", &format!("after {leaving:?}"), &resume(&script, 0));
        script.leave("c");
    }
    script
}

/// Messages at the border of what a client takes.
fn sizes() -> Script {
    let mut script = Script::new(V5, "sizes");
    let topic = script.own("t");
    script.join("pub");
    script.enter(
        "sub",
        "and takes 60 bytes",
        &with(
            connect(V5, script.own("sub")),
            &[property(id::MAXIMUM_PACKET_SIZE, 60)],
        ),
    );
    script.subscribe("sub", &topic, 1);
    for qos in [0, 1] {
        for size in [10, 40, 43, 44, 45, 46, 47, 48, 60, 1000] {
            script.publish(
                "pub",
                &format!("{size} bytes at {qos}"),
                &publish(V5, &topic, "x".repeat(size)).qos(qos, 1),
            );
            if qos == 1 {
                script.answer("sub", kind::PUBACK, 0);
            }
        }
    }
    script
}

fn shares() -> Script {
    let mut script = Script::new(V5, "shares");
    let topic = script.own("t");
    script.join("one");
    script.join("pub");
    let shared = format!("$share/g/{topic}");
    script.subscribe("one", &shared, 1);
    for qos in [0, 1] {
        script.publish(
            "pub",
            &format!("to the group at {qos}"),
            &publish(V5, &topic, "x").qos(qos, 1),
        );
    }
    script.answer("one", kind::PUBACK, 0);
    script.publish(
        "pub",
        "a retained message",
        &publish(V5, &topic, "kept").retain(),
    );
    script.unsubscribe("one", &topic);
    script.unsubscribe("one", &shared);
    script.publish("pub", "to nobody", &publish(V5, &topic, "x").qos(1, 2));
    for filter in [
        "$share/g",
        "$share/g/",
        "$share//t",
        "$share/+/t",
        "$share/g#/t",
        "$share/g/a#",
    ] {
        script.enter(
            "x",
            &format!("before {filter}"),
            &connect(V5, script.own("x")),
        );
        script.subscribe("x", filter, 0);
    }
    script.enter(
        "x",
        "before a group without its own",
        &connect(V5, script.own("x")),
    );
    script.subscribe("x", "$share/g/t", 0x04);
    script
}

/// Acknowledgements with every code they may have.
fn reasons() -> Script {
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

/// DISCONNECT with every code a client may send, with a will.
fn goodbyes() -> Script {
    let mut script = Script::new(V5, "goodbyes");
    let topic = script.own("t");
    script.join("heir");
    script.subscribe("heir", &topic, 0);
    for code in [
        0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
    ] {
        let will = Will::new(&topic, &format!("{code:#x}"));
        script.enter(
            "c",
            &format!("to leave with {code:#x}"),
            &connect(V5, script.own("c")).will(will),
        );
        let reasons = [
            property(id::REASON_STRING, "so"),
            property(id::USER_PROPERTY, ("a", "b")),
        ];
        let reasons = if code == 0x81 { &reasons[..] } else { &[] };
        script.send(
            "c",
            &format!("DISCONNECT {code:#x}"),
            disconnect_with(code, reasons),
        );
    }
    for (what, bytes) in [
        ("a code that there is not", disconnect_with(0x01, &[])),
        (
            "a property of CONNECT",
            disconnect_with(0, &[property(id::RECEIVE_MAXIMUM, 1)]),
        ),
        (
            "a server reference",
            disconnect_with(0x9C, &[property(id::SERVER_REFERENCE, "elsewhere")]),
        ),
    ] {
        script.enter(
            "c",
            &format!("to leave with {what}"),
            &connect(V5, script.own("c")),
        );
        script.send("c", &format!("DISCONNECT with {what}"), bytes);
    }
    script
}

fn authentication() -> Script {
    let mut script = Script::new(V5, "authentication");
    let method = property(id::AUTH_METHOD, "SCRAM-SHA-1");
    let data = property(id::AUTH_DATA, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    for code in [0x00, 0x18, 0x19, 0x01] {
        script.enter(
            "x",
            &format!("before AUTH {code:#x}"),
            &connect(V5, script.own("x")),
        );
        script.send(
            "x",
            &format!("AUTH {code:#x}"),
            auth(code, &[method.clone(), data.clone()]),
        );
    }
    script.enter("x", "before an empty AUTH", &connect(V5, script.own("x")));
    script.send("x", "an empty AUTH", frame(0xF0, b""));
    script.enter(
        "x",
        "with a method",
        &with(connect(V5, script.own("x")), &[method.clone(), data]),
    );
    script.open("an AUTH", auth(0x18, &[method]));
    script
}

/// Properties where they must not be, twice, cut, or ill-formed.
fn offences() -> Script {
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
