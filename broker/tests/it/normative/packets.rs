//! Fixed headers, identifiers and lengths (chapter 2).

use std::collections::BTreeSet;

use super::{expect_end, in_each_version};
use crate::wire::{Client, Version, ack, frame, kind, publish, string, subscribe, unsubscribe};

#[test]
fn reserved_flags_end_the_connection() {
    in_each_version(|broker, version| {
        let none: &[u8] = if version == Version::V5 { b"\0" } else { b"" };
        let filter = [b"\0\x01", none, &string("t")].concat();
        let id = b"\0\x01";
        let mut packets = vec![
            frame(0x41, id),
            frame(0x51, id),
            frame(0x60, id),
            frame(0x63, id),
            frame(0x71, id),
            frame(0x80, &[&filter[..], b"\0"].concat()),
            frame(0x83, &[&filter[..], b"\0"].concat()),
            frame(0xA0, &filter),
            frame(0xA3, &filter),
            frame(0xC1, b""),
            frame(0xE1, b""),
        ];
        if version == Version::V5 {
            packets.push(frame(0xF1, b""));
        }
        for packet in packets {
            expect_end(broker, version, &packet, 0x81);
        }
    });
}

#[test]
fn a_packet_identifier_of_0_ends_the_connection() {
    in_each_version(|broker, version| {
        for packet in [
            publish(version, "t", "x").qos(1, 0).bytes(),
            publish(version, "t", "x").qos(2, 0).bytes(),
            subscribe(version, 0).to("t", 0).bytes(),
            unsubscribe(version, 0, &["t"]),
        ] {
            let mut client = Client::join(broker, version, "offender");
            client.send(packet);
            // Malformed to some, a protocol error to others: the standard calls it neither.
            if version == Version::V5 {
                assert!(matches!(client.packet().code(), 0x81 | 0x82));
            }
            client.expect_closed();
        }
    });
}

#[test]
fn a_message_of_quality_of_service_0_has_no_packet_identifier() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 2);
        let payload = "\u{1}x";
        client.send(publish(version, "t", payload).bytes());
        let message = client.expect_message(payload);
        assert_eq!(message.id, None);
    });
}

#[test]
fn answers_carry_the_identifier_of_what_they_answer() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        for id in [1, 0x0102, u16::MAX] {
            client.send(subscribe(version, id).to("other", 0).bytes());
            client.expect_begin(&format!("SUBACK m{id} 0x00"));
            client.send(unsubscribe(version, id, &["other"]));
            client.expect_begin(&format!("UNSUBACK m{id}"));
            client.send(publish(version, "t", "x").qos(1, id).bytes());
            client.expect_begin(&format!("PUBACK m{id}"));
            client.send(publish(version, "t", "x").qos(2, id).bytes());
            client.expect_begin(&format!("PUBREC m{id}"));
            client.send(ack(kind::PUBREL, id));
            client.expect_begin(&format!("PUBCOMP m{id}"));
        }
    });
}

#[test]
fn the_brokers_identifiers_are_not_0_and_not_in_use() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 2);
        let mut publisher = Client::join(broker, version, "publisher");
        let mut open = BTreeSet::new();
        for round in 0..12_u8 {
            publisher.deliver(&publish(version, "t", "x").qos(1 + round % 2, 1));
            let id = client.expect_begin("PUBLISH").id.unwrap();
            assert!(id != 0 && open.insert(id), "{id} is 0 or in use");
        }
        let first = *open.iter().next().unwrap();
        client.send(ack(kind::PUBACK, first));
        publisher.deliver(&publish(version, "t", "x").qos(1, 1));
        let id = client.expect_begin("PUBLISH").id.unwrap();
        assert!(id == first || open.insert(id), "{id} is in use");
    });
}

#[test]
fn an_identifier_is_free_again_when_its_exchange_is_over() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 1);
        for payload in ["first", "second"] {
            for qos in [1, 2] {
                let answer = client_delivers(&mut client, version, payload, qos);
                assert_eq!(answer, Some(7));
            }
        }
    });
}

/// Sends a message under the identifier 7 and takes both the answers and the message itself.
fn client_delivers(client: &mut Client, version: Version, payload: &str, qos: u8) -> Option<u16> {
    client.send(publish(version, "t", payload).qos(qos, 7).bytes());
    let mut answered = None;
    let mut heard = false;
    while !heard || answered.is_none() {
        let packet = client.packet();
        match packet.kind {
            kind::PUBLISH => {
                heard = true;
                client.send(ack(kind::PUBACK, packet.id.unwrap()));
            }
            kind::PUBREC => client.send(ack(kind::PUBREL, packet.id.unwrap())),
            kind::PUBACK | kind::PUBCOMP => answered = packet.id,
            _ => panic!("{packet}"),
        }
    }
    answered
}

#[test]
fn lengths_are_written_in_the_fewest_bytes() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 0);
        // The reader of these tests takes no other. One below each border, on it, and above it.
        for border in [128_usize, 16_384, 2_097_152 / 2] {
            for size in border - 5..border + 2 {
                let payload = "x".repeat(size);
                client.send(publish(version, "t", &payload).bytes());
                client.expect_message(&payload);
            }
        }
    });
}

#[test]
fn a_length_of_more_than_four_bytes_ends_the_connection() {
    in_each_version(|broker, version| {
        expect_end(broker, version, b"\x30\xFF\xFF\xFF\xFF\x01", 0x81);
    });
}

#[test]
fn a_packet_shorter_or_longer_than_its_fields_ends_the_connection() {
    in_each_version(|broker, version| {
        let mut packets = vec![
            frame(0x30, b"\0\x05t"),
            frame(0x32, b"\0\x01t\0"),
            frame(0x40, b"\0"),
            frame(0x82, b"\0\x01\0\x05t"),
            frame(0xC0, b"\0"),
        ];
        if version == Version::V311 {
            packets.push(frame(0x40, b"\0\x01\0"));
            packets.push(frame(0xE0, b"\0"));
        } else {
            // Properties that are longer than the packet.
            packets.push(frame(0x30, b"\0\x01t\x09\x01\x01"));
        }
        for packet in packets {
            let mut client = Client::join(broker, version, "offender");
            client.send(packet);
            if version == Version::V5 {
                client.expect_begin("DISCONNECT 0x8");
            }
            client.expect_closed();
        }
    });
}
