//! What version 5 has and the others have not.

use broker::codec::{
    Ack, Connect, Forwarded, MessageProperties, Packet, Properties, Property, Publish, QoS, Reason,
    RetainHandling, SubscriptionOptions, Unsubscribe,
};
use bytes::Bytes;

use crate::harness::{Broker, Raw, connect, connect_5, id, message, text};

const ANYBODY: &str = "allow_anonymous true";

fn with(client_id: &str, clean_start: bool, properties: Vec<Property>) -> Connect {
    Connect {
        properties: properties.into(),
        ..connect_5(client_id, clean_start)
    }
}

fn carrying(publish: Publish, properties: MessageProperties) -> Publish {
    Publish {
        properties,
        ..publish
    }
}

/// The reason of the DISCONNECT that is the last the client gets.
fn farewell(client: &mut Raw) -> Reason {
    let Packet::Disconnect(outcome) = client.receive() else {
        panic!("no DISCONNECT")
    };
    assert_eq!(client.try_receive(), None, "and the connection is closed");
    outcome.reason
}

#[test]
fn a_client_is_told_what_the_broker_serves_with_mosquittos_names_and_order() {
    let broker =
        Broker::start("allow_anonymous true\nmax_keepalive 30\npersistent_client_expiration 1h");
    let expiry = Property::SessionExpiryInterval(u32::MAX);
    let (_client, answer) = Raw::greet(&broker, with("", true, vec![expiry]));
    let terms: Vec<_> = answer.properties.iter().cloned().collect();
    let [
        Property::TopicAliasMaximum(10),
        Property::AssignedClientIdentifier(client_id),
        Property::ServerKeepAlive(30),
        Property::SessionExpiryInterval(3600),
        Property::MaximumPacketSize(2_000_000),
        Property::ReceiveMaximum(20),
    ] = &terms[..]
    else {
        panic!("{terms:?}")
    };
    assert!(client_id.starts_with("auto-"), "{client_id}");
}

#[test]
fn properties_of_a_message_reach_its_subscribers_as_they_are_and_in_order() {
    let broker = Broker::start(ANYBODY);
    let (mut new, _) = Raw::login(&broker, connect_5("new", true));
    let (mut old, _) = Raw::login(&broker, connect("old", true));
    new.subscribe_with("t", QoS::AtMostOnce, Some(268_435_455));
    old.subscribe("t", QoS::AtMostOnce);
    let forwarded: Forwarded = [
        Property::UserProperty(text("z"), text("1")),
        Property::ContentType(text("text/plain")),
        Property::UserProperty(text("a"), text("2")),
        Property::CorrelationData(Bytes::from_static(&[0, 255])),
        Property::ResponseTopic(text("answer")),
        Property::PayloadFormatIndicator(true),
        Property::UserProperty(text("z"), text("1")),
    ]
    .into_iter()
    .collect();
    let properties = MessageProperties {
        expiry: Some(100),
        forwarded: forwarded.clone(),
        ..MessageProperties::default()
    };
    let (mut publisher, _) = Raw::login(&broker, connect_5("publisher", true));
    publisher.publish(carrying(message("t", "x", QoS::AtMostOnce, 0), properties));
    let received = new.receive_message().properties;
    assert_eq!(received.forwarded, forwarded);
    assert_eq!(received.subscriptions, [268_435_455]);
    assert!((99..=100).contains(&received.expiry.unwrap()));
    let received = old.receive_message();
    assert_eq!(received.properties, MessageProperties::default());
    assert_eq!(received.payload, "x");
}

#[test]
fn subscription_options_decide_what_is_sent() {
    let broker = Broker::start(ANYBODY);
    let (mut client, _) = Raw::login(&broker, connect_5("c", true));
    let keep = |topic| Publish {
        retain: true,
        ..message(topic, "kept", QoS::AtMostOnce, 0)
    };
    client.publish(keep("a"));
    let options = SubscriptionOptions::from(QoS::AtMostOnce);
    let no_retained = SubscriptionOptions {
        retain_handling: RetainHandling::DoNotSend,
        no_local: true,
        ..options
    };
    client.subscribe_with("a", no_retained, None);
    client.expect_nothing();
    let if_new = SubscriptionOptions {
        retain_handling: RetainHandling::SendIfNew,
        retain_as_published: true,
        ..options
    };
    client.subscribe_with("a", if_new, None);
    client.expect_nothing();
    client.publish(keep("a"));
    assert!(client.receive_message().retain, "as it was published");
    client.subscribe_with("+", if_new, None);
    assert!(client.receive_message().retain);
    let (mut other, _) = Raw::login(&broker, connect_5("other", true));
    other.subscribe_with("b", no_retained, None);
    other.publish(message("b", "own", QoS::AtMostOnce, 0));
    other.expect_nothing();
    client.publish(message("b", "foreign", QoS::AtMostOnce, 0));
    assert_eq!(other.receive_message().payload, "foreign");
}

#[test]
fn overlapping_subscriptions_bring_one_copy_with_all_their_identifiers_or_several() {
    for (duplicates, expected) in [(false, vec![vec![1, 2]]), (true, vec![vec![2], vec![1]])] {
        let broker = Broker::start(&format!(
            "allow_anonymous true\nallow_duplicate_messages {duplicates}"
        ));
        let (mut client, _) = Raw::login(&broker, connect_5("c", true));
        client.subscribe_with("t/+", QoS::AtMostOnce, Some(1));
        client.subscribe_with("t/#", QoS::AtLeastOnce, Some(2));
        client.publish(message("t/x", "x", QoS::AtLeastOnce, 1));
        assert_eq!(client.receive(), Packet::PubAck(id(1).into()));
        for expected in expected {
            let mut numbers = client.receive_message().properties.subscriptions;
            numbers.sort_unstable();
            assert_eq!(numbers, expected);
        }
        client.expect_nothing();
    }
}

#[test]
fn those_who_share_a_subscription_get_each_message_once_between_them() {
    let broker = Broker::start(ANYBODY);
    let mut members: Vec<_> = ["one", "two"]
        .map(|name| Raw::login(&broker, connect_5(name, true)).0)
        .into();
    let (mut alone, _) = Raw::login(&broker, connect("alone", true));
    alone.subscribe("$share/other/t/#", QoS::AtMostOnce);
    for member in &mut members {
        member.subscribe("$share/group/t/+", QoS::AtMostOnce);
    }
    let (mut publisher, _) = Raw::login(&broker, connect("publisher", true));
    for _ in 0..2 {
        publisher.publish(message("t/x", "x", QoS::AtMostOnce, 0));
    }
    publisher.expect_nothing();
    for member in &mut members {
        assert_eq!(member.receive_message().topic, "t/x");
        member.expect_nothing();
    }
    alone.receive_message();
    alone.receive_message();
    members[0].send(&Packet::Unsubscribe(Unsubscribe {
        id: id(5),
        filters: vec![text("$share/group/t/+"), text("$share/group/t/+")],
        properties: Properties::NONE,
    }));
    let Packet::UnsubAck(answer) = members[0].receive() else {
        panic!("no UNSUBACK")
    };
    assert_eq!(
        answer.reasons,
        [Reason::Success, Reason::NoSubscriptionExisted]
    );
    for _ in 0..2 {
        publisher.publish(message("t/x", "x", QoS::AtMostOnce, 0));
        members[1].receive_message();
    }
}

#[test]
fn topic_aliases_stand_for_names_both_ways() {
    let broker = Broker::start(ANYBODY);
    let (mut reader, _) = Raw::login(
        &broker,
        with("reader", true, vec![Property::TopicAliasMaximum(1)]),
    );
    reader.subscribe("#", QoS::AtMostOnce);
    let (mut publisher, _) = Raw::login(&broker, connect_5("publisher", true));
    let aliased = |topic: &str, alias| {
        let mut publish = message("x", "x", QoS::AtMostOnce, 0);
        publish.topic = text(topic);
        publish.properties.alias = Some(alias);
        publish
    };
    publisher.publish(aliased("first", 10));
    publisher.publish(aliased("", 10));
    publisher.publish(aliased("second", 10));
    let mut got = || {
        let publish = reader.receive_message();
        (publish.topic.to_string(), publish.properties.alias)
    };
    assert_eq!(got(), ("first".to_owned(), Some(1)));
    assert_eq!(got(), (String::new(), Some(1)));
    assert_eq!(
        got(),
        ("second".to_owned(), None),
        "there is one alias only"
    );
    publisher.publish(aliased("", 9));
    assert_eq!(farewell(&mut publisher), Reason::ProtocolError);
    let (mut publisher, _) = Raw::login(&broker, connect_5("publisher", true));
    publisher.publish(aliased("eleventh", 11));
    assert_eq!(farewell(&mut publisher), Reason::TopicAliasInvalid);
}

#[test]
fn no_more_is_in_flight_than_the_other_side_takes() {
    let broker = Broker::start("allow_anonymous true\nmax_inflight_messages 3");
    let session = || {
        let properties = vec![
            Property::ReceiveMaximum(2),
            Property::SessionExpiryInterval(1000),
        ];
        with("c", false, properties)
    };
    let (mut client, _) = Raw::login(&broker, session());
    client.subscribe("t", QoS::AtLeastOnce);
    let (mut publisher, _) = Raw::login(&broker, connect_5("publisher", true));
    for number in 1..=3 {
        publisher.publish(message("t", &number.to_string(), QoS::ExactlyOnce, number));
        assert_eq!(publisher.receive(), Packet::PubRec(id(number).into()));
    }
    let first = client.receive_message();
    client.receive_message();
    client.expect_nothing();
    client.send(&Packet::PubAck(first.id.unwrap().into()));
    assert_eq!(client.receive_message().payload, "3");
    drop(client);
    let mut careful = session();
    careful.properties = vec![
        Property::ReceiveMaximum(1),
        Property::SessionExpiryInterval(1000),
    ]
    .into();
    let (mut client, present) = Raw::login(&broker, careful);
    assert!(present);
    let again = client.receive_message();
    assert!(again.dup);
    client.expect_nothing();
    client.send(&Packet::PubAck(again.id.unwrap().into()));
    assert_eq!(client.receive_message().payload, "3");
    publisher.publish(message("t", "4", QoS::ExactlyOnce, 4));
    assert_eq!(farewell(&mut publisher), Reason::ReceiveMaximumExceeded);
}

#[test]
fn a_message_larger_than_a_client_takes_is_kept_from_this_client_alone() {
    let broker = Broker::start(ANYBODY);
    let (mut small, _) = Raw::login(
        &broker,
        with("small", true, vec![Property::MaximumPacketSize(40)]),
    );
    let (mut large, _) = Raw::login(&broker, connect_5("large", true));
    for client in [&mut small, &mut large] {
        client.subscribe("t", QoS::AtLeastOnce);
    }
    let (mut publisher, _) = Raw::login(&broker, connect_5("publisher", true));
    // Header 2, topic 3, identifier 2, length of the properties 1: 32 bytes fit beside them.
    for (number, size) in [(1, 33), (2, 32)] {
        publisher.publish(message("t", &"x".repeat(size), QoS::AtLeastOnce, number));
        publisher.receive();
        assert_eq!(large.receive_message().payload.len(), size);
    }
    assert_eq!(small.receive_message().payload.len(), 32);
    small.expect_nothing();
}

#[test]
fn refusals_are_told_with_their_reason_and_a_word() {
    let broker = Broker::start(ANYBODY);
    let (mut client, _) = Raw::login(&broker, connect_5("c", true));
    client.publish(message("$SYS/x", "x", QoS::AtLeastOnce, 1));
    let refused = Ack::new(id(1), Reason::NotAuthorized);
    assert_eq!(client.receive(), Packet::PubAck(refused));
    client.publish(message("$SYS/x", "x", QoS::ExactlyOnce, 1));
    let refused = Ack::new(id(1), Reason::NotAuthorized);
    assert_eq!(client.receive(), Packet::PubRec(refused));
    client.publish(message("nobody", "x", QoS::AtLeastOnce, 2));
    let unheard = Ack::new(id(2), Reason::NoMatchingSubscribers);
    assert_eq!(client.receive(), Packet::PubAck(unheard));
    client.send(&Packet::PubRel(id(9).into()));
    let unknown = Ack::new(id(9), Reason::PacketIdentifierNotFound);
    assert_eq!(client.receive(), Packet::PubComp(unknown));
    let (_taker, _) = Raw::login(&broker, connect_5("c", true));
    let Packet::Disconnect(outcome) = client.receive() else {
        panic!("no DISCONNECT")
    };
    assert_eq!(outcome.reason, Reason::SessionTakenOver);
    let words = outcome.properties.find(|property| match property {
        Property::ReasonString(words) => Some(words.clone()),
        _ => None,
    });
    assert_eq!(
        words.unwrap(),
        "another connection came with this client identifier"
    );
}

#[test]
fn what_breaks_the_protocol_is_told_before_the_connection_is_closed() {
    let broker = Broker::start(ANYBODY);
    let cases: [(&[u8], Reason); 8] = [
        (
            b"\x10\x0E\x00\x04MQTT\x05\x02\x00\x3C\x00\x00\x01x",
            Reason::ProtocolError,
        ),
        (b"\xF0\x00", Reason::ProtocolError),
        (b"\x30\x06\x00\x01t\x02\x0B\x01", Reason::ProtocolError),
        (b"\x30\x06\x00\x01t\x02\x01\x02", Reason::ProtocolError),
        (b"\x30\x04\x00\x01t\x7F", Reason::MalformedPacket),
        (b"\xC1\x00", Reason::MalformedPacket),
        (b"\x30\xFF\xFF\xFF\x7F", Reason::PacketTooLarge),
        (
            b"\xE0\x07\x00\x05\x11\x00\x00\x00\x01",
            Reason::ProtocolError,
        ),
    ];
    for (bytes, reason) in cases {
        let (mut client, _) = Raw::login(&broker, connect_5("c", true));
        client.bytes(bytes);
        assert_eq!(farewell(&mut client), reason, "{bytes:02x?}");
    }
    let mut client = Raw::open(&broker);
    client.send(&Packet::Connect(Box::new(with(
        "c",
        true,
        vec![Property::AuthenticationMethod(text("SCRAM-SHA-256"))],
    ))));
    let Packet::ConnAck(answer) = client.receive() else {
        panic!("no CONNACK")
    };
    assert_eq!(answer.reason, Reason::BadAuthenticationMethod);
    let mut client = Raw::open(&broker);
    let mut twice = connect_5("c", true);
    twice.properties = vec![Property::ReceiveMaximum(1), Property::ReceiveMaximum(1)].into();
    client.send(&Packet::Connect(Box::new(twice)));
    let Packet::ConnAck(answer) = client.receive() else {
        panic!("no CONNACK")
    };
    assert_eq!(answer.reason, Reason::ProtocolError);
}
