//! Texts (section 1.5.3 of MQTT 3.1.1, 1.5.4 of MQTT 5.0).

use super::{expect_end, expect_malformed, in_each_version};
use crate::wire::{Client, Target, Version, Will, connect, publish, subscribe, unsubscribe};

/// A surrogate, half a character, and a character in more bytes than it needs.
const ILL_FORMED: [&[u8]; 3] = [b"a\xED\xA0\x80", b"a\xE2\x82", b"a\xC0\xAF"];

/// Every place a client can put a text in.
fn refused_everywhere(broker: &Target, version: Version, text: &[u8]) {
    let with_will = connect(version, "c").will(Will::new(text, "x"));
    for malformed in [
        connect(version, text),
        with_will,
        connect(version, "c").user(text),
    ] {
        expect_malformed(broker, version, &malformed.bytes());
    }
    let filter = std::str::from_utf8(text);
    let mut packets = vec![
        publish(version, text, "x").bytes(),
        subscribe(version, 1).to(text, 0).bytes(),
    ];
    if let Ok(filter) = filter {
        packets.push(unsubscribe(version, 1, &[filter]));
    }
    for packet in packets {
        expect_end(broker, version, &packet, 0x81);
    }
}

#[test]
fn ill_formed_utf_8_ends_the_connection() {
    in_each_version(|broker, version| {
        for text in ILL_FORMED {
            refused_everywhere(broker, version, text);
        }
    });
}

#[test]
fn a_null_character_ends_the_connection() {
    in_each_version(|broker, version| refused_everywhere(broker, version, b"a\0b"));
}

#[test]
fn a_byte_order_mark_is_a_character_like_any_other() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("\u{FEFF}t", 0);
        client.send(publish(version, "t", "other").bytes());
        client.send(publish(version, "\u{FEFF}t", "same").bytes());
        assert_eq!(client.expect_message("same").topic, "\u{FEFF}t");
        client.expect_nothing();
    });
}
