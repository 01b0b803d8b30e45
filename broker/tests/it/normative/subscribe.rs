//! SUBSCRIBE and SUBACK (sections 3.8 and 3.9).

use super::{expect_end, in_each_version};
use crate::wire::{Client, Version, frame, kind, publish, subscribe};

#[test]
fn a_subscription_without_a_filter_ends_the_connection() {
    in_each_version(|broker, version| {
        expect_end(broker, version, &subscribe(version, 1).bytes(), 0x82);
    });
}

#[test]
fn reserved_bits_and_quality_of_service_3_in_a_subscription_end_the_connection() {
    in_each_version(|broker, version| {
        let reserved: &[u8] = if version == Version::V5 {
            &[0x03, 0x40, 0x80, 0x30]
        } else {
            &[0x03, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF]
        };
        for options in reserved {
            let mut client = Client::join(broker, version, "offender");
            client.send(subscribe(version, 1).to("t", *options).bytes());
            if version == Version::V5 {
                let code = client.packet().code();
                assert!(matches!(code, 0x81 | 0x82), "{options:#x}: {code:#x}");
            }
            client.expect_closed();
        }
    });
}

#[test]
fn a_subscription_is_answered_with_its_identifier_and_a_code_for_each_filter_in_order() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        let many = subscribe(version, 300)
            .to("a", 2)
            .to("b", 0)
            .to("c/#", 1)
            .to("a", 1);
        client.send(many.bytes());
        let answer = client.expect_begin("SUBACK m300");
        assert_eq!(answer.codes, [2, 0, 1, 1]);
    });
}

#[test]
fn several_filters_in_one_packet_are_as_good_as_several_packets() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.send(publish(version, "a", "kept").retain().bytes());
        client.send(subscribe(version, 1).to("a", 0).to("b", 0).bytes());
        client.expect_begin("SUBACK m1 0x00 0x00");
        client.expect_message("kept");
        client.send(publish(version, "b", "x").bytes());
        client.expect_message("x");
    });
}

#[test]
fn the_same_filter_again_replaces_the_subscription() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 2);
        client.subscribe("t", 0);
        let mut publisher = Client::join(broker, version, "publisher");
        publisher.deliver(&publish(version, "t", "x").qos(2, 1));
        assert_eq!(client.expect_message("x").qos(), 0);
        client.expect_nothing();
    });
}

#[test]
fn the_same_filter_again_brings_what_is_retained_again() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.send(publish(version, "t", "kept").retain().bytes());
        for _ in 0..2 {
            client.send(subscribe(version, 1).to("t", 0).bytes());
            client.expect_begin("SUBACK m1 0x00");
            client.expect_message("kept");
        }
    });
}

#[test]
fn replacing_a_subscription_loses_no_message() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 1);
        let mut publisher = Client::join(broker, version, "publisher");
        for number in 0..50_u16 {
            client.send(subscribe(version, 1000 + number).to("t", 1).bytes());
            publisher.send(
                publish(version, "t", number.to_string())
                    .qos(1, number + 1)
                    .bytes(),
            );
        }
        publisher.pending();
        let mut heard = Vec::new();
        while heard.len() < 50 {
            let packet = client.packet();
            if packet.kind == kind::PUBLISH {
                heard.push(String::from_utf8(packet.payload).unwrap());
                client.send(crate::wire::ack(kind::PUBACK, packet.id.unwrap()));
            }
        }
        let sent: Vec<_> = (0..50).map(|number| number.to_string()).collect();
        assert_eq!(heard, sent);
    });
}

#[test]
fn a_message_comes_with_the_lower_of_both_qualities_of_service() {
    in_each_version(|broker, version| {
        let mut publisher = Client::join(broker, version, "publisher");
        for granted in [0, 1, 2] {
            let mut client = Client::join(broker, version, "c");
            client.subscribe("t", granted);
            for published in [0_u8, 1, 2] {
                let message = publish(version, "t", "x").qos(published, 1);
                if published == 0 {
                    publisher.send(message.bytes());
                } else {
                    publisher.deliver(&message);
                }
                assert_eq!(client.expect_message("x").qos(), published.min(granted));
            }
        }
    });
}

#[test]
fn a_subscription_only_brings_what_it_matches() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("a/+/c", 0);
        for topic in ["a/b", "a/b/d", "a/b/c/d", "b/b/c"] {
            client.send(publish(version, topic, "wrong").bytes());
        }
        client.send(publish(version, "a/b/c", "right").bytes());
        client.expect_message("right");
        client.expect_nothing();
    });
}

#[test]
fn a_filter_without_its_options_ends_the_connection() {
    in_each_version(|broker, version| {
        let mut body = vec![0, 1];
        body.extend(vec![0; usize::from(version == Version::V5)]);
        body.extend(b"\0\x01t");
        expect_end(broker, version, &frame(0x82, &body), 0x81);
    });
}
