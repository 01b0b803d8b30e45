//! Rules of the protocol, one client at a time.

use std::time::{Duration, Instant};

use broker::codec::{
    ConnAck, Connect, MessageProperties, Packet, Properties, Publish, QoS, Reason, Unsubscribe,
    Version, Will,
};
use bytes::Bytes;

use crate::harness::{Broker, Raw, connect, id, message, text};

const ANYBODY: &str = "allow_anonymous true";

fn refusal(broker: &Broker, connect: Connect) -> Reason {
    let mut client = Raw::open(broker);
    client.send(&Packet::Connect(Box::new(connect)));
    let Packet::ConnAck(ConnAck {
        session_present: false,
        reason,
        ..
    }) = client.receive()
    else {
        panic!("no CONNACK")
    };
    assert_ne!(reason, Reason::Success);
    assert_eq!(client.try_receive(), None, "and the connection is closed");
    reason
}

#[test]
fn what_breaks_the_protocol_closes_its_own_connection_and_no_other() {
    let broker = Broker::start(ANYBODY);
    let (mut bystander, _) = Raw::login(&broker, connect("bystander", true));
    let not_connected: [&[u8]; 6] = [
        b"\xC0\x00",
        b"\x40\x00",
        b"\x30\x03\x00\x01t",
        b"\xFF\xFF\xFF\xFF\xFF\xFF",
        b"GET / HTTP/1.1\r\n",
        &[0; 64],
    ];
    for bytes in not_connected {
        let mut client = Raw::open(&broker);
        client.bytes(bytes);
        assert_eq!(client.try_receive(), None, "{bytes:02x?}");
    }
    let connected: [&[u8]; 7] = [
        b"\x10\x0D\x00\x04MQTT\x04\x02\x00\x3C\x00\x01x",
        b"\x40\x00",
        b"\x36\x05\x00\x01t\x00\x01",
        b"\x30\x03\x00\x01+",
        b"\x82\x02\x00\x01",
        b"\x20\x02\x00\x00",
        b"\x30\xFF\xFF\xFF\x7F",
    ];
    for bytes in connected {
        let (mut client, _) = Raw::login(&broker, connect("offender", true));
        client.bytes(bytes);
        assert_eq!(client.try_receive(), None, "{bytes:02x?}");
    }
    bystander.expect_nothing();
    broker.wait_for("disconnected due to protocol error: a second CONNECT.");
    broker.wait_for("disconnected due to protocol error: PINGREQ before CONNECT.");
}

#[test]
fn a_version_that_is_not_spoken_is_refused_with_its_code() {
    let broker = Broker::start(ANYBODY);
    for level in [2, 3, 6] {
        let mut client = Raw::open(&broker);
        client.bytes(&[
            0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', level, 2, 0, 60, 0, 1, b'c',
        ]);
        let reason = Reason::UnsupportedProtocolVersion;
        assert_eq!(
            client.receive(),
            Packet::ConnAck(ConnAck {
                session_present: false,
                reason,
                properties: Properties::NONE,
            })
        );
        assert_eq!(client.try_receive(), None);
    }
}

#[test]
fn a_client_without_an_identifier_is_given_one_only_for_a_clean_session() {
    let broker = Broker::start(ANYBODY);
    Raw::login(&broker, connect("", true));
    broker.wait_for(" as auto-");
    assert_eq!(
        refusal(&broker, connect("", false)),
        Reason::ClientIdentifierNotValid
    );
    let old = Connect {
        version: Version::V31,
        ..connect("", true)
    };
    assert_eq!(refusal(&broker, old), Reason::ClientIdentifierNotValid);
    let strict = Broker::start("allow_anonymous true\nallow_zero_length_clientid false");
    assert_eq!(
        refusal(&strict, connect("", true)),
        Reason::ClientIdentifierNotValid
    );
}

#[test]
fn a_client_that_is_silent_for_one_and_a_half_times_its_keep_alive_is_disconnected() {
    let broker = Broker::start(ANYBODY);
    let (mut endless, _) = Raw::login(
        &broker,
        Connect {
            keep_alive: 0,
            ..connect("endless", true)
        },
    );
    let start = Instant::now();
    let (mut client, _) = Raw::login(
        &broker,
        Connect {
            keep_alive: 1,
            ..connect("silent", true)
        },
    );
    assert_eq!(client.try_receive(), None);
    let silence = start.elapsed();
    assert!(silence >= Duration::from_millis(1500), "{silence:?}");
    broker.wait_for("has exceeded timeout, disconnecting.");
    endless.expect_nothing();
}

#[test]
fn a_keep_alive_longer_than_the_limit_is_refused() {
    let broker = Broker::start("allow_anonymous true\nmax_keepalive 60");
    Raw::login(&broker, connect("short", true));
    for keep_alive in [0, 61] {
        let login = Connect {
            keep_alive,
            ..connect("long", true)
        };
        assert_eq!(refusal(&broker, login), Reason::ClientIdentifierNotValid);
    }
}

#[test]
fn signs_of_life_keep_a_connection() {
    let broker = Broker::start(ANYBODY);
    let (mut client, _) = Raw::login(
        &broker,
        Connect {
            keep_alive: 1,
            ..connect("lively", true)
        },
    );
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(700));
        client.expect_nothing();
    }
}

#[test]
fn quality_of_service_2_delivers_once_though_it_is_sent_twice() {
    let broker = Broker::start(ANYBODY);
    let (mut subscriber, _) = Raw::login(&broker, connect("subscriber", true));
    assert_eq!(
        subscriber.subscribe("t", QoS::ExactlyOnce).reasons,
        [Reason::GrantedQoS2]
    );
    let (mut publisher, _) = Raw::login(&broker, connect("publisher", true));
    let first = message("t", "once", QoS::ExactlyOnce, 7);
    publisher.publish(first.clone());
    publisher.publish(Publish { dup: true, ..first });
    assert_eq!(
        (publisher.receive(), publisher.receive()),
        (Packet::PubRec(id(7).into()), Packet::PubRec(id(7).into()))
    );
    publisher.send(&Packet::PubRel(id(7).into()));
    assert_eq!(publisher.receive(), Packet::PubComp(id(7).into()));
    let received = subscriber.receive_message();
    assert_eq!(
        (received.qos, received.payload),
        (QoS::ExactlyOnce, Bytes::from_static(b"once"))
    );
    subscriber.send(&Packet::PubRec(received.id.unwrap().into()));
    assert_eq!(
        subscriber.receive(),
        Packet::PubRel(received.id.unwrap().into())
    );
    subscriber.send(&Packet::PubComp(received.id.unwrap().into()));
    subscriber.expect_nothing();
}

#[test]
fn overlapping_subscriptions_deliver_with_the_highest_quality_of_service() {
    let broker = Broker::start("allow_anonymous true\nallow_duplicate_messages false");
    let (mut client, _) = Raw::login(&broker, connect("both", true));
    client.subscribe("a/#", QoS::AtMostOnce);
    client.subscribe("a/b", QoS::AtLeastOnce);
    client.publish(message("a/b", "x", QoS::ExactlyOnce, 1));
    assert_eq!(client.receive(), Packet::PubRec(id(1).into()));
    assert_eq!(client.receive_message().qos, QoS::AtLeastOnce);
    client.expect_nothing();
}

#[test]
fn what_was_unsubscribed_does_not_come_any_more() {
    let broker = Broker::start(ANYBODY);
    let (mut client, _) = Raw::login(&broker, connect("c", true));
    client.subscribe("a/+", QoS::AtMostOnce);
    client.send(&Packet::Unsubscribe(Unsubscribe {
        id: id(5),
        filters: vec![text("a/+"), text("never")],
        properties: Properties::NONE,
    }));
    let Packet::UnsubAck(answer) = client.receive() else {
        panic!("no UNSUBACK")
    };
    assert_eq!(answer.id, id(5));
    client.publish(message("a/b", "x", QoS::AtMostOnce, 0));
    client.expect_nothing();
}

#[test]
fn a_will_is_published_when_its_client_goes_without_a_word_and_only_then() {
    let broker = Broker::start(ANYBODY);
    let (mut heir, _) = Raw::login(&broker, connect("heir", true));
    heir.subscribe("will/#", QoS::AtLeastOnce);
    let mortal = |name: &str| {
        let will = Will {
            topic: text(&format!("will/{name}")),
            payload: Bytes::from_static(b"gone"),
            qos: QoS::AtLeastOnce,
            retain: false,
            properties: MessageProperties::default(),
        };
        Connect {
            will: Some(will),
            ..connect(name, true)
        }
    };
    let (mut polite, _) = Raw::login(&broker, mortal("polite"));
    polite.send(&Packet::Disconnect(Reason::Success.into()));
    assert_eq!(polite.try_receive(), None);
    drop(Raw::login(&broker, mortal("vanished")));
    assert_eq!(heir.receive_message().topic, "will/vanished");
    let (mut rude, _) = Raw::login(&broker, mortal("rude"));
    rude.bytes(b"\x00\x00");
    assert_eq!(heir.receive_message().topic, "will/rude");
    let (_old, _) = Raw::login(&broker, mortal("replaced"));
    let (_new, _) = Raw::login(&broker, connect("replaced", true));
    assert_eq!(heir.receive_message().topic, "will/replaced");
}

#[test]
fn many_packets_in_one_write_are_all_answered_in_order() {
    let broker = Broker::start(ANYBODY);
    let (mut client, _) = Raw::login(&broker, connect("burst", true));
    let mut bytes = bytes::BytesMut::new();
    for number in 1..=500 {
        let publish = Packet::Publish(message("t", "x", QoS::AtLeastOnce, number));
        broker::codec::encode(&publish, Version::V311, &mut bytes).unwrap();
    }
    client.bytes(&bytes);
    for number in 1..=500 {
        assert_eq!(client.receive(), Packet::PubAck(id(number).into()));
    }
}

#[test]
fn a_packet_that_comes_byte_by_byte_is_a_packet_all_the_same() {
    let broker = Broker::start(ANYBODY);
    let (mut client, _) = Raw::login(&broker, connect("slow", true));
    for byte in b"\x32\x06\x00\x01t\x00\x05x" {
        client.bytes(&[*byte]);
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(client.receive(), Packet::PubAck(id(5).into()));
}
