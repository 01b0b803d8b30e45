//! Messages, what they carry, and how many.

use super::{V5, message, told, with};
use crate::compare::script::Script;
use crate::wire::{Will, ack_with, connect, kind, property, property_id as id, publish, subscribe};

pub(super) fn messages() -> Script {
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

pub(super) fn queued() -> Script {
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

pub(super) fn wills() -> Script {
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

pub(super) fn aliases() -> Script {
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

pub(super) fn sizes() -> Script {
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

pub(super) fn flow() -> Script {
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
