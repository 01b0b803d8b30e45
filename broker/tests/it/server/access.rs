//! Who gets in, and who reads and writes what.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use broker::codec::{Connect, Packet, Text};
use broker::passwd::{Password, PasswordFile, PasswordHash};

use crate::harness::{Broker, Raw, Subscriber, connect, publish};
use crate::support::{run, write};

/// A folder with fred's and jjolie's passwords, and who may see what.
fn home() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_passwords(
        folder.path(),
        &[("fred", "flintstone"), ("jjolie", "s3cret")],
    );
    write_acl(folder.path(), "user fred\ntopic read owntracks/jjolie/5s\n");
    folder
}

fn write_passwords(folder: &std::path::Path, users: &[(&str, &str)]) {
    let mut file = PasswordFile::default();
    for (name, password) in users {
        let password = Password::new((*password).to_owned()).unwrap();
        // As Mosquitto 2.0 does: tests wait for no more.
        file.set(
            name,
            PasswordHash::new(&password, NonZeroU32::new(101).unwrap()).unwrap(),
        )
        .unwrap();
    }
    write(folder.join("passwd"), file.to_string());
}

fn write_acl(folder: &std::path::Path, more: &str) {
    write(
        folder.join("acl"),
        format!("pattern readwrite owntracks/%u/#\n{more}"),
    );
}

const HOME: &str = "allow_anonymous false\npassword_file {folder}/passwd\nacl_file {folder}/acl";

const FRED: [&str; 6] = ["-u", "fred", "-P", "flintstone", "-i", "fred-phone"];
const JJOLIE: [&str; 6] = ["-u", "jjolie", "-P", "s3cret", "-i", "jjolie-phone"];

fn with<'a>(who: &[&'a str], what: &[&'a str]) -> Vec<&'a str> {
    [who, what].concat()
}

#[test]
fn only_who_knows_a_password_gets_in() {
    let broker = Broker::start_in(home(), HOME);
    let message = ["-t", "owntracks/fred/phone", "-q", "1", "-m", "x"];
    assert!(publish(&broker, &with(&FRED, &message)).status.success());
    broker.wait_for("as fred-phone (p4, c1, k60, u'fred').");
    for wrong in [
        &["-u", "fred", "-P", "barney"][..],
        &["-u", "nobody", "-P", "flintstone"],
        &["-u", "fred"],
        &[],
    ] {
        let output = publish(&broker, &with(wrong, &message));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(5), "{wrong:?}: {error}");
        assert!(error.contains("not authorised"), "{error}");
    }
    broker.wait_for("disconnected, not authorised: unknown user or wrong password (u'nobody').");
    broker.wait_for("disconnected, not authorised: no user name.");
    assert!(
        !broker.log().contains("flintstone") && !broker.log().contains("barney"),
        "no password in the log"
    );
}

#[test]
fn fred_sees_one_device_of_jjolie_and_nothing_else_of_hers() {
    let broker = Broker::start_in(home(), HOME);
    // The apps subscribe to more than they may read: they are not refused, they just get no more.
    let fred = Subscriber::start(&broker, &with(&FRED, &["-t", "owntracks/+/+", "-q", "1"]));
    for device in ["tablet", "5s"] {
        let topic = format!("owntracks/jjolie/{device}");
        let message = with(&JJOLIE, &["-t", &topic, "-q", "1", "-r", "-m", device]);
        assert!(publish(&broker, &message).status.success());
    }
    assert_eq!(fred.message(), "owntracks/jjolie/5s 0 1 5s");
    drop(fred);
    let fred = Subscriber::start(&broker, &with(&FRED, &["-t", "owntracks/#", "-q", "1"]));
    assert_eq!(fred.message(), "owntracks/jjolie/5s 1 1 5s");
    let own = with(
        &["-u", "fred", "-P", "flintstone"],
        &["-t", "owntracks/fred/x", "-q", "1", "-m", "next"],
    );
    assert!(publish(&broker, &own).status.success());
    assert_eq!(fred.message(), "owntracks/fred/x 0 1 next");
}

#[test]
fn what_may_not_be_written_is_acknowledged_and_dropped() {
    let broker = Broker::start_in(home(), HOME);
    let jjolie = Subscriber::start(&broker, &with(&JJOLIE, &["-t", "owntracks/#"]));
    let forged = with(
        &FRED,
        &["-t", "owntracks/jjolie/5s", "-q", "2", "-m", "forged"],
    );
    assert!(publish(&broker, &forged).status.success());
    broker.wait_for(
        "Denied PUBLISH from fred-phone (d0, q2, r0, m1, 'owntracks/jjolie/5s', ... (6 bytes))",
    );
    let own = with(
        &["-u", "jjolie", "-P", "s3cret"],
        &["-t", "owntracks/jjolie/5s", "-m", "true"],
    );
    assert!(publish(&broker, &own).status.success());
    assert_eq!(jjolie.message(), "owntracks/jjolie/5s 0 0 true");
}

#[test]
fn a_will_on_another_persons_topic_is_refused_at_once() {
    let broker = Broker::start_in(home(), HOME);
    let will = [
        "--will-topic",
        "owntracks/jjolie/5s",
        "--will-payload",
        "x",
        "-t",
        "owntracks/fred/x",
        "-m",
        "x",
    ];
    assert_eq!(publish(&broker, &with(&FRED, &will)).status.code(), Some(5));
    broker.wait_for("not authorised: it may not publish to the topic of its will (u'fred').");
}

#[test]
fn a_reload_takes_on_users_and_rights_and_drops_nobody() {
    let broker = Broker::start_in(home(), HOME);
    let fred = Subscriber::start(&broker, &with(&FRED, &["-t", "owntracks/#", "-q", "1"]));
    let message = with(
        &JJOLIE,
        &["-t", "owntracks/jjolie/tablet", "-q", "1", "-m", "x"],
    );
    assert!(publish(&broker, &message).status.success());

    write_acl(
        broker.folder(),
        "user fred\ntopic read owntracks/jjolie/+\n",
    );
    write_passwords(
        broker.folder(),
        &[("fred", "new"), ("jjolie", "s3cret"), ("jane", "jane")],
    );
    broker.signal("HUP");
    broker.wait_for("Reloading config.");
    let message = [
        "-u",
        "jane",
        "-P",
        "jane",
        "-t",
        "owntracks/jane/x",
        "-q",
        "1",
        "-m",
        "x",
    ];
    let start = Instant::now();
    while !publish(&broker, &message).status.success() {
        assert!(
            start.elapsed() < crate::harness::PATIENCE,
            "jane does not get in:\n{}",
            broker.log()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    let message = with(
        &JJOLIE,
        &["-t", "owntracks/jjolie/tablet", "-q", "1", "-m", "now"],
    );
    assert!(publish(&broker, &message).status.success());
    assert_eq!(
        fred.message(),
        "owntracks/jjolie/tablet 0 1 now",
        "the subscription from before, under new rights"
    );
    assert_eq!(
        publish(&broker, &with(&FRED, &["-t", "x", "-m", "x"]))
            .status
            .code(),
        Some(5)
    );
}

#[test]
fn a_bad_file_at_a_reload_keeps_what_was_running() {
    let broker = Broker::start_in(home(), HOME);
    write(broker.folder().join("passwd"), "fred:$7$broken\n");
    broker.signal("HUP");
    broker.wait_for("/passwd:1: ");
    broker.wait_for("the configuration was not reloaded: what was running goes on unchanged.");
    let message = ["-t", "owntracks/fred/x", "-q", "1", "-m", "x"];
    assert!(publish(&broker, &with(&FRED, &message)).status.success());
}

#[test]
fn logins_do_not_hold_up_those_who_are_connected() {
    let folder = home();
    let password = Password::new("slow".to_owned()).unwrap();
    let slow = PasswordHash::new(&password, NonZeroU32::new(20_000).unwrap()).unwrap();
    let mut file: PasswordFile = PasswordFile::default();
    file.set("slow", slow).unwrap();
    write(folder.path().join("passwd"), file.to_string());
    let broker = Broker::start_in(
        folder,
        "allow_anonymous true\npassword_file {folder}/passwd",
    );
    let (mut client, _) = Raw::login(&broker, connect("connected", true));
    let flood: Vec<_> = (0..20)
        .map(|number| {
            let mut attacker = Raw::open(&broker);
            let login = Connect {
                username: Text::new("slow"),
                password: Some(bytes::Bytes::from_static(b"wrong")),
                ..connect(&format!("attacker-{number}"), true)
            };
            attacker.send(&Packet::Connect(Box::new(login)));
            attacker
        })
        .collect();
    let start = Instant::now();
    for _ in 0..10 {
        client.expect_nothing();
    }
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    drop(flood);
}

#[test]
fn hashes_that_are_quickly_guessed_from_are_warned_of_at_the_start() {
    let broker = Broker::start_in(home(), HOME);
    let path = broker.folder().join("passwd");
    let weak = r#""fred" ($7$ with 101 iterations), "jjolie" ($7$ with 101 iterations)"#;
    broker.wait_for(&format!(
        "Warning: {}: whoever gets hold of this file guesses passwords quickly, because of weak hashes of {weak};",
        path.display()
    ));
}

#[test]
fn a_strict_broker_refuses_a_subscription_that_would_bring_nothing() {
    let broker = Broker::start_in(home(), &format!("strict_subscribe true\n{HOME}"));
    for (filter, granted) in [
        ("owntracks/jjolie/5s", true),
        ("owntracks/+/+", true),
        ("$share/g/owntracks/fred/#", true),
        ("owntracks/jjolie/tablet", false),
        ("$share/g/secret/#", false),
        ("$SYS/#", false),
    ] {
        for version in ["mqttv311", "mqttv5"] {
            let what = ["-t", filter, "-V", version, "-E", "-d"];
            let output = broker_sub(&broker, &with(&FRED, &what));
            let said = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            let refused = said.contains("All subscription requests were denied");
            assert_eq!(refused, !granted, "{filter} {version}: {said}");
            assert!(said.contains("Subscribed (mid: 1): "), "{said}");
            let code = if version == "mqttv5" { "135" } else { "128" };
            assert_eq!(
                said.contains(&format!("(mid: 1): {code}")),
                !granted,
                "{said}"
            );
        }
    }
}

/// `mosquitto_sub` until it ends by itself.
fn broker_sub(broker: &Broker, arguments: &[&str]) -> std::process::Output {
    let port = broker.port().to_string();
    run(
        "mosquitto_sub",
        &with(&["-h", "127.0.0.1", "-p", &port], arguments),
    )
}
