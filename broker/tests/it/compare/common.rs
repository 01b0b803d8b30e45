//! What is played in every version.

use super::errors;
use super::script::Script;
use crate::wire::{
    Connect, Version, Will, ack, connect, disconnect, frame, kind, property, property_id, publish,
    subscribe, unsubscribe,
};

/// The scripts that every version has.
pub(super) fn all(version: Version) -> Vec<Script> {
    vec![
        handshake(version),
        qualities(version),
        retained(version),
        topics(version),
        wills(version),
        sessions(version),
        unsubscribing(version),
        errors::errors(version),
        overlaps(version),
    ]
}

fn handshake(version: Version) -> Script {
    let mut script = Script::new(version, "handshake");
    let id = script.own("c");
    let plain = || connect(version, &id);
    script.enter("a", "plainly", &plain());
    script.ping("a");
    script.enter("b", "with the same identifier", &plain());
    script.leave("b");
    script.enter("a", "without keep-alive", &plain().keep_alive(0));
    script.leave("a");
    script.enter(
        "a",
        "as a bridge",
        &plain().protocol(version.name(), version.level() | 0x80),
    );
    script.leave("a");
    script.enter("a", "without an identifier", &connect(version, ""));
    script.enter(
        "b",
        "without an identifier and no clean session",
        &connect(version, "").resume(),
    );
    script.enter(
        "c",
        "with user name and password",
        &plain().user("u").password("p"),
    );
    script.send("c", "another CONNECT", plain().bytes());
    script.enter(
        "a",
        "with a will and everything",
        &plain()
            .will(Will::new("w", "x").qos(1))
            .user("u")
            .password("p"),
    );
    script.leave("a");
    for (what, connect) in [
        ("another name", plain().protocol("MQTTX", version.level())),
        ("level 0", plain().protocol(version.name(), 0)),
        ("level 6", plain().protocol(version.name(), 6)),
        ("the reserved flag", plain().flip(0x01)),
        (
            "a will's quality of service 3",
            plain().will(Will::new("w", "x").qos(3)),
        ),
        ("a quality of service and no will", plain().flip(0x08)),
        ("a retained will and no will", plain().flip(0x20)),
        ("the flag of a user name only", plain().flip(0x80)),
        ("a password only", plain().password("p")),
        ("a will on a wildcard", plain().will(Will::new("#", "x"))),
        ("a will on nothing", plain().will(Will::new("", "x"))),
        ("a null character", connect(version, "a\0b")),
        ("half a character", connect(version, b"a\xE2\x82")),
    ] {
        script.open(what, connect.bytes());
        if what.ends_with("user name only") || what == "a password only" {
            script.enter("a", "to see that all is well", &plain());
        }
    }
    for (what, bytes) in [
        ("a PINGREQ", frame(0xC0, b"")),
        ("a PUBLISH", publish(version, "t", "x").bytes()),
        ("a SUBSCRIBE", subscribe(version, 1).to("t", 0).bytes()),
        ("a DISCONNECT", disconnect()),
        ("an HTTP request", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("zeros", vec![0; 32]),
    ] {
        script.open(what, bytes);
    }
    script
}

/// Every quality of service from a publisher to a subscriber, each packet answered.
fn qualities(version: Version) -> Script {
    let mut script = Script::new(version, "qualities");
    let topic = script.own("t");
    script.join("pub");
    script.join("sub");
    for granted in [0, 1, 2] {
        script.subscribe("sub", &topic, granted);
        for published in [0_u8, 1, 2] {
            let id = u16::from(granted) * 10 + u16::from(published) + 1;
            let message =
                publish(version, &topic, format!("{published} to {granted}")).qos(published, id);
            script.exchange(
                "pub",
                &format!("quality of service {published} m{id}"),
                &message,
                published,
                id,
            );
            match published.min(granted) {
                1 => script.answer("sub", kind::PUBACK, 0),
                2 => {
                    script.answer("sub", kind::PUBREC, 0);
                    script.answer("sub", kind::PUBCOMP, 0);
                }
                _ => {}
            }
        }
    }
    for packet in [kind::PUBACK, kind::PUBREC, kind::PUBREL, kind::PUBCOMP] {
        let bytes = ack(packet, 999);
        script.send("pub", &format!("packet {packet} for nothing"), bytes);
    }
    let repeated = publish(version, &topic, "once").qos(2, 50);
    script.publish("pub", "quality of service 2 m50", &repeated);
    script.publish("pub", "the same again", &repeated.dup());
    script.send("pub", "PUBREL m50", ack(kind::PUBREL, 50));
    script.send("pub", "PUBREL m50 again", ack(kind::PUBREL, 50));
    script
}

fn retained(version: Version) -> Script {
    let mut script = Script::new(version, "retained");
    let topic = script.own("t");
    script.join("pub");
    script.join("sub");
    for (payload, qos) in [
        ("a", 0),
        ("b", 1),
        ("", 0),
        ("c", 1),
        ("", 1),
        ("", 0),
        ("d", 0),
    ] {
        let message = publish(version, &topic, payload).retain().qos(qos, 7);
        script.publish(
            "pub",
            &format!("{payload:?} to be retained, quality of service {qos}"),
            &message,
        );
        for granted in [0, 1] {
            script.subscribe("sub", &topic, granted);
            if qos == 1 && granted == 1 && !payload.is_empty() {
                script.answer("sub", kind::PUBACK, 0);
            }
        }
        script.publish(
            "pub",
            "a message that is not retained",
            &publish(version, &topic, "live"),
        );
        script.unsubscribe("sub", &topic);
    }
    let above = format!("{topic}/#");
    script.subscribe("sub", &above, 0);
    script.publish(
        "pub",
        "a retained message to who is there",
        &publish(version, format!("{topic}/x"), "x").retain(),
    );
    script.leave("pub");
    script.join("late");
    script.subscribe("late", &format!("{topic}/+"), 0);
    script
}

fn topics(version: Version) -> Script {
    let mut script = Script::new(version, "topics");
    script.join("c");
    let filters = [
        "#", "a/b", "a/+", "+/b", "a/#", "+/+", "/+", "+", "a//b", "$x/#", "+/b/#", "a/b/",
    ];
    let names = ["a/b", "a/", "/b", "a", "a//b", "$x/b", "a/b/c", "/"];
    for filter in filters {
        script.subscribe("c", filter, 0);
        for name in names {
            script.publish(
                "c",
                &format!("to {name} under {filter}"),
                &publish(version, name, "x"),
            );
        }
        script.unsubscribe("c", filter);
    }
    script
}

fn wills(version: Version) -> Script {
    let mut script = Script::new(version, "wills");
    let topic = script.own("t");
    let id = script.own("mortal");
    script.join("heir");
    script.subscribe("heir", &topic, 1);
    for qos in [0, 1, 2] {
        for end in ["vanishing", "leaving", "breaking a rule"] {
            let will = Will::new(&topic, &format!("{qos} by {end}")).qos(qos);
            script.enter(
                "m",
                &format!("with a will of {qos} before {end}"),
                &connect(version, &id).will(will),
            );
            match end {
                "vanishing" => script.vanish("m"),
                "leaving" => script.leave("m"),
                _ => script.send("m", "a packet of type 0", frame(0, b"")),
            }
            if qos > 0 && end != "leaving" {
                script.answer("heir", kind::PUBACK, 0);
            }
        }
    }
    let kept = Will::new(&topic, "kept").retain();
    script.enter(
        "m",
        "with a retained will",
        &connect(version, &id).will(kept),
    );
    script.vanish("m");
    script.join("late");
    script.subscribe("late", &topic, 0);
    script.enter(
        "m",
        "with an empty retained will",
        &connect(version, &id).will(Will::new(&topic, "").retain()),
    );
    script.vanish("m");
    script.join("later");
    script.subscribe("later", &topic, 0);
    script.enter(
        "m",
        "to be replaced",
        &connect(version, &id).will(Will::new(&topic, "replaced")),
    );
    script.enter("n", "in its place", &connect(version, &id));
    script.vanish("n");
    script
}

/// A CONNECT whose session stays.
fn lasting(script: &Script, who: &str) -> Connect {
    let connect = connect(script.version, script.own(who)).resume();
    match script.version {
        Version::V5 => connect.with(property(property_id::SESSION_EXPIRY, 3600)),
        Version::V31 | Version::V311 => connect,
    }
}

fn sessions(version: Version) -> Script {
    let mut script = Script::new(version, "sessions");
    let topic = script.own("t");
    let come = lasting(&script, "sub");
    let send = |script: &mut Script, payload: &str, qos: u8| {
        let message = publish(version, &topic, payload).qos(qos, 9);
        script.exchange("pub", &format!("{payload} of {qos}"), &message, qos, 9);
    };
    script.join("pub");
    script.enter("sub", "for the first time", &come);
    script.subscribe("sub", &topic, 2);
    script.leave("sub");
    send(&mut script, "queued", 1);
    send(&mut script, "lost", 0);
    script.enter("sub", "and gets what was queued", &come);
    script.answer("sub", kind::PUBACK, 0);
    send(&mut script, "unacknowledged", 1);
    script.vanish("sub");
    script.enter("sub", "and gets it again", &come);
    script.answer("sub", kind::PUBACK, 0);
    send(&mut script, "three steps", 2);
    script.vanish("sub");
    script.enter("sub", "and gets the message again", &come);
    script.answer("sub", kind::PUBREC, 0);
    script.vanish("sub");
    script.enter("sub", "and gets the release again", &come);
    script.answer("sub", kind::PUBCOMP, 0);
    script.vanish("sub");
    script.enter("sub", "and gets nothing", &come);
    script.enter("other", "and takes over", &come);
    send(&mut script, "to the newer", 1);
    script.answer("other", kind::PUBACK, 0);
    script.leave("other");
    let clean = connect(version, script.own("sub"));
    script.enter("sub", "with a clean session", &clean);
    send(&mut script, "to nobody", 1);
    script.leave("sub");
    script.enter("sub", "and finds nothing", &come);
    let publisher = lasting(&script, "lasting");
    script.enter("lp", "to publish over two connections", &publisher);
    script.subscribe("sub", &topic, 2);
    script.publish(
        "lp",
        "first half",
        &publish(version, &topic, "half").qos(2, 77),
    );
    script.vanish("lp");
    script.enter("lp", "and ends it", &publisher);
    script.publish(
        "lp",
        "first half again",
        &publish(version, &topic, "half").dup().qos(2, 77),
    );
    script.send("lp", "PUBREL m77", ack(kind::PUBREL, 77));
    script
}

fn unsubscribing(version: Version) -> Script {
    let mut script = Script::new(version, "unsubscribing");
    let topic = script.own("t");
    script.join("c");
    script.unsubscribe("c", "never");
    let several = subscribe(version, 5)
        .to(&topic, 0)
        .to("u/+", 1)
        .to("v/#", 2)
        .bytes();
    script.send("c", "SUBSCRIBE to three", several);
    script.unsubscribe("c", "u/#");
    script.publish("c", "to the first", &publish(version, &topic, "x"));
    script.publish("c", "to the second", &publish(version, "u/y", "x"));
    script.send(
        "c",
        "UNSUBSCRIBE from two",
        unsubscribe(version, 6, &[&topic, "u/+"]),
    );
    script.publish("c", "to the first again", &publish(version, &topic, "x"));
    script.publish("c", "to the second again", &publish(version, "u/y", "x"));
    script.publish("c", "to the third", &publish(version, "v", "x"));
    script
}

fn overlaps(version: Version) -> Script {
    let mut script = Script::new(version, "overlaps");
    let base = script.own("t");
    script.join("c");
    script.join("pub");
    for filters in [
        &[("#", 0), ("+", 1)][..],
        &[("a", 2), ("#", 0)],
        &[("a", 0), ("a", 1)],
    ] {
        for (end, qos) in filters {
            script.subscribe("c", &format!("{base}/{end}"), *qos);
        }
        script.publish(
            "pub",
            &format!("under {filters:?}"),
            &publish(version, format!("{base}/a"), "x").qos(1, 3),
        );
        script.answer("c", kind::PUBACK, 0);
        for (end, _) in filters {
            script.unsubscribe("c", &format!("{base}/{end}"));
        }
    }
    script
}
