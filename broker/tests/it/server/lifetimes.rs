//! What ends by itself, or waits, in version 5: messages, sessions and wills.

use broker::codec::{
    Connect, MessageProperties, Outcome, Packet, Property, Publish, QoS, Reason, Will,
};
use bytes::Bytes;

use crate::harness::{Broker, Raw, connect_5, message, text};

const ANYBODY: &str = "allow_anonymous true";

fn with(client_id: &str, clean_start: bool, properties: Vec<Property>) -> Connect {
    Connect {
        properties: properties.into(),
        ..connect_5(client_id, clean_start)
    }
}

fn will(topic: &str, delay: u32) -> Will {
    Will {
        topic: text(topic),
        payload: Bytes::from_static(b"gone"),
        qos: QoS::AtLeastOnce,
        retain: false,
        properties: MessageProperties {
            will_delay: delay,
            ..MessageProperties::default()
        },
    }
}

fn carrying(publish: Publish, properties: MessageProperties) -> Publish {
    Publish {
        properties,
        ..publish
    }
}

#[test]
fn a_message_that_has_expired_while_it_waited_is_not_sent() {
    let broker = Broker::start(ANYBODY);
    let session = || with("away", false, vec![Property::SessionExpiryInterval(1000)]);
    let (mut client, _) = Raw::login(&broker, session());
    client.subscribe("t/#", QoS::AtLeastOnce);
    drop(client);
    let (mut publisher, _) = Raw::login(&broker, connect_5("publisher", true));
    for (topic, expiry) in [
        ("t/short", Some(1)),
        ("t/long", Some(500)),
        ("t/ever", None),
    ] {
        let properties = MessageProperties {
            expiry,
            ..MessageProperties::default()
        };
        let mut publish = carrying(message(topic, "x", QoS::AtLeastOnce, 1), properties);
        publish.retain = true;
        publisher.publish(publish);
        publisher.receive();
    }
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let (mut client, present) = Raw::login(&broker, session());
    assert!(present);
    let long = client.receive_message();
    assert_eq!(long.topic, "t/long");
    assert!(long.properties.expiry.unwrap() < 500, "it was counted down");
    let ever = client.receive_message();
    assert_eq!((&*ever.topic, ever.properties.expiry), ("t/ever", None));
    client.expect_nothing();
    let (mut late, _) = Raw::login(&broker, connect_5("late", true));
    late.subscribe("t/#", QoS::AtMostOnce);
    let mut topics = [late.receive_message().topic, late.receive_message().topic];
    topics.sort();
    assert_eq!(topics, ["t/ever", "t/long"]);
    late.expect_nothing();
}

#[test]
fn a_session_stays_as_long_as_its_client_asked_for_and_can_be_shortened_at_the_end() {
    let broker = Broker::start(ANYBODY);
    let session = |seconds| with("c", false, vec![Property::SessionExpiryInterval(seconds)]);
    let (client, _) = Raw::login(&broker, session(1000));
    drop(client);
    let (mut client, present) = Raw::login(&broker, session(1000));
    assert!(present);
    client.send(&Packet::Disconnect(Outcome {
        reason: Reason::Success,
        properties: vec![Property::SessionExpiryInterval(0)].into(),
    }));
    assert_eq!(client.try_receive(), None);
    let (client, present) = Raw::login(&broker, session(1));
    assert!(!present);
    drop(client);
    broker.wait_for("Expiring client c due to timeout.");
    let (client, present) = Raw::login(&broker, session(0));
    assert!(!present);
    drop(client);
    let (_client, present) = Raw::login(&broker, session(0));
    assert!(!present, "an expiry of 0 ends with the connection");
}

#[test]
fn a_will_waits_for_its_client_to_come_back() {
    let broker = Broker::start(ANYBODY);
    let (mut heir, _) = Raw::login(&broker, connect_5("heir", true));
    heir.subscribe("will/#", QoS::AtLeastOnce);
    let mortal = |name: &str, delay, clean_start| Connect {
        will: Some(will(&format!("will/{name}"), delay)),
        ..with(
            name,
            clean_start,
            vec![Property::SessionExpiryInterval(1000)],
        )
    };
    drop(Raw::login(&broker, mortal("back", 2, true)));
    broker.wait_for("Client back [");
    let (back, present) = Raw::login(&broker, mortal("back", 1000, false));
    assert!(present);
    drop(Raw::login(&broker, mortal("late", 1, true)));
    assert_eq!(heir.receive_message().topic, "will/late");
    drop(back);
    broker.wait_for("Client back [");
    let (_new, present) = Raw::login(&broker, mortal("back", 0, true));
    assert!(
        !present,
        "its session ends, and its will does not wait longer"
    );
    assert_eq!(heir.receive_message().topic, "will/back");
}

#[test]
fn a_client_may_go_and_want_its_will_published() {
    let broker = Broker::start(ANYBODY);
    let (mut heir, _) = Raw::login(&broker, connect_5("heir", true));
    heir.subscribe("will", QoS::AtMostOnce);
    let (mut client, _) = Raw::login(
        &broker,
        Connect {
            will: Some(will("will", 0)),
            ..connect_5("c", true)
        },
    );
    client.send(&Packet::Disconnect(Reason::DisconnectWithWill.into()));
    assert_eq!(heir.receive_message().topic, "will");
}

#[test]
fn a_session_of_version_5_survives_a_restart_with_all_that_belongs_to_it() {
    let config = "allow_anonymous true\npersistence true\npersistence_location {folder}/";
    let broker = Broker::start(config);
    let session = || with("stays", false, vec![Property::SessionExpiryInterval(1000)]);
    let (mut client, _) = Raw::login(&broker, session());
    client.subscribe_with("t", QoS::AtLeastOnce, Some(7));
    drop(client);
    broker.wait_for("Client stays [");
    drop(Raw::login(
        &broker,
        Connect {
            will: Some(will("t", 2)),
            ..with("mortal", true, vec![Property::SessionExpiryInterval(1000)])
        },
    ));
    broker.wait_for("Client mortal [");
    let (mut publisher, _) = Raw::login(&broker, connect_5("publisher", true));
    let properties = MessageProperties {
        expiry: Some(600),
        forwarded: [Property::ContentType(text("text"))].into_iter().collect(),
        ..MessageProperties::default()
    };
    publisher.publish(carrying(message("t", "x", QoS::AtLeastOnce, 1), properties));
    publisher.receive();
    let (folder, _) = broker.stop();

    let broker = Broker::start_in(folder, config);
    let (mut client, present) = Raw::login(&broker, session());
    assert!(present);
    let received = client.receive_message();
    assert_eq!(received.properties.subscriptions, [7]);
    assert!((590..=600).contains(&received.properties.expiry.unwrap()));
    let content = Property::ContentType(text("text"));
    assert_eq!(
        received.properties.forwarded,
        [content].into_iter().collect()
    );
    client.send(&Packet::PubAck(received.id.unwrap().into()));
    assert_eq!(client.receive_message().payload, "gone");
}
