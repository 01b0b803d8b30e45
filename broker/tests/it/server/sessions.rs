//! What outlives a connection, and what outlives the broker.

use broker::codec::{Connect, Packet, QoS, Reason};

use crate::harness::{Broker, Raw, connect, message};

const ANYBODY: &str = "allow_anonymous true";
const PERSISTENT: &str = "allow_anonymous true\npersistence true\npersistence_location {folder}/";

fn payload(client: &mut Raw) -> (String, bool, Option<std::num::NonZeroU16>) {
    let publish = client.receive_message();
    (
        String::from_utf8(publish.payload.to_vec()).unwrap(),
        publish.dup,
        publish.id,
    )
}

/// Subscribes as `name`, and goes.
fn leave_a_session(broker: &Broker, name: &str, qos: QoS) {
    let (mut client, present) = Raw::login(broker, connect(name, false));
    assert!(!present);
    client.subscribe("t/#", qos);
    client.send(&Packet::Disconnect(Reason::Success.into()));
    assert_eq!(client.try_receive(), None);
}

fn publish(broker: &Broker, payload: &str, qos: QoS) {
    let (mut client, _) = Raw::login(broker, connect("publisher", true));
    client.publish(message("t/x", payload, qos, 1));
    client.expect_answer(qos);
}

#[test]
fn a_session_that_stays_gets_what_came_meanwhile_in_order() {
    let broker = Broker::start(ANYBODY);
    leave_a_session(&broker, "stays", QoS::ExactlyOnce);
    for (text, qos) in [
        ("a", QoS::AtLeastOnce),
        ("lost", QoS::AtMostOnce),
        ("b", QoS::ExactlyOnce),
    ] {
        publish(&broker, text, qos);
    }
    let (mut client, present) = Raw::login(&broker, connect("stays", false));
    assert!(present);
    assert_eq!(payload(&mut client).0, "a");
    assert_eq!(payload(&mut client).0, "b");
    client.expect_nothing();
}

#[test]
fn what_was_not_acknowledged_is_sent_again_with_its_identifier() {
    let broker = Broker::start(ANYBODY);
    leave_a_session(&broker, "forgetful", QoS::ExactlyOnce);
    publish(&broker, "one", QoS::AtLeastOnce);
    publish(&broker, "two", QoS::ExactlyOnce);
    let (mut client, _) = Raw::login(&broker, connect("forgetful", false));
    let (one, two) = (payload(&mut client), payload(&mut client));
    assert_eq!((one.1, two.1), (false, false));
    drop(client);
    let (mut client, present) = Raw::login(&broker, connect("forgetful", false));
    assert!(present);
    assert_eq!(payload(&mut client), ("one".to_owned(), true, one.2));
    assert_eq!(payload(&mut client), ("two".to_owned(), true, two.2));
    client.send(&Packet::PubAck(one.2.unwrap().into()));
    client.send(&Packet::PubRec(two.2.unwrap().into()));
    assert_eq!(client.receive(), Packet::PubRel(two.2.unwrap().into()));
    drop(client);
    let (mut client, _) = Raw::login(&broker, connect("forgetful", false));
    assert_eq!(
        client.receive(),
        Packet::PubRel(two.2.unwrap().into()),
        "only the release is repeated"
    );
    client.send(&Packet::PubComp(two.2.unwrap().into()));
    client.expect_nothing();
}

#[test]
fn a_clean_session_begins_and_ends_with_nothing() {
    let broker = Broker::start(ANYBODY);
    leave_a_session(&broker, "c", QoS::AtLeastOnce);
    publish(&broker, "x", QoS::AtLeastOnce);
    let (mut client, present) = Raw::login(&broker, connect("c", true));
    assert!(!present);
    client.expect_nothing();
    drop(client);
    let (_client, present) = Raw::login(&broker, connect("c", false));
    assert!(!present);
}

#[test]
fn the_later_connection_takes_over_the_identifier_and_the_session() {
    let broker = Broker::start(ANYBODY);
    let (mut old, _) = Raw::login(&broker, connect("twin", false));
    old.subscribe("t/#", QoS::AtLeastOnce);
    let (mut new, present) = Raw::login(&broker, connect("twin", false));
    assert!(present);
    assert_eq!(old.try_receive(), None);
    broker.wait_for("already connected, closing old connection.");
    publish(&broker, "x", QoS::AtLeastOnce);
    assert_eq!(payload(&mut new).0, "x");
}

#[test]
fn another_user_neither_gets_a_session_nor_ends_it() {
    let broker = Broker::start(ANYBODY);
    let user = |name: &str| Connect {
        username: broker::codec::Text::new(name),
        ..connect("shared", false)
    };
    let (mut client, _) = Raw::login(&broker, user("jane"));
    client.subscribe("t/#", QoS::AtLeastOnce);
    drop(client);
    broker.wait_for("closed its connection.");
    publish(&broker, "for jane", QoS::AtLeastOnce);
    let (mut stranger, present) = Raw::login(&broker, user("fred"));
    assert!(!present, "the identifier is each user's own");
    stranger.expect_nothing();
    let (mut client, present) = Raw::login(&broker, user("jane"));
    assert!(present);
    assert_eq!(payload(&mut client).0, "for jane");
    stranger.expect_nothing();
}

#[test]
fn no_more_messages_are_in_flight_than_allowed() {
    let broker = Broker::start("allow_anonymous true\nmax_inflight_messages 2");
    let (mut client, _) = Raw::login(&broker, connect("c", true));
    client.subscribe("t/#", QoS::AtLeastOnce);
    for text in ["1", "2", "3", "4"] {
        publish(&broker, text, QoS::AtLeastOnce);
    }
    let first = payload(&mut client);
    assert_eq!(payload(&mut client).0, "2");
    client.expect_nothing();
    client.send(&Packet::PubAck(first.2.unwrap().into()));
    assert_eq!(payload(&mut client).0, "3");
    client.expect_nothing();
}

#[test]
fn a_queue_takes_no_more_than_allowed() {
    let broker = Broker::start("allow_anonymous true\nmax_queued_messages 3");
    leave_a_session(&broker, "c", QoS::AtLeastOnce);
    for text in ["1", "2", "3", "4", "5"] {
        publish(&broker, text, QoS::AtLeastOnce);
    }
    let (mut client, _) = Raw::login(&broker, connect("c", false));
    assert_eq!([(); 3].map(|()| payload(&mut client).0), ["1", "2", "3"]);
    client.expect_nothing();
}

#[test]
fn a_client_that_reads_nothing_holds_up_nobody() {
    let broker = Broker::start("allow_anonymous true\nmax_queued_bytes 1000000");
    let (mut stuck, _) = Raw::login(&broker, connect("stuck", true));
    stuck.subscribe("t/#", QoS::AtMostOnce);
    let (mut reader, _) = Raw::login(&broker, connect("reader", true));
    reader.subscribe("t/end", QoS::AtMostOnce);
    let (mut publisher, _) = Raw::login(&broker, connect("publisher", true));
    let large = "x".repeat(100_000);
    for _ in 0..200 {
        publisher.publish(message("t/x", &large, QoS::AtMostOnce, 0));
    }
    publisher.publish(message("t/end", "end", QoS::AtMostOnce, 0));
    assert_eq!(payload(&mut reader).0, "end");
}

#[test]
fn sessions_and_retained_messages_survive_a_restart() {
    let broker = Broker::start(PERSISTENT);
    leave_a_session(&broker, "stays", QoS::ExactlyOnce);
    let (mut client, _) = Raw::login(&broker, connect("publisher", true));
    let kept = message("kept", "kept", QoS::AtLeastOnce, 1);
    client.publish(broker::codec::Publish {
        retain: true,
        ..kept
    });
    client.expect_answer(QoS::AtLeastOnce);
    publish(&broker, "queued", QoS::ExactlyOnce);
    let (mut flying, _) = Raw::login(&broker, connect("flying", false));
    flying.subscribe("kept", QoS::AtLeastOnce);
    let number = payload(&mut flying).2;
    let (folder, log) = broker.stop();
    assert!(log.contains("Saving in-memory database to "), "{log}");

    let broker = Broker::start_in(folder, PERSISTENT);
    broker.wait_for("Restored 1 retained messages and 2 sessions");
    let (mut client, present) = Raw::login(&broker, connect("stays", false));
    assert!(present);
    assert_eq!(payload(&mut client).0, "queued");
    let (mut flying, present) = Raw::login(&broker, connect("flying", false));
    assert!(present);
    assert_eq!(payload(&mut flying), ("kept".to_owned(), true, number));
    let (mut late, _) = Raw::login(&broker, connect("late", true));
    late.subscribe("#", QoS::AtMostOnce);
    let retained = late.receive_message();
    assert!(retained.retain && retained.topic == "kept");
}

#[test]
fn the_state_is_saved_on_demand_and_by_itself() {
    let broker = Broker::start(&format!(
        "{PERSISTENT}\nautosave_on_changes true\nautosave_interval 3"
    ));
    let file = broker.folder().join("mosquitto.db");
    assert!(!file.exists());
    broker.signal("USR1");
    broker.wait_for("Saving in-memory database to ");
    let (mut client, _) = Raw::login(&broker, connect("publisher", true));
    for number in 1..=3 {
        client.publish(broker::codec::Publish {
            retain: true,
            ..message("kept", "x", QoS::AtLeastOnce, number)
        });
    }
    let start = std::time::Instant::now();
    while broker.log().matches("Saving in-memory database").count() < 2 {
        assert!(
            start.elapsed() < crate::harness::PATIENCE,
            "{}",
            broker.log()
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_session_whose_client_stays_away_too_long_ends() {
    let broker = Broker::start("allow_anonymous true\npersistent_client_expiration 1s");
    leave_a_session(&broker, "away", QoS::AtLeastOnce);
    broker.wait_for("Expiring client away due to timeout.");
    let (_client, present) = Raw::login(&broker, connect("away", false));
    assert!(!present);
}

#[test]
fn a_damaged_file_is_set_aside_loudly_and_the_broker_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mosquitto.db");
    crate::support::write(&file, b"the database of another broker");
    let broker = Broker::start_in(folder, PERSISTENT);
    broker.wait_for("is lost: it is no database of this broker. It is kept as ");
    assert!(broker.folder().join("mosquitto.db.damaged").exists());
    Raw::login(&broker, connect("c", true));
}
