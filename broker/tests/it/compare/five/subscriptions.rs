//! Subscriptions and their options.

use super::V5;
use crate::compare::script::Script;
use crate::wire::{connect, kind, property, property_id as id, publish, subscribe};

pub(super) fn options() -> Script {
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

pub(super) fn identifiers() -> Script {
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

pub(super) fn shares() -> Script {
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
