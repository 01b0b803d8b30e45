//! The reason codes of PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK.

use super::{join, publish, resume, subscribe, with_rights};
use crate::wire::{Target, Value, ack, ack_with, kind, property, property_id as id, unsubscribe};

#[test]
fn a_message_that_nobody_subscribed_to_may_be_said_to_be_that() {
    let broker = Target::plain();
    let mut publisher = join(&broker, "publisher");
    for (qos, subscribed) in [(1, false), (2, false), (1, true), (2, true)] {
        let mut subscriber = join(&broker, "subscriber");
        if subscribed {
            subscriber.subscribe("t", 0);
        }
        let code = publisher.deliver(&publish("t", "x").qos(qos, 1)).code();
        assert!(code == 0 || !subscribed && code == 0x10, "{code:#x}");
        drop(subscriber);
    }
}

#[test]
fn a_message_that_may_not_be_published_is_refused_with_its_code() {
    let broker = with_rights();
    let mut client = join(&broker, "c");
    client.send(publish("theirs", "x").qos(1, 1).bytes());
    client.expect_begin("PUBACK m1 0x87");
    client.send(publish("theirs", "x").qos(2, 2).bytes());
    client.expect_begin("PUBREC m2 0x87");
}

#[test]
fn an_identifier_that_was_refused_stands_for_a_new_message() {
    let broker = with_rights();
    let mut subscriber = join(&broker, "subscriber");
    subscriber.subscribe("mine", 0);
    let mut client = join(&broker, "c");
    client.send(publish("theirs", "x").qos(2, 2).bytes());
    client.expect_begin("PUBREC m2 0x87");
    client.deliver(&publish("mine", "new").qos(2, 2));
    subscriber.expect_message("new");
}

#[test]
fn a_message_that_its_receiver_refuses_is_not_sent_again() {
    let broker = Target::plain();
    for (qos, answer) in [(1, kind::PUBACK), (2, kind::PUBREC)] {
        let mut client = resume(&broker, "c");
        client.subscribe("t", 2);
        join(&broker, "publisher").deliver(&publish("t", "x").qos(qos, 1));
        let id = client.expect_begin("PUBLISH").id.unwrap();
        client.send(ack_with(answer, id, 0x83, &[]));
        client.expect_nothing();
        client.vanish();
        resume(&broker, "c").expect_nothing();
    }
}

#[test]
fn acknowledgements_are_taken_in_their_long_and_short_forms() {
    let broker = Target::plain();
    let reason = [
        property(id::REASON_STRING, "fine"),
        property(id::USER_PROPERTY, ("a", "b")),
    ];
    let mut client = resume(&broker, "c");
    client.subscribe("t", 2);
    let mut publisher = join(&broker, "publisher");
    for properties in [&[][..], &reason] {
        publisher.deliver(&publish("t", "x").qos(1, 1));
        let id = client.expect_begin("PUBLISH").id.unwrap();
        client.send(ack_with(kind::PUBACK, id, 0, properties));
        publisher.deliver(&publish("t", "x").qos(2, 1));
        let id = client.expect_begin("PUBLISH").id.unwrap();
        client.send(ack_with(kind::PUBREC, id, 0x10, properties));
        client.expect_begin("PUBREL");
        client.send(ack_with(kind::PUBCOMP, id, 0, properties));
        client.send(publish("u", "x").qos(2, 9).bytes());
        client.expect_begin("PUBREC m9");
        client.send(ack_with(kind::PUBREL, 9, 0, properties));
        client.expect_begin("PUBCOMP m9");
    }
    client.vanish();
    resume(&broker, "c").expect_nothing();
}

#[test]
fn a_pubrec_for_no_message_is_answered_with_that() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    client.send(ack(kind::PUBREC, 99));
    client.expect_begin("PUBREL m99 0x92");
}

#[test]
fn each_filter_has_a_code_of_its_own_in_the_order_of_the_filters() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    client.send(subscribe(7).to("a", 2).to("b", 0).to("c", 1).bytes());
    client.expect("SUBACK m7 0x02 0x00 0x01 {}");
    client.send(unsubscribe(super::V5, 8, &["never", "b", "c", "c"]));
    client.expect("UNSUBACK m8 0x11 0x00 0x00 0x11 {}");
}

#[test]
fn a_code_that_an_acknowledgement_has_not_ends_the_connection() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    client.subscribe("t", 1);
    client.deliver(&publish("u", "x").qos(1, 1));
    join(&broker, "publisher").deliver(&publish("t", "x").qos(1, 1));
    let id = client.expect_begin("PUBLISH").id.unwrap();
    client.send(ack_with(kind::PUBACK, id, 0x01, &[]));
    let told = client.packet();
    assert!(matches!(told.code(), 0x81 | 0x82), "{told}");
    client.expect_closed();
}

#[test]
fn acknowledgements_are_no_larger_than_their_client_takes() {
    let broker = with_rights();
    let small = super::connect("small").with(property(id::MAXIMUM_PACKET_SIZE, 30));
    let (mut client, _) = crate::wire::Client::enter(&broker, &small);
    client.send(publish("theirs", "x").qos(1, 1).bytes());
    client.send(publish("theirs", "x").qos(2, 2).bytes());
    client.send(ack(kind::PUBREC, 3));
    client.send(ack(kind::PUBREL, 4));
    client.send(subscribe(5).to("theirs", 0).bytes());
    client.send(unsubscribe(super::V5, 6, &["never"]));
    let answers = client.pending();
    assert_eq!(answers.len(), 6, "{answers:?}");
    for answer in answers {
        // Fixed header, identifier, code, length of properties, and the identifier and length of one: 9 bytes.
        let reason = answer.property(id::REASON_STRING);
        let fits = !matches!(reason, Some(Value::Text(text)) if text.len() > 21);
        assert!(fits, "{answer}");
    }
}
