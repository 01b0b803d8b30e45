//! PUBLISH (section 3.3).

use super::{expect_end, in_each_version};
use crate::wire::{Client, Target, Version, ack, frame, kind, publish, string, subscribe};

/// What somebody who subscribes now is sent at once.
fn retained(broker: &Target, version: Version, topic: &str) -> Vec<String> {
    let mut late = Client::join(broker, version, "late");
    late.subscribe(topic, 2);
    late.pending()
        .iter()
        .map(|packet| String::from_utf8_lossy(&packet.payload).into())
        .collect()
}

#[test]
fn a_repeated_flag_is_not_passed_on() {
    in_each_version(|broker, version| {
        let mut subscriber = Client::join(broker, version, "subscriber");
        subscriber.subscribe("t", 2);
        let mut publisher = Client::join(broker, version, "publisher");
        for qos in [1, 2] {
            publisher.deliver(&publish(version, "t", "again").dup().qos(qos, 7));
            assert_eq!(subscriber.expect_message("again").flags >> 3, 0);
        }
    });
}

#[test]
fn a_repeated_message_of_quality_of_service_0_ends_the_connection() {
    in_each_version(|broker, version| {
        expect_end(
            broker,
            version,
            &publish(version, "t", "x").dup().bytes(),
            0x81,
        );
    });
}

#[test]
fn quality_of_service_3_ends_the_connection() {
    in_each_version(|broker, version| {
        expect_end(
            broker,
            version,
            &publish(version, "t", "x").qos(3, 1).bytes(),
            0x81,
        );
    });
}

#[test]
fn a_retained_message_replaces_the_one_before_whatever_its_quality_of_service() {
    in_each_version(|broker, version| {
        let mut publisher = Client::join(broker, version, "publisher");
        for (payload, qos) in [("a", 2), ("b", 1), ("c", 0), ("d", 1)] {
            publisher.send(publish(version, "t", payload).retain().qos(qos, 1).bytes());
            if qos == 2 {
                publisher.expect_begin("PUBREC");
                publisher.send(ack(kind::PUBREL, 1));
            }
            publisher.pending();
            assert_eq!(retained(broker, version, "t"), [payload]);
        }
    });
}

#[test]
fn a_new_subscription_is_sent_what_is_retained_on_every_topic_it_matches() {
    in_each_version(|broker, version| {
        let mut publisher = Client::join(broker, version, "publisher");
        for (topic, qos) in [("a/b", 1), ("a/c", 2), ("a", 1), ("b/c", 1)] {
            publisher.deliver(&publish(version, topic, topic).retain().qos(qos, 1));
        }
        let mut late = Client::join(broker, version, "late");
        late.subscribe("a/#", 1);
        let mut heard: Vec<_> = late.pending();
        heard.sort_by(|a, b| a.topic.cmp(&b.topic));
        let told: Vec<_> = heard
            .iter()
            .map(|packet| (&packet.topic[..], packet.qos(), packet.flags & 1))
            .collect();
        assert_eq!(told, [("a", 1, 1), ("a/b", 1, 1), ("a/c", 1, 1)]);
    });
}

#[test]
fn a_message_to_a_subscription_that_was_there_is_not_marked_as_retained() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 0);
        client.send(publish(version, "t", "x").retain().bytes());
        assert_eq!(client.expect_message("x").flags & 1, 0);
        client.send(subscribe(version, 1).to("t", 0).bytes());
        client.expect_begin("SUBACK");
        assert_eq!(
            client.expect_message("x").flags & 1,
            1,
            "sent by the new subscription"
        );
    });
}

#[test]
fn an_empty_retained_message_removes_what_was_kept_and_is_passed_on() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.send(publish(version, "t", "kept").retain().bytes());
        client.subscribe("t", 0);
        client.expect_message("kept");
        client.send(publish(version, "t", "").retain().bytes());
        assert_eq!(client.expect_message("").flags & 1, 0);
        assert!(retained(broker, version, "t").is_empty());
    });
}

#[test]
fn an_empty_message_is_never_kept() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.send(publish(version, "t", "").retain().bytes());
        client.expect_nothing();
        assert!(retained(broker, version, "t").is_empty());
    });
}

#[test]
fn a_message_that_is_not_to_be_retained_changes_nothing_that_is() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.send(publish(version, "other", "not kept").bytes());
        client.send(publish(version, "t", "kept").retain().bytes());
        client.send(publish(version, "t", "").bytes());
        client.send(publish(version, "t", "live").bytes());
        client.expect_nothing();
        assert_eq!(retained(broker, version, "t"), ["kept"]);
        assert!(retained(broker, version, "other").is_empty());
    });
}

#[test]
fn a_topic_with_a_wildcard_ends_the_connection() {
    in_each_version(|broker, version| {
        for topic in ["#", "+", "a/+/b", "a/#", "a+"] {
            let mut client = Client::join(broker, version, "offender");
            client.send(publish(version, topic, "x").bytes());
            if version == Version::V5 {
                let code = client.packet().code();
                assert!(matches!(code, 0x81 | 0x82 | 0x90), "{topic}: {code:#x}");
            }
            client.expect_closed();
        }
    });
}

#[test]
fn the_topic_is_the_first_field_and_comes_as_it_was_sent() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("#", 0);
        for topic in ["a", "/", "a//b", " ", "ä/ö", "a/b/c/d/e/f/g"] {
            client.send(publish(version, topic, "x").bytes());
            assert_eq!(client.expect_message("x").topic, topic);
        }
    });
}

#[test]
fn each_quality_of_service_has_its_answer() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.send(publish(version, "t", "x").bytes());
        client.expect_nothing();
        client.send(publish(version, "t", "x").qos(1, 1).bytes());
        client.expect_begin("PUBACK m1");
        client.send(publish(version, "t", "x").qos(2, 2).bytes());
        client.expect_begin("PUBREC m2");
        client.expect_nothing();
        client.send(ack(kind::PUBREL, 2));
        client.expect_begin("PUBCOMP m2");
        client.expect_nothing();
    });
}

#[test]
fn overlapping_subscriptions_deliver_with_the_highest_quality_of_service() {
    for version in super::VERSIONS {
        let broker = Target::start("allow_duplicate_messages false");
        let mut client = Client::join(&broker, version, "c");
        for (filter, qos) in [("a/#", 0), ("a/+", 2), ("a/b", 1)] {
            client.subscribe(filter, qos);
        }
        let mut publisher = Client::join(&broker, version, "publisher");
        publisher.deliver(&publish(version, "a/b", "x").qos(2, 1));
        assert_eq!(client.expect_message("x").qos(), 2);
        client.expect_nothing();
    }
}

#[test]
fn with_a_copy_for_each_of_overlapping_subscriptions_each_has_its_quality_of_service() {
    for version in super::VERSIONS {
        let broker = Target::start("allow_duplicate_messages true");
        let mut client = Client::join(&broker, version, "c");
        for (filter, qos) in [("a/#", 0), ("a/+", 2), ("a/b", 1)] {
            client.subscribe(filter, qos);
        }
        let mut publisher = Client::join(&broker, version, "publisher");
        publisher.deliver(&publish(version, "a/b", "x").qos(2, 1));
        let mut heard: Vec<_> = client
            .pending()
            .iter()
            .map(crate::wire::Packet::qos)
            .collect();
        heard.sort_unstable();
        assert_eq!(heard, [0, 1, 2]);
    }
}

#[test]
fn what_may_not_be_published_is_acknowledged_or_ends_the_connection() {
    for version in super::VERSIONS {
        let folder = tempfile::tempdir().unwrap();
        crate::support::write(
            folder.path().join("acl"),
            "topic readwrite mine\ntopic read theirs\n",
        );
        let broker = Target::start_in(folder, "acl_file {folder}/acl");
        let mut client = Client::join(&broker, version, "c");
        client.subscribe("theirs", 0);
        client.send(publish(version, "theirs", "forged").qos(1, 1).bytes());
        client.expect_begin(if version == Version::V5 {
            "PUBACK m1 0x87"
        } else {
            "PUBACK m1"
        });
        client.send(publish(version, "theirs", "forged").bytes());
        client.expect_nothing();
    }
}

#[test]
fn a_payload_of_any_bytes_comes_as_it_was_sent() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 0);
        let payload: Vec<u8> = (0..=u8::MAX).cycle().take(10_000).collect();
        client.send(publish(version, "t", &payload).bytes());
        assert_eq!(client.packet().payload, payload);
        let bare = [string("t"), vec![0; usize::from(version == Version::V5)]].concat();
        client.send(frame(0x30, &bare));
        client.expect_message("");
    });
}
