//! What a peer may do to the broker, and how the broker bears it: bursts, answers that come late, requests without
//! measure.

use broker::codec::{
    Connect, MessageProperties, Packet, Properties, Property, Publish, QoS, Reason, Subscribe,
    Subscription, Will,
};
use bytes::Bytes;

use crate::harness::{Broker, PATIENCE, Raw, connect, connect_5, id, message, text};

const ANYBODY: &str = "allow_anonymous true";

fn with(client_id: &str, properties: Vec<Property>) -> Connect {
    Connect {
        properties: properties.into(),
        ..connect_5(client_id, false)
    }
}

#[test]
fn a_burst_reaches_a_reader_that_reads() {
    const COUNT: u16 = 5000;
    for qos in [QoS::AtMostOnce, QoS::AtLeastOnce] {
        let broker = Broker::start("allow_anonymous true\nlog_type none\nlog_type information");
        let (mut reader, _) = Raw::login(&broker, connect("reader", true));
        reader.subscribe("t", qos);
        let reading = std::thread::spawn(move || {
            for number in 1..=COUNT {
                let publish = reader.receive_message();
                assert_eq!(publish.payload, number.to_string());
                if let Some(id) = publish.id {
                    reader.send(&Packet::PubAck(id.into()));
                }
            }
        });
        let (mut publisher, _) = Raw::login(&broker, connect("publisher", true));
        let mut bytes = bytes::BytesMut::new();
        for number in 1..=COUNT {
            let publish = message("t", &number.to_string(), qos, number);
            broker::codec::encode(
                &Packet::Publish(publish),
                broker::codec::Version::V311,
                &mut bytes,
            )
            .unwrap();
        }
        publisher.bytes(&bytes);
        reading.join().unwrap();
    }
}

#[test]
fn answers_of_an_earlier_connection_end_what_is_not_sent_again_yet() {
    let broker = Broker::start(ANYBODY);
    let session = |maximum| {
        let properties = vec![
            Property::SessionExpiryInterval(1000),
            Property::ReceiveMaximum(maximum),
        ];
        with("c", properties)
    };
    let (mut client, _) = Raw::login(&broker, session(10));
    client.subscribe("t", QoS::AtLeastOnce);
    let (mut publisher, _) = Raw::login(&broker, connect("publisher", true));
    for number in 1..=3 {
        publisher.publish(message("t", "x", QoS::AtLeastOnce, number));
    }
    let ids: Vec<_> = (0..3)
        .map(|_| client.receive_message().id.unwrap())
        .collect();
    drop(client);
    let (mut client, present) = Raw::login(&broker, session(1));
    assert!(present);
    assert_eq!(client.receive_message().id, Some(ids[0]));
    for id in [ids[1], ids[0], ids[2]] {
        client.send(&Packet::PubAck(id.into()));
    }
    publisher.publish(message("t", "new", QoS::AtLeastOnce, 4));
    assert_eq!(client.receive_message().payload, "new");
}

#[test]
fn one_subscribe_takes_its_turns_and_brings_no_more_than_there_is() {
    let broker =
        Broker::start("allow_anonymous true\nlog_type none\nlog_type information\nsys_interval 0");
    let (mut publisher, _) = Raw::login(&broker, connect("publisher", true));
    for number in 0..50 {
        publisher.publish(Publish {
            retain: true,
            ..message(&format!("t/{number}"), "x", QoS::AtMostOnce, 0)
        });
    }
    publisher.expect_nothing();
    let (mut greedy, _) = Raw::login(&broker, connect_5("greedy", true));
    let subscription = |filter: String| Subscription {
        filter: text(&filter),
        options: QoS::AtMostOnce.into(),
    };
    let mut subscriptions = vec![subscription("t/#".to_owned()); 1000];
    subscriptions.extend((0..20_000).map(|number| subscription(number.to_string())));
    greedy.send(&Packet::Subscribe(Subscribe {
        id: id(1),
        subscriptions,
        identifier: None,
        properties: Properties::NONE,
    }));
    let (mut bystander, _) = Raw::login(&broker, connect("bystander", true));
    bystander.expect_nothing();
    let Packet::SubAck(answer) = greedy.receive() else {
        panic!("no SUBACK")
    };
    let refused = answer
        .reasons
        .iter()
        .filter(|reason| **reason == Reason::QuotaExceeded)
        .count();
    assert_eq!((answer.reasons.len(), refused), (21_000, 10_001));
    let mut retained = 0;
    greedy.send(&Packet::PingReq);
    greedy.send(&Packet::PingReq);
    let mut pings = 0;
    while pings < 2 {
        match greedy.receive() {
            Packet::Publish(_) => retained += 1,
            Packet::PingResp => pings += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!((50..=1000).contains(&retained), "{retained}");
}

#[test]
fn only_so_many_peers_may_send_a_large_connect_at_a_time() {
    let broker = Broker::start(ANYBODY);
    let large = |name: &str| Connect {
        will: Some(Will {
            topic: text("t"),
            payload: Bytes::from(vec![b'x'; 40_000]),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: MessageProperties::default(),
        }),
        ..connect_5(name, true)
    };
    let mut bytes = bytes::BytesMut::new();
    let packet = Packet::Connect(Box::new(large("half")));
    broker::codec::encode(&packet, broker::codec::Version::V5, &mut bytes).unwrap();
    let half = || {
        let mut peer = Raw::open(&broker);
        peer.bytes(&bytes[..20_000]);
        peer
    };
    let mut halves: Vec<_> = (0..32).map(|_| half()).collect();
    let start = std::time::Instant::now();
    let refused = loop {
        let mut peer = Raw::open(&broker);
        peer.send(&Packet::Connect(Box::new(large("one more"))));
        match peer.try_receive() {
            // It was dealt with before one of the others, which then found no place.
            Some(Packet::ConnAck(answer)) if answer.reason == Reason::Success => {
                halves.push(half());
            }
            other => break other,
        }
        assert!(start.elapsed() < PATIENCE, "all of them were let in");
    };
    // What it sent and was not read may have reset the connection.
    if let Some(Packet::ConnAck(answer)) = refused {
        assert_eq!(answer.reason, Reason::ServerBusy);
    }
    broker.wait_for("too many clients send a large CONNECT at the same time.");
    Raw::login(&broker, connect("small", true));
    drop(halves);
    let start = std::time::Instant::now();
    loop {
        let mut peer = Raw::open(&broker);
        peer.send(&Packet::Connect(Box::new(large("later"))));
        let answer = peer.try_receive();
        if matches!(answer, Some(Packet::ConnAck(answer)) if answer.reason == Reason::Success) {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "the places are not given back");
    }
}

#[test]
fn no_packet_is_larger_than_a_client_takes() {
    let broker = Broker::start(ANYBODY);
    let mut client = Raw::open(&broker);
    client.send(&Packet::Connect(Box::new(with(
        "c",
        vec![Property::MaximumPacketSize(10)],
    ))));
    assert_eq!(client.try_receive(), None, "the CONNACK has more");
    let properties = vec![
        Property::MaximumPacketSize(40),
        Property::SessionExpiryInterval(1000),
    ];
    let (mut client, _) = Raw::login(&broker, with("c", properties));
    client.send(&Packet::Subscribe(Subscribe {
        id: id(1),
        subscriptions: vec![
            Subscription {
                filter: text("t"),
                options: QoS::AtLeastOnce.into(),
            };
            50
        ],
        identifier: None,
        properties: Properties::NONE,
    }));
    let Packet::Disconnect(outcome) = client.receive() else {
        panic!("no DISCONNECT")
    };
    assert_eq!(outcome.reason, Reason::PacketTooLarge);
}

#[test]
fn what_a_client_no_longer_takes_is_not_sent_again() {
    let broker = Broker::start(ANYBODY);
    let session = |size| {
        let properties = vec![
            Property::MaximumPacketSize(size),
            Property::SessionExpiryInterval(1000),
        ];
        with("c", properties)
    };
    let (mut client, _) = Raw::login(&broker, session(10_000));
    client.subscribe("t", QoS::AtLeastOnce);
    let (mut publisher, _) = Raw::login(&broker, connect("publisher", true));
    publisher.publish(message("t", &"x".repeat(5000), QoS::AtLeastOnce, 1));
    client.receive_message();
    drop(client);
    let (mut client, present) = Raw::login(&broker, session(100));
    assert!(present);
    publisher.publish(message("t", "small", QoS::AtLeastOnce, 2));
    assert_eq!(client.receive_message().payload, "small");
}

#[test]
fn who_takes_little_at_a_time_is_not_taken_for_silent() {
    let broker = Broker::start(ANYBODY);
    let slow = Connect {
        keep_alive: 1,
        ..connect("slow", true)
    };
    let (mut client, _) = Raw::login(&broker, slow);
    client.subscribe("t", QoS::AtMostOnce);
    let (mut publisher, _) = Raw::login(&broker, connect("publisher", true));
    for _ in 0..16 {
        let large = "x".repeat(1_500_000);
        publisher.publish(message("t", &large, QoS::AtMostOnce, 0));
    }
    let start = std::time::Instant::now();
    // It sends what it has to, and the broker reads none of it while it has no room for the answers.
    while start.elapsed() < std::time::Duration::from_millis(3500) {
        client.send(&Packet::PingReq);
        client.take(100_000);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert!(!broker.log().contains("Client slow ["), "{}", broker.log());
}

#[test]
fn all_that_a_client_sent_before_it_went_is_dealt_with() {
    let broker = Broker::start("allow_anonymous true\nmax_queued_messages 0");
    let (mut heir, _) = Raw::login(&broker, connect("heir", true));
    heir.subscribe("heir/#", QoS::AtMostOnce);
    let mortal = Connect {
        will: Some(Will {
            topic: text("heir/will"),
            payload: Bytes::from_static(b"gone"),
            qos: QoS::AtMostOnce,
            retain: false,
            properties: MessageProperties::default(),
        }),
        ..connect("c", true)
    };
    let (mut client, _) = Raw::login(&broker, mortal);
    client.subscribe("large", QoS::AtMostOnce);
    // It reads nothing, until the broker can send it no more and so reads nothing from it either.
    let (mut publisher, _) = Raw::login(&broker, connect("publisher", true));
    for _ in 0..200 {
        publisher.publish(message("large", &"x".repeat(100_000), QoS::AtMostOnce, 0));
    }
    publisher.expect_nothing();
    let mut bytes = bytes::BytesMut::new();
    let mut put = |packet| {
        let version = broker::codec::Version::V311;
        broker::codec::encode(&packet, version, &mut bytes).unwrap();
    };
    for _ in 0..4000 {
        put(Packet::Publish(message("heir/t", "x", QoS::AtMostOnce, 0)));
    }
    put(Packet::Disconnect(Reason::Success.into()));
    let reading = std::thread::spawn(move || {
        client.bytes(&bytes);
        client.end();
        // Slowly, so that the way to it is full again and again.
        for _ in 0..180 {
            client.take(100_000);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    });
    for _ in 0..4000 {
        assert_eq!(heir.receive_message().topic, "heir/t");
    }
    broker.wait_for("Client c [");
    heir.expect_nothing();
    reading.join().unwrap();
}

#[test]
fn overlapping_filters_bring_a_retained_message_for_each_of_them() {
    let broker = Broker::start("allow_anonymous true\nsys_interval 0");
    let (mut client, _) = Raw::login(&broker, connect("c", true));
    client.publish(Publish {
        retain: true,
        ..message("a/b", "x", QoS::AtMostOnce, 0)
    });
    let filters = ["a/b", "a/+", "a/#", "#", "+/b"];
    client.send(&Packet::Subscribe(Subscribe {
        id: id(1),
        subscriptions: filters
            .map(|filter| Subscription {
                filter: text(filter),
                options: QoS::AtMostOnce.into(),
            })
            .into(),
        identifier: None,
        properties: Properties::NONE,
    }));
    assert!(matches!(client.receive(), Packet::SubAck(_)));
    for _ in filters {
        assert!(client.receive_message().retain);
    }
    client.expect_nothing();
}
