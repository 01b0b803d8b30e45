//! Packets that break a rule, each on a connection of its own.

use super::script::Script;
use crate::wire::{Version, connect, frame, publish, subscribe, unsubscribe};

pub(super) fn errors(version: Version) -> Script {
    let mut script = Script::new(version, "errors");
    let none: &[u8] = if version == Version::V5 { b"\0" } else { b"" };
    let long = "l/".repeat(300);
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("packet type 0", frame(0x00, b"")),
        ("a CONNACK", frame(0x20, &[b"\0\0", none].concat())),
        ("a SUBACK", frame(0x90, &[b"\0\x01", none, b"\0"].concat())),
        (
            "an UNSUBACK",
            frame(0xB0, &[b"\0\x01", none, none].concat()),
        ),
        ("a PINGRESP", frame(0xD0, b"")),
        ("packet type 15", frame(0xF0, b"")),
        (
            "quality of service 3",
            publish(version, "t", "x").qos(3, 1).bytes(),
        ),
        (
            "a repeat of quality of service 0",
            publish(version, "t", "x").dup().bytes(),
        ),
        ("identifier 0", publish(version, "t", "x").qos(1, 0).bytes()),
        (
            "a wildcard in a topic",
            publish(version, "a/#", "x").bytes(),
        ),
        ("no topic", publish(version, "", "x").bytes()),
        ("a null in a topic", publish(version, "a\0", "x").bytes()),
        (
            "half a character in a topic",
            publish(version, b"a\xE2\x82", "x").bytes(),
        ),
        (
            "a topic of 301 levels",
            publish(version, &long, "x").bytes(),
        ),
        ("no filter", subscribe(version, 1).bytes()),
        ("an empty filter", subscribe(version, 1).to("", 0).bytes()),
        ("a filter a#", subscribe(version, 1).to("a#", 0).bytes()),
        ("a filter #/a", subscribe(version, 1).to("#/a", 0).bytes()),
        ("a filter a+", subscribe(version, 1).to("a+", 0).bytes()),
        (
            "quality of service 3 in a SUBSCRIBE",
            subscribe(version, 1).to("t", 3).bytes(),
        ),
        (
            "reserved bits in a SUBSCRIBE",
            subscribe(version, 1).to("t", 0xC0).bytes(),
        ),
        (
            "SUBSCRIBE with identifier 0",
            subscribe(version, 0).to("t", 0).bytes(),
        ),
        (
            "SUBSCRIBE with flags 0",
            frame(0x80, &[b"\0\x01", none, b"\0\x01t\0"].concat()),
        ),
        ("nothing to UNSUBSCRIBE from", unsubscribe(version, 1, &[])),
        ("UNSUBSCRIBE from a#", unsubscribe(version, 1, &["a#"])),
        (
            "UNSUBSCRIBE with identifier 0",
            unsubscribe(version, 0, &["t"]),
        ),
        (
            "UNSUBSCRIBE with flags 0",
            frame(0xA0, &[b"\0\x01", none, b"\0\x01t"].concat()),
        ),
        ("PUBACK with flags", frame(0x41, b"\0\x01")),
        ("PUBREL without flags", frame(0x60, b"\0\x01")),
        ("PUBACK with identifier 0", frame(0x40, b"\0\0")),
        ("PUBACK of nothing", frame(0x40, b"")),
        ("PINGREQ with flags", frame(0xC1, b"")),
        ("PINGREQ with a body", frame(0xC0, b"\0")),
        ("DISCONNECT with flags", frame(0xE1, b"")),
        (
            "a packet that is too large",
            publish(version, "t", "x".repeat(100_001)).bytes(),
        ),
    ];
    for (what, bytes) in bad {
        script.enter(
            "x",
            &format!("before {what}"),
            &connect(version, script.own("x")),
        );
        script.send("x", what, bytes);
    }
    script
}
