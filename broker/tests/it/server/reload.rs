//! SIGHUP: what changes without a restart, who stays, and who has to go.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use broker::codec::{Connect, Packet, Publish, QoS, Reason, Text};
use broker::passwd::{Password, PasswordFile, PasswordHash};
use bytes::Bytes;

use crate::harness::{Broker, Certificates, Raw, connect, id, message, publish};
use crate::support::{free_port, write};

const CLIENTS: usize = 1000;
const THREADS: usize = 8;
const ROUNDS: u16 = 40;

/// Nobody may be slowed down by a log, nor lose anything for want of room.
const LOAD: &str = "log_type none\nlog_type information\nlog_type error\nlog_type warning\nallow_anonymous true\n\
    max_queued_messages 0\nmax_inflight_messages 0\nacl_file {folder}/acl\n";

/// Publishes with all clients of one thread at a time; all of them are there until the end.
fn publish_rounds(clients: &mut [Raw], first: usize, middle: &Barrier) {
    for round in 1..=ROUNDS {
        for (index, client) in clients.iter_mut().enumerate() {
            let topic = format!("load/{}", first + index);
            client.publish(message(&topic, &round.to_string(), QoS::AtLeastOnce, round));
        }
        if round % 8 == 0 {
            // A reload begins while all of these are on their way.
            middle.wait();
        }
        for client in clients.iter_mut() {
            assert_eq!(client.receive(), Packet::PubAck(id(round).into()));
        }
    }
    for client in clients {
        client.expect_nothing();
    }
}

/// Takes all messages that are to come, and says how often each came.
fn receive_all(mut subscriber: Raw) -> HashMap<(Text, Bytes), usize> {
    let mut seen = HashMap::new();
    for _ in 0..CLIENTS * usize::from(ROUNDS) {
        let Publish {
            topic, payload, id, ..
        } = subscriber.receive_message();
        subscriber.send(&Packet::PubAck(id.unwrap().into()));
        *seen.entry((topic, payload)).or_insert(0) += 1;
    }
    subscriber.expect_nothing();
    seen
}

#[test]
fn a_thousand_clients_publish_through_reloads_and_neither_they_nor_their_messages_are_lost() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("acl"), "topic load/#\n");
    let broker = Broker::start_in(folder, LOAD);
    let (mut subscriber, _) = Raw::login(&broker, connect("subscriber", false));
    subscriber.subscribe("load/#", QoS::AtLeastOnce);
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|number| Raw::login(&broker, connect(&format!("c{number}"), true)).0)
        .collect();
    let more = free_port();
    let changes = [
        (
            "topic load/#\nuser x\ntopic x\n",
            format!("{LOAD}listener {more} 127.0.0.1\n"),
        ),
        ("topic readwrite load/+\n", LOAD.to_owned()),
        ("topic load/#\n", format!("{LOAD}max_keepalive 600\n")),
        ("nonsense\n", LOAD.to_owned()),
        ("topic load/#\n", LOAD.to_owned()),
    ];
    assert_eq!(changes.len(), usize::from(ROUNDS / 8));
    let middle = Barrier::new(THREADS + 1);
    let per_thread = CLIENTS / THREADS;
    let seen = thread::scope(|scope| {
        let reader = scope.spawn(|| receive_all(subscriber));
        for (number, clients) in clients.chunks_mut(per_thread).enumerate() {
            let middle = &middle;
            scope.spawn(move || publish_rounds(clients, number * per_thread, middle));
        }
        for (acl, config) in changes {
            middle.wait();
            write(broker.folder().join("acl"), acl);
            broker.reconfigure(&config);
            assert_eq!(broker.try_reload(), acl != "nonsense\n", "{acl}");
        }
        reader.join().unwrap()
    });
    assert_eq!(seen.len(), CLIENTS * usize::from(ROUNDS));
    assert!(
        seen.values().all(|count| *count == 1),
        "something came twice"
    );
    for client in &mut clients {
        client.expect_nothing();
    }
    assert!(!broker.log().contains("isconnect"), "{}", broker.log());
}

fn passwords(folder: &Path, users: &[(&str, &str)]) {
    let mut file = PasswordFile::default();
    for (name, password) in users {
        let password = Password::new((*password).to_owned()).unwrap();
        let hash = PasswordHash::new(&password, NonZeroU32::new(101).unwrap()).unwrap();
        file.set(name, hash).unwrap();
    }
    write(folder.join("passwd"), file.to_string());
}

fn user(name: &str, clean: bool) -> Connect {
    Connect {
        username: Text::new(name),
        password: Some(Bytes::copy_from_slice(name.as_bytes())),
        ..connect(&format!("{name}-phone"), clean)
    }
}

#[test]
fn a_user_who_is_removed_is_ended_and_so_is_the_session_of_one_who_is_away() {
    let folder = tempfile::tempdir().unwrap();
    passwords(
        folder.path(),
        &[("fred", "fred"), ("jane", "jane"), ("ada", "ada")],
    );
    let broker = Broker::start_in(folder, "password_file {folder}/passwd");
    let (mut fred, _) = Raw::login(&broker, user("fred", false));
    let (mut jane, _) = Raw::login(&broker, user("jane", false));
    let (mut ada, _) = Raw::login(&broker, user("ada", false));
    ada.send(&Packet::Disconnect(Reason::Success.into()));
    assert_eq!(ada.try_receive(), None);
    broker.wait_for("Client ada-phone ");

    passwords(broker.folder(), &[("jane", "another")]);
    broker.reload();
    assert_eq!(fred.try_receive(), None);
    broker.wait_for("disconnected after a reload: its user is no longer in the password file.");
    for (id, user) in [("fred-phone", "fred"), ("ada-phone", "ada")] {
        broker.wait_for(&format!(
            "Session of client {id} ended: its user is no longer in the password file (u'{user}')."
        ));
    }
    // Who knew the old password stays, as with Mosquitto.
    jane.expect_nothing();
    passwords(broker.folder(), &[("jane", "jane"), ("ada", "ada")]);
    broker.reload();
    let (_ada, present) = Raw::login(&broker, user("ada", false));
    assert!(!present, "a session from before the removal");
    jane.expect_nothing();
}

#[test]
fn nobody_without_a_name_stays_when_names_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    passwords(folder.path(), &[("fred", "fred")]);
    let broker = Broker::start_in(
        folder,
        "allow_anonymous true\npassword_file {folder}/passwd",
    );
    let (mut nameless, _) = Raw::login(&broker, connect("nameless", false));
    let (mut fred, _) = Raw::login(&broker, user("fred", true));
    broker.reconfigure("allow_anonymous false\npassword_file {folder}/passwd");
    broker.reload();
    assert_eq!(nameless.try_receive(), None);
    broker
        .wait_for("disconnected after a reload: clients without a user name are no longer let in.");
    fred.expect_nothing();
}

#[test]
fn messages_that_may_not_be_read_any_more_are_dropped_from_queues() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("acl"), "topic a/#\ntopic b/#\n");
    let broker = Broker::start_in(folder, "allow_anonymous true\nacl_file {folder}/acl");
    let (mut away, _) = Raw::login(&broker, connect("away", false));
    away.subscribe("#", QoS::AtLeastOnce);
    away.send(&Packet::Disconnect(Reason::Success.into()));
    assert_eq!(away.try_receive(), None);
    let (mut sender, _) = Raw::login(&broker, connect("sender", true));
    for topic in ["a/secret", "b/news"] {
        sender.publish(message(topic, "x", QoS::AtLeastOnce, 1));
        sender.expect_answer(QoS::AtLeastOnce);
    }
    write(broker.folder().join("acl"), "topic write a/#\ntopic b/#\n");
    broker.reload();
    // Given back, it does not bring back what was dropped.
    write(broker.folder().join("acl"), "topic a/#\ntopic b/#\n");
    broker.reload();
    let (mut away, present) = Raw::login(&broker, connect("away", false));
    assert!(present);
    assert_eq!(away.receive_message().topic, "b/news");
    away.expect_nothing();
}

#[test]
fn listeners_open_close_and_move_and_only_who_came_by_them_is_ended() {
    let broker = Broker::start("allow_anonymous true");
    let (mut stays, _) = Raw::login(&broker, connect("stays", true));
    let (second, third) = (free_port(), free_port());
    let with = |listeners: &str| {
        broker.reconfigure(&format!("allow_anonymous true\n{listeners}"));
        broker.reload();
    };
    with(&format!(
        "listener {second} 127.0.0.1\nlistener 0 {{folder}}/socket\nmax_connections 1"
    ));
    let (mut guest, _) = Raw::open_at(second).log_in(&broker, connect("guest", false));
    guest.subscribe("t", QoS::AtLeastOnce);
    assert!(broker.folder().join("socket").exists());
    // From one address to all: the old socket has to go before the new one can come.
    with(&format!(
        "listener {second}\nsocket_domain ipv4\nlistener {third} 127.0.0.1"
    ));
    assert_eq!(guest.try_receive(), None);
    broker.wait_for("disconnected after a reload: its listener was removed");
    assert!(!broker.folder().join("socket").exists());
    stays.publish(message("t", "x", QoS::AtLeastOnce, 1));
    stays.expect_answer(QoS::AtLeastOnce);
    let (mut guest, present) = Raw::open_at(third).log_in(&broker, connect("guest", false));
    assert!(present, "the session outlives its listener");
    assert_eq!(guest.receive_message().topic, "t");
    Raw::open_at(second).log_in(&broker, connect("other", true));
    with("");
    assert_eq!(guest.try_receive(), None);
    for port in [second, third] {
        std::net::TcpStream::connect(("127.0.0.1", port)).unwrap_err();
    }
    stays.expect_nothing();
}

#[test]
fn a_listener_that_cannot_open_leaves_everything_as_it_was() {
    let second = free_port();
    let config = format!("allow_anonymous true\nlistener {second} 127.0.0.1\nmax_connections 5");
    let broker = Broker::start(&config);
    let (mut first, _) = Raw::login(&broker, connect("first", true));
    let (mut guest, _) = Raw::open_at(second).log_in(&broker, connect("guest", true));
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().port();
    let fine = free_port();
    // The second listener is to go, and one that opens goes with the one that can't.
    broker.reconfigure(&format!(
        "allow_anonymous false\nlistener {second}\nlistener {fine} 127.0.0.1\nlistener {taken} 127.0.0.1"
    ));
    broker.signal("HUP");
    broker.wait_for("Error: cannot listen on 127.0.0.1:");
    broker.wait_for("what was running goes on unchanged.");
    drop(other);
    first.expect_nothing();
    guest.expect_nothing();
    std::net::TcpStream::connect(("127.0.0.1", fine)).unwrap_err();
    Raw::open_at(second).log_in(&broker, connect("another", true));
    Raw::login(&broker, connect("one more", true));
}

#[test]
fn a_listener_that_begins_to_encrypt_ends_who_came_without() {
    let authority = Certificates::new();
    let folder = tempfile::tempdir().unwrap();
    authority.write_authority(folder.path(), "ca");
    authority.write_server(folder.path(), "server");
    let broker = Broker::start_in(folder, "allow_anonymous true");
    let (mut plain, _) = Raw::login(&broker, connect("plain", true));
    broker.reconfigure(
        "allow_anonymous true\ncertfile {folder}/server.crt\nkeyfile {folder}/server.key",
    );
    broker.reload();
    assert_eq!(plain.try_receive(), None);
    broker.wait_for("its listener was removed or changed between plain and TLS.");
    let ca = broker.folder().join("ca.crt");
    let arguments = ["--cafile", ca.to_str().unwrap(), "-t", "t", "-m", "x"];
    assert!(publish(&broker, &arguments).status.success());
    broker.reconfigure("allow_anonymous true");
    broker.reload();
    Raw::login(&broker, connect("plain", true))
        .0
        .expect_nothing();
}

#[test]
fn files_that_change_are_read_without_a_signal_if_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    passwords(folder.path(), &[("fred", "fred")]);
    let broker = Broker::start_in(
        folder,
        "reload_on_change true\npassword_file {folder}/passwd",
    );
    let (mut fred, _) = Raw::login(&broker, user("fred", true));
    // Replaced as editors do it, first by something that is of no use.
    write(broker.folder().join("new"), "fred:$7$broken\n");
    std::fs::rename(broker.folder().join("new"), broker.folder().join("passwd")).unwrap();
    broker.wait_for("A file of the configuration has changed.");
    broker.wait_for("what was running goes on unchanged.");
    fred.expect_nothing();
    passwords(broker.folder(), &[("fred", "fred"), ("jane", "jane")]);
    broker.wait_for("Config reloaded.");
    Raw::login(&broker, user("jane", true)).0.expect_nothing();
    fred.expect_nothing();
    assert_eq!(broker.log().matches("Reloading config.").count(), 2);
}
