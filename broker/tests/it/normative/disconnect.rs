//! PINGREQ, DISCONNECT and errors (sections 3.12 and 3.14, and 4.8 of MQTT 3.1.1).

use super::{expect_end, in_each_version};
use crate::wire::{Client, Version, disconnect, frame, ping, publish};

#[test]
fn a_pingreq_is_answered() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        for _ in 0..3 {
            client.send(ping());
            client.expect("PINGRESP");
        }
    });
}

#[test]
fn after_a_disconnect_the_broker_closes_and_takes_nothing_more() {
    in_each_version(|broker, version| {
        let mut witness = Client::join(broker, version, "witness");
        witness.subscribe("t", 0);
        let mut client = Client::join(broker, version, "c");
        client.send([disconnect(), publish(version, "t", "too late").bytes()].concat());
        client.expect_closed();
        witness.expect_nothing();
    });
}

#[test]
fn an_error_ends_its_own_connection_and_no_other() {
    in_each_version(|broker, version| {
        let mut bystander = Client::join(broker, version, "bystander");
        bystander.subscribe("t", 0);
        let mut offences = vec![
            frame(0x20, b"\0\0"),
            frame(0xD0, b""),
            frame(0x90, b"\0\x01\0"),
            frame(0xB0, b"\0\x01"),
            frame(0x00, b""),
        ];
        if version == Version::V311 {
            offences.push(frame(0xF0, b""));
        }
        for offence in offences {
            let mut client = Client::join(broker, version, "offender");
            client.send(offence);
            if version == Version::V5 {
                client.expect_begin("DISCONNECT 0x8");
            }
            client.expect_closed();
        }
        bystander.send(publish(version, "t", "x").bytes());
        bystander.expect_message("x");
    });
}

#[test]
fn a_packet_larger_than_is_taken_ends_the_connection() {
    for version in super::VERSIONS {
        let broker = crate::wire::Target::start("max_packet_size 1000");
        let large = publish(version, "t", "x".repeat(1000)).bytes();
        expect_end(&broker, version, &large, 0x95);
        Client::join(&broker, version, "c").expect_nothing();
    }
}
