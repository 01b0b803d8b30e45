//! Sessions stay with their users, listeners and mount points, and with what their clients were told.

use std::process::Command;

use broker::codec::{Connect, Packet, Property, Publish, QoS, Reason, SubscriptionOptions};

use crate::harness::{Broker, Raw, connect, connect_5, id, message, text};
use crate::support::free_port;

fn persistent(client_id: &str) -> Connect {
    Connect {
        properties: vec![Property::SessionExpiryInterval(1000)].into(),
        ..connect_5(client_id, false)
    }
}

fn payload(client: &mut Raw) -> String {
    let publish = client.receive_message();
    String::from_utf8(publish.payload.to_vec()).unwrap()
}

#[test]
fn below_a_mount_point_there_is_another_world() {
    let cabin = free_port();
    let config = format!("allow_anonymous true\nlistener {cabin} 127.0.0.1\nmount_point cabin/");
    let broker = Broker::start(&config);
    let (mut outside, _) = Raw::login(&broker, persistent("c"));
    outside.subscribe("#", QoS::AtLeastOnce);
    drop(outside);
    let (mut publisher, _) = Raw::login(&broker, connect("publisher", true));
    publisher.publish(message("secret", "x", QoS::AtLeastOnce, 1));
    publisher.receive();
    let (mut inside, present) = Raw::open_at(cabin).log_in(&broker, persistent("c"));
    assert!(!present, "it is another client");
    inside.expect_nothing();
    inside.subscribe("#", QoS::AtLeastOnce);
    inside.publish(message("bed", "mine", QoS::AtLeastOnce, 1));
    inside.receive();
    let own = inside.receive_message();
    assert_eq!((&*own.topic, &own.payload[..]), ("bed", &b"mine"[..]));
    let (mut outside, present) = Raw::login(&broker, persistent("c"));
    assert!(present);
    assert_eq!(payload(&mut outside), "x");
    assert_eq!(outside.receive_message().topic, "cabin/bed");
}

#[test]
fn a_name_that_nobody_vouches_for_gets_no_session_of_who_logged_in_with_it() {
    let (open, folder) = (free_port(), tempfile::tempdir().unwrap());
    let passwords = folder.path().join("passwd");
    let made = Command::new("mosquitto_passwd")
        .args(["-c", "-b"])
        .arg(&passwords)
        .args(["fred", "secret"])
        .status();
    assert!(made.unwrap().success());
    let config = format!(
        "user root\npassword_file {{folder}}/passwd\nlistener {open} 127.0.0.1\nallow_anonymous true"
    );
    let broker = Broker::start_first(folder, "per_listener_settings true", &config);
    let fred = Connect {
        username: Some(text("fred")),
        password: Some(bytes::Bytes::from_static(b"secret")),
        ..persistent("phone")
    };
    let (mut client, _) = Raw::login(&broker, fred.clone());
    client.subscribe("t", QoS::AtLeastOnce);
    drop(client);
    let (mut publisher, _) = Raw::open_at(open).log_in(&broker, connect_5("publisher", true));
    publisher.publish(message("t", "for fred", QoS::AtLeastOnce, 1));
    publisher.receive();
    let impostor = Connect {
        password: None,
        ..fred.clone()
    };
    let (mut impostor, present) = Raw::open_at(open).log_in(&broker, impostor);
    assert!(!present);
    impostor.expect_nothing();
    let (mut client, present) = Raw::login(&broker, fred);
    assert!(present);
    assert_eq!(payload(&mut client), "for fred");
}

#[test]
fn a_session_outlives_a_crash_by_the_time_it_has_from_then_on() {
    let config = "allow_anonymous true\npersistence true\npersistence_location {folder}/";
    let broker = Broker::start(config);
    let short = || Connect {
        properties: vec![Property::SessionExpiryInterval(2)].into(),
        ..connect_5("c", false)
    };
    let (mut client, _) = Raw::login(&broker, short());
    client.subscribe("t", QoS::AtLeastOnce);
    broker.signal("USR1");
    broker.wait_for("Saving in-memory database to ");
    let file = broker.folder().join("mosquitto.db");
    while !file.exists() {
        std::thread::yield_now();
    }
    // It is connected for longer than its session would outlive it.
    std::thread::sleep(std::time::Duration::from_millis(2200));
    let folder = broker.kill();
    let broker = Broker::start_in(folder, config);
    let (_client, present) = Raw::login(&broker, short());
    assert!(present);
}

#[test]
fn a_will_is_saved_like_any_message() {
    let config = "allow_anonymous true\npersistence true\npersistence_location {folder}/\n\
         autosave_on_changes true\nautosave_interval 1";
    let broker = Broker::start(config);
    let mortal = Connect {
        will: Some(broker::codec::Will {
            topic: text("state"),
            payload: bytes::Bytes::from_static(b"offline"),
            qos: QoS::AtLeastOnce,
            retain: true,
            properties: broker::codec::MessageProperties::default(),
        }),
        ..connect("mortal", true)
    };
    drop(Raw::login(&broker, mortal));
    let file = broker.folder().join("mosquitto.db");
    let start = std::time::Instant::now();
    while !file.exists() {
        assert!(
            start.elapsed() < crate::harness::PATIENCE,
            "{}",
            broker.log()
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let broker = Broker::start_in(broker.kill(), config);
    let (mut client, _) = Raw::login(&broker, connect("c", true));
    client.subscribe("state", QoS::AtMostOnce);
    assert_eq!(payload(&mut client), "offline");
}

#[test]
fn what_waited_before_a_restart_waits_after_it_whatever_the_limits_are() {
    let config = "allow_anonymous true\npersistence true\npersistence_location {folder}/";
    let broker = Broker::start(config);
    let (mut publisher, _) = Raw::login(&broker, connect("publisher", true));
    for number in 1..=60 {
        publisher.publish(Publish {
            retain: true,
            ..message(&format!("t/{number}"), "x", QoS::AtLeastOnce, number)
        });
        assert_eq!(publisher.receive(), Packet::PubAck(id(number).into()));
    }
    let (mut client, _) = Raw::login(&broker, persistent("c"));
    client.subscribe("t/#", QoS::AtLeastOnce);
    drop(client);
    let (folder, _) = broker.stop();
    let broker = Broker::start_in(folder, &format!("{config}\nmax_queued_messages 10"));
    let (mut client, present) = Raw::login(&broker, persistent("c"));
    assert!(present);
    for _ in 0..60 {
        let id = client.receive_message().id.unwrap();
        client.send(&Packet::PubAck(id.into()));
    }
}

#[test]
fn a_reload_with_lower_limits_throws_out_nobody_who_keeps_to_the_old_ones() {
    let broker = Broker::start("allow_anonymous true");
    let (mut client, answer) = Raw::greet(&broker, connect_5("c", true));
    let told = |property: &Property| matches!(property, Property::ReceiveMaximum(20));
    assert!(answer.properties.iter().any(told));
    broker.reconfigure(
        "allow_anonymous true\nmax_inflight_messages 2\nmax_packet_size 100\nretain_available false",
    );
    broker.reload();
    for number in 1..=5 {
        client.publish(Publish {
            retain: true,
            ..message("t", &"x".repeat(500), QoS::ExactlyOnce, number)
        });
        let Packet::PubRec(ack) = client.receive() else {
            panic!("no PUBREC")
        };
        assert!(!ack.reason.is_error(), "{ack:?}");
    }
    let (mut later, answer) = Raw::greet(&broker, connect_5("later", true));
    assert!(!answer.properties.iter().any(told));
    later.publish(message("t", &"x".repeat(500), QoS::AtMostOnce, 0));
    let Packet::Disconnect(outcome) = later.receive() else {
        panic!("no DISCONNECT")
    };
    assert_eq!(outcome.reason, Reason::PacketTooLarge);
}

#[test]
fn a_bridge_stays_one_over_a_restart_and_takes_no_part_in_its_own_messages() {
    let config = "allow_anonymous true\npersistence true\npersistence_location {folder}/";
    let broker = Broker::start(config);
    let bridge = || Connect {
        bridge: true,
        ..connect("bridge", false)
    };
    let (mut client, _) = Raw::login(&broker, bridge());
    client.subscribe("t", QoS::AtLeastOnce);
    client.subscribe("$share/g/s", QoS::AtMostOnce);
    let (mut other, _) = Raw::login(&broker, connect("other", true));
    other.subscribe("$share/g/s", QoS::AtMostOnce);
    for _ in 0..4 {
        client.publish(message("s", "x", QoS::AtMostOnce, 0));
        other.receive_message();
    }
    drop(client);
    let (folder, _) = broker.stop();
    let broker = Broker::start_in(folder, config);
    let (mut publisher, _) = Raw::login(&broker, connect("publisher", true));
    publisher.publish(Publish {
        retain: true,
        ..message("t", "x", QoS::AtLeastOnce, 1)
    });
    publisher.receive();
    let (mut client, present) = Raw::login(&broker, bridge());
    assert!(present);
    assert!(client.receive_message().retain, "as it was published");
}

#[test]
fn no_local_holds_for_retained_messages_too() {
    let broker = Broker::start("allow_anonymous true");
    let (mut client, _) = Raw::login(&broker, connect_5("c", true));
    client.publish(Publish {
        retain: true,
        ..message("t", "own", QoS::AtMostOnce, 0)
    });
    let options = SubscriptionOptions {
        no_local: true,
        ..QoS::AtMostOnce.into()
    };
    client.subscribe_with("t", options, None);
    client.expect_nothing();
    let (mut other, _) = Raw::login(&broker, connect_5("other", true));
    other.subscribe_with("t", options, None);
    assert_eq!(payload(&mut other), "own");
}

#[test]
fn a_session_moves_to_no_other_password_file_by_a_restart() {
    let second = free_port();
    let both = format!(
        "allow_anonymous true\npersistence true\npersistence_location {{folder}}/\n\
         listener {second} 127.0.0.1\nmount_point cabin/"
    );
    let broker = Broker::start(&both);
    for port in [broker.port(), second] {
        let (mut client, _) = Raw::open_at(port).log_in(&broker, persistent("twin"));
        client.subscribe(&format!("from/{port}"), QoS::AtLeastOnce);
    }
    let first = broker.port();
    let (folder, _) = broker.stop();
    let one = "allow_anonymous true\npersistence true\npersistence_location {folder}/";
    let broker = Broker::start_in(folder, one);
    let (mut client, present) = Raw::login(&broker, persistent("twin"));
    assert!(present);
    let (mut publisher, _) = Raw::login(&broker, connect("publisher", true));
    publisher.publish(message(&format!("from/{first}"), "x", QoS::AtLeastOnce, 1));
    assert_eq!(
        client.receive_message().topic,
        format!("from/{first}").as_str()
    );
}

#[test]
fn who_is_connected_below_another_mount_point_after_a_reload_has_to_come_again() {
    let broker = Broker::start("allow_anonymous true");
    let (mut client, _) = Raw::login(&broker, persistent("c"));
    client.subscribe("#", QoS::AtMostOnce);
    broker.reconfigure("allow_anonymous true\nmount_point cabin/");
    broker.reload();
    let Packet::Disconnect(outcome) = client.receive() else {
        panic!("no DISCONNECT")
    };
    assert_eq!(outcome.reason, Reason::NotAuthorized);
    let (mut client, present) = Raw::login(&broker, persistent("c"));
    assert!(!present);
    client.publish(message("x", "x", QoS::AtMostOnce, 0));
    client.expect_nothing();
}
