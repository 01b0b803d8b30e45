//! Quality of service, delivery and order (sections 4.3 to 4.6).

use super::{in_each_version, lasting};
use crate::wire::{Client, Target, Version, ack, kind, publish};

fn publisher(broker: &Target, version: Version) -> Client {
    Client::join(broker, version, "publisher")
}

#[test]
fn quality_of_service_0_comes_once_without_a_repeat_flag() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 2);
        publisher(broker, version).send(publish(version, "t", "x").bytes());
        let message = client.expect_message("x");
        assert_eq!((message.qos(), message.flags >> 3), (0, 0));
        client.expect_nothing();
    });
}

#[test]
fn quality_of_service_1_is_unacknowledged_until_its_puback() {
    in_each_version(|broker, version| {
        let (mut client, _) = Client::enter(broker, &lasting(version, "c"));
        client.subscribe("t", 1);
        let mut publisher = publisher(broker, version);
        publisher.deliver(&publish(version, "t", "x").qos(1, 1));
        let first = client.packet();
        assert_eq!((first.flags >> 3, first.qos()), (0, 1));
        client.vanish();
        let (mut client, _) = Client::enter(broker, &lasting(version, "c"));
        let again = client.expect_message("x");
        assert_eq!((again.flags >> 3, again.id), (1, first.id));
        client.expect_nothing();
        client.vanish();
        Client::enter(broker, &lasting(version, "c"))
            .0
            .expect_nothing();
    });
}

#[test]
fn quality_of_service_1_is_a_new_message_each_time_it_comes() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 1);
        let mut publisher = publisher(broker, version);
        publisher.deliver(&publish(version, "t", "x").qos(1, 5));
        publisher.deliver(&publish(version, "t", "x").dup().qos(1, 5));
        client.expect_message("x");
        client.expect_message("x");
        client.expect_nothing();
    });
}

#[test]
fn quality_of_service_2_is_sent_in_three_steps_and_repeated_from_where_it_stopped() {
    in_each_version(|broker, version| {
        let (mut client, _) = Client::enter(broker, &lasting(version, "c"));
        client.subscribe("t", 2);
        publisher(broker, version).deliver(&publish(version, "t", "x").qos(2, 1));
        let first = client.packet();
        let id = first.id.unwrap();
        assert_eq!((first.flags >> 3, first.qos()), (0, 2));
        client.vanish();
        let (mut client, _) = Client::enter(broker, &lasting(version, "c"));
        let again = client.packet();
        assert_eq!((again.flags >> 3, again.id), (1, first.id));
        client.send(ack(kind::PUBREC, id));
        client.expect_begin(&format!("PUBREL m{id}"));
        client.vanish();
        let (mut client, _) = Client::enter(broker, &lasting(version, "c"));
        client.expect_begin(&format!("PUBREL m{id}"));
        client.send(ack(kind::PUBCOMP, id));
        client.expect_nothing();
        client.vanish();
        Client::enter(broker, &lasting(version, "c"))
            .0
            .expect_nothing();
    });
}

#[test]
fn quality_of_service_2_is_passed_on_once_until_it_is_released() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 2);
        let mut publisher = publisher(broker, version);
        let message = publish(version, "t", "once").qos(2, 7);
        publisher.send(message.bytes());
        publisher.expect_begin("PUBREC m7");
        publisher.send(message.clone().dup().bytes());
        publisher.expect_begin("PUBREC m7");
        publisher.send(ack(kind::PUBREL, 7));
        publisher.expect_begin("PUBCOMP m7");
        client.expect_message("once");
        client.expect_nothing();
        publisher.deliver(&message);
        client.expect_message("once");
    });
}

#[test]
fn quality_of_service_2_is_passed_on_once_though_the_connection_broke() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 2);
        let (mut publisher, _) = Client::enter(broker, &lasting(version, "lasting"));
        let message = publish(version, "t", "once").qos(2, 7);
        publisher.send(message.bytes());
        publisher.expect_begin("PUBREC m7");
        publisher.vanish();
        let (mut publisher, _) = Client::enter(broker, &lasting(version, "lasting"));
        publisher.send(message.dup().bytes());
        publisher.expect_begin("PUBREC m7");
        publisher.send(ack(kind::PUBREL, 7));
        publisher.expect_begin("PUBCOMP m7");
        client.expect_message("once");
        client.expect_nothing();
    });
}

#[test]
fn a_pubrel_is_answered_though_its_message_is_not_known() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.send(ack(kind::PUBREL, 99));
        let answer = client.expect_begin("PUBCOMP m99");
        let expected = if version == Version::V5 { 0x92 } else { 0 };
        assert_eq!(answer.code(), expected);
    });
}

#[test]
fn what_is_repeated_is_repeated_in_the_order_it_was_sent_first() {
    in_each_version(|broker, version| {
        let (mut client, _) = Client::enter(broker, &lasting(version, "c"));
        client.subscribe("t", 2);
        let mut publisher = publisher(broker, version);
        for number in 0..10_u8 {
            publisher.deliver(&publish(version, "t", [b'0' + number]).qos(1 + number % 2, 1));
        }
        let first: Vec<_> = client
            .pending()
            .iter()
            .map(|packet| (packet.id, packet.payload.clone()))
            .collect();
        assert_eq!(first.len(), 10);
        client.vanish();
        let (mut client, _) = Client::enter(broker, &lasting(version, "c"));
        let again: Vec<_> = client
            .pending()
            .iter()
            .map(|packet| (packet.id, packet.payload.clone()))
            .collect();
        assert_eq!(again, first);
    });
}

#[test]
fn nothing_is_repeated_while_the_connection_lasts() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 1);
        publisher(broker, version).deliver(&publish(version, "t", "x").qos(1, 1));
        assert_eq!(client.packet().flags >> 3, 0);
        // Mosquitto once repeated after 20 seconds; no clock has that patience here, but three PINGREQs have.
        for _ in 0..3 {
            client.expect_nothing();
        }
    });
}

#[test]
fn messages_of_one_client_come_in_the_order_they_were_sent() {
    in_each_version(|broker, version| {
        for qos in [0, 1, 2] {
            let mut client = Client::join(broker, version, "c");
            client.subscribe("t", qos);
            let mut publisher = publisher(broker, version);
            let numbers: Vec<_> = (1..=200_u16).collect();
            for number in &numbers {
                publisher.send(
                    publish(version, "t", number.to_string())
                        .qos(qos, *number)
                        .bytes(),
                );
                if qos == 2 {
                    publisher.expect_begin("PUBREC");
                    publisher.send(ack(kind::PUBREL, *number));
                    publisher.expect_begin("PUBCOMP");
                } else if qos == 1 {
                    publisher.expect_begin("PUBACK");
                }
                client.expect_message(&number.to_string());
            }
        }
    });
}

#[test]
fn messages_sent_at_once_come_in_their_order() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 1);
        let mut publisher = publisher(broker, version);
        let burst: Vec<_> = (1..=100_u16)
            .flat_map(|number| {
                publish(version, "t", number.to_string())
                    .qos(1, number)
                    .bytes()
            })
            .collect();
        publisher.send(burst);
        for number in 1..=100_u16 {
            client.expect_message(&number.to_string());
        }
        for number in 1..=100_u16 {
            publisher.expect_begin(&format!("PUBACK m{number}"));
        }
    });
}

#[test]
fn a_message_goes_to_every_client_with_a_subscription_that_matches() {
    in_each_version(|broker, version| {
        let (mut away, _) = Client::enter(broker, &lasting(version, "away"));
        away.subscribe("t/#", 1);
        away.leave();
        let mut here: Vec<_> = (0..5)
            .map(|number| Client::join(broker, version, &format!("here{number}")))
            .collect();
        for client in &mut here {
            client.subscribe("t/+", 1);
        }
        publisher(broker, version).deliver(&publish(version, "t/x", "x").qos(1, 1));
        for client in &mut here {
            client.expect_message("x");
        }
        Client::enter(broker, &lasting(version, "away"))
            .0
            .expect_message("x");
    });
}

#[test]
fn other_packets_are_answered_while_messages_wait_for_their_acknowledgement() {
    for version in super::VERSIONS {
        let broker = Target::start("max_inflight_messages 3");
        let mut client = Client::join(&broker, version, "c");
        client.subscribe("t", 1);
        let mut publisher = publisher(&broker, version);
        for _ in 0..10 {
            publisher.deliver(&publish(version, "t", "x").qos(1, 1));
        }
        assert_eq!(client.pending().len(), 3);
        client.subscribe("u", 0);
        client.send(publish(version, "v", "x").qos(1, 5).bytes());
        client.expect_begin("PUBACK m5");
        client.send(publish(version, "u", "not numbered").bytes());
        client.expect_message("not numbered");
    }
}

#[test]
fn the_answers_of_quality_of_service_2_are_in_their_order() {
    in_each_version(|broker, version| {
        let mut client = Client::join(broker, version, "c");
        client.subscribe("t", 2);
        let mut publisher = publisher(broker, version);
        let burst: Vec<_> = (1..=10_u16)
            .flat_map(|number| {
                publish(version, "t", number.to_string())
                    .qos(2, number)
                    .bytes()
            })
            .collect();
        publisher.send(burst);
        for number in 1..=10_u16 {
            publisher.expect_begin(&format!("PUBREC m{number}"));
        }
        publisher.send(
            (1..=10)
                .flat_map(|number| ack(kind::PUBREL, number))
                .collect::<Vec<_>>(),
        );
        for number in 1..=10_u16 {
            publisher.expect_begin(&format!("PUBCOMP m{number}"));
        }
        let ids: Vec<_> = (0..10)
            .map(|_| client.expect_begin("PUBLISH").id.unwrap())
            .collect();
        client.send(
            ids.iter()
                .flat_map(|id| ack(kind::PUBREC, *id))
                .collect::<Vec<_>>(),
        );
        for id in ids {
            client.expect_begin(&format!("PUBREL m{id}"));
        }
    });
}
