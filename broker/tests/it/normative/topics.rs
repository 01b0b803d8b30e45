//! Topic names and topic filters (section 4.7).

use super::{expect_end, in_each_version};
use crate::wire::{Client, Version, publish, subscribe, unsubscribe};

/// Filters that are none, whatever the version.
fn refused_filters(broker: &crate::wire::Target, version: Version, filters: &[&str]) {
    for filter in filters {
        for packet in [
            subscribe(version, 1).to(filter, 0).bytes(),
            unsubscribe(version, 1, &[filter]),
        ] {
            let mut client = Client::join(broker, version, "offender");
            client.send(packet);
            if version == Version::V5 {
                let answer = client.packet();
                assert!(
                    matches!(answer.codes[..], [0x81 | 0x82 | 0x8F]),
                    "{filter}: {answer}"
                );
                if answer.kind != crate::wire::kind::DISCONNECT {
                    continue;
                }
            }
            client.expect_closed();
        }
    }
}

#[test]
fn the_multi_level_wildcard_stands_alone_at_the_end() {
    in_each_version(|broker, version| {
        refused_filters(broker, version, &["a#", "a/#/b", "#/a", "##", "a/b#", "#+"]);
        let mut client = Client::join(broker, version, "c");
        client.subscribe("sport/#", 0);
        for topic in ["sport", "sport/", "sport/a", "sport/a/b/c"] {
            client.send(publish(version, topic, topic).bytes());
            client.expect_message(topic);
        }
        client.send(publish(version, "sports", "x").bytes());
        client.expect_nothing();
    });
}

#[test]
fn the_single_level_wildcard_fills_its_level() {
    in_each_version(|broker, version| {
        refused_filters(broker, version, &["a+", "+a", "a/b+/c", "++"]);
        let mut client = Client::join(broker, version, "c");
        client.subscribe("+/b/+", 0);
        for topic in ["a/b/c", "/b/", "a/b/"] {
            client.send(publish(version, topic, topic).bytes());
            client.expect_message(topic);
        }
        for topic in ["a/b", "a/b/c/d", "b"] {
            client.send(publish(version, topic, "x").bytes());
        }
        client.expect_nothing();
    });
}

#[test]
fn wildcards_at_the_front_do_not_match_topics_that_begin_with_a_dollar() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("#", 0);
        client.subscribe("+/broker/version", 0);
        client.expect_nothing();
        client.send(subscribe(version, 1).to("$SYS/#", 0).bytes());
        client.expect_begin("SUBACK m1 0x00");
        assert!(
            client
                .pending()
                .iter()
                .any(|packet| packet.topic.starts_with("$SYS/broker/"))
        );
    });
}

#[test]
fn a_topic_has_at_least_one_character() {
    in_each_version(|broker, version| {
        refused_filters(broker, version, &[""]);
        let mut client = Client::join(broker, version, "offender");
        client.send(publish(version, "", "x").bytes());
        if version == Version::V5 {
            client.expect_begin("DISCONNECT 0x8");
        }
        client.expect_closed();
    });
}

#[test]
fn a_topic_may_be_as_long_as_its_length_can_say() {
    in_each_version(|broker, version| {
        let longest = "x".repeat(65_535);
        let mut client = Client::join(broker, version, "c");
        client.subscribe(&longest, 0);
        client.send(publish(version, &longest, "x").bytes());
        assert_eq!(client.expect_message("x").topic.len(), 65_535);
    });
}

#[test]
fn topics_are_compared_as_they_are() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        // A letter in one character, and in two: to a reader the same.
        client.subscribe("A\u{E9}", 0);
        for topic in [
            "a\u{E9}",
            "Ae\u{301}",
            "A\u{E9}/",
            "/A\u{E9}",
            " A\u{E9}",
            "a",
        ] {
            client.send(publish(version, topic, "x").bytes());
        }
        client.expect_nothing();
        client.send(publish(version, "A\u{E9}", "same").bytes());
        client.expect_message("same");
    });
}

#[test]
fn a_null_character_in_a_topic_ends_the_connection() {
    in_each_version(|broker, version| {
        expect_end(broker, version, &publish(version, "a\0", "x").bytes(), 0x81);
        expect_end(
            broker,
            version,
            &subscribe(version, 1).to("a\0", 0).bytes(),
            0x81,
        );
    });
}
