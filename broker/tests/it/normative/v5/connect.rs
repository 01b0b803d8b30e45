//! The properties of CONNECT (section 3.1.2.11).

use super::{V5, connect, expect_end, join, publish, refusal, resume, subscribe};
use crate::wire::{
    Client, Property, Target, Value, Version, Will, disconnect_with, kind, property,
    property_id as id, unsubscribe,
};

#[test]
fn a_session_without_an_expiry_ends_with_its_connection() {
    let broker = Target::plain();
    let without = connect("c").resume();
    let (mut client, _) = Client::enter(&broker, &without);
    client.subscribe("t", 1);
    client.leave();
    assert!(!Client::enter(&broker, &without).1.session_present);
}

#[test]
fn a_session_is_kept_as_long_as_its_expiry_says() {
    let broker = Target::plain();
    for expiry in [100, u32::MAX] {
        let lasting = connect("c")
            .resume()
            .with(property(id::SESSION_EXPIRY, expiry));
        let (mut client, _) = Client::enter(&broker, &lasting);
        client.subscribe("t", 1);
        client.vanish();
        assert!(Client::enter(&broker, &lasting).1.session_present);
    }
}

#[test]
fn a_session_is_discarded_when_its_expiry_has_passed() {
    let broker = Target::plain();
    let mut heir = join(&broker, "heir");
    heir.subscribe("will", 0);
    // The end of a session publishes its will, however long that wanted to wait.
    let will = Will::new("will", "session ended").with(property(id::WILL_DELAY, 3600));
    let short = connect("c")
        .resume()
        .will(will)
        .with(property(id::SESSION_EXPIRY, 1));
    let (mut client, _) = Client::enter(&broker, &short);
    client.subscribe("t", 1);
    client.vanish();
    heir.expect_message("session ended");
    let again = connect("c").resume().with(property(id::SESSION_EXPIRY, 1));
    assert!(!Client::enter(&broker, &again).1.session_present);
}

#[test]
fn a_disconnect_may_change_the_sessions_expiry_but_not_give_it_one() {
    let broker = Target::plain();
    let mut client = resume(&broker, "c");
    client.send(disconnect_with(0, &[property(id::SESSION_EXPIRY, 0)]));
    client.expect_closed();
    let mut client = resume(&broker, "c");
    client.expect_nothing();
    client.send(disconnect_with(0, &[property(id::SESSION_EXPIRY, 50)]));
    client.expect_closed();
    assert!(
        Client::enter(&broker, &super::lasting(V5, "c"))
            .1
            .session_present
    );
    expect_end(
        &broker,
        &disconnect_with(0, &[property(id::SESSION_EXPIRY, 50)]),
        &[0x82],
    );
}

#[test]
fn a_client_gets_no_packet_larger_than_it_takes_and_all_that_are_not() {
    let broker = Target::plain();
    let small = connect("small").with(property(id::MAXIMUM_PACKET_SIZE, 100));
    let (mut client, _) = Client::enter(&broker, &small);
    client.subscribe("t", 1);
    let mut publisher = join(&broker, "publisher");
    for _ in 0..100 {
        publisher.deliver(&publish("t", "x".repeat(100)).qos(1, 1));
    }
    // 2 bytes of header, 3 of topic, 2 of identifier, 1 without properties.
    let fits = "x".repeat(92);
    publisher.deliver(&publish("t", &fits).qos(1, 1));
    client.expect_message(&fits);
    publisher.deliver(&publish("t", "y".repeat(93)).qos(1, 1));
    client.expect_nothing();
}

#[test]
fn properties_that_break_a_rule_are_refused_or_end_the_connection() {
    let broker = Target::plain();
    let twice = |id: u8, value: u32| vec![property(id, value), property(id, value)];
    let cases: Vec<Vec<Property>> = vec![
        vec![property(id::RECEIVE_MAXIMUM, 0)],
        vec![property(id::MAXIMUM_PACKET_SIZE, 0)],
        vec![property(id::REQUEST_PROBLEM_INFO, 2)],
        vec![property(id::REQUEST_RESPONSE_INFO, 2)],
        vec![property(id::TOPIC_ALIAS, 1)],
        vec![property(id::AUTH_DATA, "data without a method")],
        vec![Property {
            id: 0x7F,
            value: Value::Byte(0),
        }],
        twice(id::SESSION_EXPIRY, 10),
        twice(id::RECEIVE_MAXIMUM, 10),
        twice(id::MAXIMUM_PACKET_SIZE, 1000),
        twice(id::TOPIC_ALIAS_MAXIMUM, 10),
    ];
    for properties in cases {
        let told = format!("{properties:?}");
        let connect = properties
            .into_iter()
            .fold(connect("c"), crate::wire::Connect::with);
        let code = refusal(&broker, V5, &connect.bytes());
        assert!(
            matches!(code, None | Some(0x81 | 0x82)),
            "{told}: {code:02x?}"
        );
    }
}

#[test]
fn a_client_that_wants_no_reasons_gets_none_but_where_they_are_allowed() {
    let broker = super::with_rights();
    let quiet = connect("quiet").with(property(id::REQUEST_PROBLEM_INFO, 0));
    let (mut client, _) = Client::enter(&broker, &quiet);
    client.send(publish("theirs", "x").qos(1, 1).bytes());
    client.send(publish("theirs", "x").qos(2, 2).bytes());
    client.send(crate::wire::ack(kind::PUBREL, 77));
    client.send(subscribe(3).to("mine", 0).bytes());
    client.send(unsubscribe(V5, 4, &["never"]));
    for packet in client.pending() {
        let reasons = packet.property(id::REASON_STRING).is_some()
            || packet.property(id::USER_PROPERTY).is_some();
        assert!(!reasons, "{packet}");
    }
}

#[test]
fn response_information_is_not_sent_to_who_does_not_ask_for_it() {
    let broker = Target::plain();
    for connect in [
        connect("c"),
        connect("c").with(property(id::REQUEST_RESPONSE_INFO, 0)),
    ] {
        let (_client, answer) = Client::enter(&broker, &connect);
        assert_eq!(answer.property(id::RESPONSE_INFO), None);
    }
}

#[test]
fn a_password_may_come_without_a_user_name() {
    let broker = Target::plain();
    Client::enter(&broker, &connect("c").password("p"))
        .0
        .leave();
}

#[test]
fn user_properties_of_a_connect_may_repeat() {
    let broker = Target::plain();
    let twice = connect("c")
        .with(property(id::USER_PROPERTY, ("a", "1")))
        .with(property(id::USER_PROPERTY, ("a", "1")));
    Client::enter(&broker, &twice).0.leave();
}

#[test]
fn one_port_speaks_all_versions_and_messages_pass_between_them() {
    let broker = Target::plain();
    for from in Version::ALL {
        for to in Version::ALL {
            let mut subscriber = Client::join(&broker, to, "subscriber");
            subscriber.subscribe("t", 2);
            let mut publisher = Client::join(&broker, from, "publisher");
            publisher.deliver(&crate::wire::publish(from, "t", "x").qos(2, 1));
            subscriber.expect_message("x");
        }
    }
}
