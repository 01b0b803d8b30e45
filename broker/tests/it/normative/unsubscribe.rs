//! UNSUBSCRIBE and UNSUBACK (sections 3.10 and 3.11).

use super::{expect_end, in_each_version};
use crate::wire::{Client, Version, ack, kind, publish, unsubscribe};

#[test]
fn an_unsubscribe_without_a_filter_ends_the_connection() {
    in_each_version(|broker, version| {
        expect_end(broker, version, &unsubscribe(version, 1, &[]), 0x82);
    });
}

#[test]
fn a_filter_is_given_up_only_by_the_very_same_characters() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("a/+", 0);
        client.send(unsubscribe(version, 1, &["a/b", "a/#", "#", "A/+"]));
        client.expect_begin("UNSUBACK m1");
        client.send(publish(version, "a/b", "still").bytes());
        client.expect_message("still");
        client.send(unsubscribe(version, 2, &["a/+"]));
        client.expect_begin("UNSUBACK m2");
        client.send(publish(version, "a/b", "no more").bytes());
        client.expect_nothing();
    });
}

#[test]
fn what_was_begun_is_delivered_to_its_end_after_an_unsubscribe() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 2);
        let mut publisher = Client::join(broker, version, "publisher");
        publisher.deliver(&publish(version, "t", "x").qos(2, 1));
        let begun = client.packet().id.unwrap();
        client.send(unsubscribe(version, 1, &["t"]));
        client.expect_begin("UNSUBACK m1");
        publisher.deliver(&publish(version, "t", "y").qos(2, 1));
        client.send(ack(kind::PUBREC, begun));
        client.expect_begin(&format!("PUBREL m{begun}"));
        client.send(ack(kind::PUBCOMP, begun));
        client.expect_nothing();
    });
}

#[test]
fn an_unsubscribe_is_answered_even_if_nothing_was_subscribed_to() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.send(unsubscribe(version, 77, &["never"]));
        let answer = client.expect_begin("UNSUBACK m77");
        let codes: &[u8] = if version == Version::V5 { &[0x11] } else { &[] };
        assert_eq!(answer.codes, codes);
    });
}

#[test]
fn several_filters_are_given_up_by_one_packet_with_one_answer() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("a", 0);
        client.subscribe("b", 0);
        client.subscribe("c", 0);
        client.send(unsubscribe(version, 1, &["a", "never", "b"]));
        let answer = client.expect_begin("UNSUBACK m1");
        let codes: &[u8] = if version == Version::V5 {
            &[0, 0x11, 0]
        } else {
            &[]
        };
        assert_eq!(answer.codes, codes);
        for topic in ["a", "b", "c"] {
            client.send(publish(version, topic, topic).bytes());
        }
        client.expect_message("c");
        client.expect_nothing();
    });
}
