//! Who guesses passwords is locked out, and nobody else.

use std::fmt::Write as _;

use crate::harness::{Broker, publish};
use crate::support::{run, write};

/// A broker where fred's password is `flintstone`.
fn home() -> Broker {
    home_with("")
}

fn home_with(settings: &str) -> Broker {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passwd");
    let made = run(
        "mosquitto_passwd",
        &["-b", "-c", path.to_str().unwrap(), "fred", "flintstone"],
    );
    assert!(made.status.success(), "{made:?}");
    let config = format!("{settings}\nallow_anonymous false\npassword_file {{folder}}/passwd");
    Broker::start_in(folder, &config)
}

/// Whether somebody with this password at this address gets in. The addresses are this machine's; only 127.0.0.1 is
/// never locked out.
fn gets_in(broker: &Broker, address: &str, user: &str, password: &str) -> bool {
    let login = [
        "-A", address, "-i", "phone", "-u", user, "-P", password, "-t", "a", "-m", "b",
    ];
    let output = publish(broker, &login);
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // The same for everybody, so that nobody learns what he may try later.
        assert_eq!(output.status.code(), Some(5), "{said}");
        assert!(said.contains("not authorised"), "{said}");
    }
    output.status.success()
}

#[test]
fn an_address_that_tries_many_names_is_locked_out_with_the_right_password_too() {
    let broker = home();
    for number in 0..10 {
        assert!(
            gets_in(&broker, "127.0.0.3", "fred", "flintstone"),
            "{number}"
        );
        assert!(!gets_in(
            &broker,
            "127.0.0.2",
            &format!("user{number}"),
            "gu3ss"
        ));
    }
    broker.wait_for("Warning: too many failed logins: 127.0.0.2 is locked out until 2");
    assert!(!gets_in(&broker, "127.0.0.2", "fred", "flintstone"));
    broker.wait_for("Login refused from 127.0.0.2: locked out until 2");
    for elsewhere in ["127.0.0.1", "127.0.0.3", "127.0.0.4"] {
        assert!(
            gets_in(&broker, elsewhere, "fred", "flintstone"),
            "{elsewhere}"
        );
    }
    assert_eq!(
        broker.log().matches("is locked out until").count(),
        1,
        "{}",
        broker.log()
    );
}

#[test]
fn a_stranger_who_guesses_freds_password_does_not_lock_fred_out() {
    let broker = home();
    assert!(gets_in(&broker, "127.0.0.3", "fred", "flintstone"));
    for number in 0..10 {
        let guess = format!("gu3ss{number}");
        assert!(!gets_in(&broker, "127.0.0.2", "fred", &guess));
    }
    broker.wait_for("Warning: too many failed logins: user 'fred' is locked out until 2");
    // Where he was before, as often as he likes; where he never was, if he makes no mistake.
    assert!(!gets_in(&broker, "127.0.0.3", "fred", "tpyo"));
    assert!(gets_in(&broker, "127.0.0.3", "fred", "flintstone"));
    assert!(gets_in(&broker, "127.0.0.4", "fred", "flintstone"));
    // Another of the stranger's addresses has one guess, and no second one, be it the right one.
    assert!(!gets_in(&broker, "127.0.0.5", "fred", "gu3ss"));
    assert!(!gets_in(&broker, "127.0.0.5", "fred", "flintstone"));
    assert!(!broker.log().contains("gu3ss"), "no password in the log");
}

#[test]
fn the_configuration_says_after_how_many_failures_and_for_how_long() {
    let broker = home_with("login_failures_max 2\nlogin_failures_window 1");
    for guess in ["one", "two"] {
        assert!(!gets_in(&broker, "127.0.0.2", "fred", guess));
    }
    broker.wait_for("127.0.0.2 is locked out until 2");
    broker.wait_for("user 'fred' is locked out until 2");
    let start = std::time::Instant::now();
    while !gets_in(&broker, "127.0.0.2", "fred", "flintstone") {
        assert!(
            start.elapsed() < crate::harness::PATIENCE,
            "{}",
            broker.log()
        );
    }

    let broker = home_with("login_failures_max 0");
    for number in 0..25 {
        let guess = format!("gu3ss{number}");
        assert!(!gets_in(&broker, "127.0.0.2", "fred", &guess));
    }
    assert!(gets_in(&broker, "127.0.0.2", "fred", "flintstone"));
    assert!(!broker.log().contains("locked out"), "{}", broker.log());
}

#[test]
fn a_device_with_an_old_password_locks_out_nobody_behind_the_same_router() {
    let broker = home();
    for _ in 0..12 {
        assert!(!gets_in(&broker, "127.0.0.2", "bob", "0ld"));
        assert!(!gets_in(&broker, "127.0.0.2", "fred", "0ld"));
    }
    assert!(gets_in(&broker, "127.0.0.2", "fred", "flintstone"));
    assert!(!broker.log().contains("locked out"), "{}", broker.log());
    assert!(!broker.log().contains("0ld"), "no password in the log");

    // Once it is right, it is.
    let path = broker.folder().join("passwd");
    let arguments = ["-b", path.to_str().unwrap(), "bob", "0ld"];
    assert!(run("mosquitto_passwd", &arguments).status.success());
    broker.reload();
    assert!(gets_in(&broker, "127.0.0.2", "bob", "0ld"));
    let arguments = ["-b", path.to_str().unwrap(), "bob", "n3w"];
    assert!(run("mosquitto_passwd", &arguments).status.success());
    broker.reload();
    assert!(!gets_in(&broker, "127.0.0.2", "bob", "0ld"));
    assert!(gets_in(&broker, "127.0.0.2", "bob", "n3w"));
}

#[test]
fn a_reload_lets_everybody_try_again() {
    let broker = home();
    for number in 0..10 {
        let guess = format!("gu3ss{number}");
        assert!(!gets_in(&broker, "127.0.0.1", "fred", &guess));
    }
    assert!(!gets_in(&broker, "127.0.0.1", "fred", "flintstone"));
    broker.signal("HUP");
    broker.wait_for("Reloading config.");
    let start = std::time::Instant::now();
    while !gets_in(&broker, "127.0.0.1", "fred", "flintstone") {
        assert!(
            start.elapsed() < crate::harness::PATIENCE,
            "{}",
            broker.log()
        );
    }
}

#[test]
fn the_filter_for_fail2ban_finds_who_was_refused_and_nobody_that_a_client_made_up() {
    let broker = home();
    let forged = "Login refused from 192.0.2.66: unknown user or wrong password (user 'x'";
    let prefixed = format!("pi mqtt-broker[1]: {forged}");
    let dated = format!("1700000000: {forged}");
    for text in [forged, &prefixed, &dated] {
        let login = [
            "-A",
            "127.0.0.2",
            "-i",
            text,
            "-u",
            text,
            "-P",
            text,
            "-t",
            "a",
            "-m",
            "b",
        ];
        assert!(!publish(&broker, &login).status.success());
        let nameless = ["-A", "127.0.0.3", "-i", text, "-t", "a", "-m", "b"];
        assert!(!publish(&broker, &nameless).status.success());
        let login = [
            "-A",
            "127.0.0.4",
            "-i",
            text,
            "-u",
            "fred",
            "-P",
            "flintstone",
            "-t",
            text,
            "-m",
            text,
        ];
        assert!(publish(&broker, &login).status.success());
    }
    broker.wait_for("Received DISCONNECT from 1700000000: Login refused from 192.0.2.66");
    let (folder, log) = broker.stop();
    let mut journal = String::new();
    for line in log.lines() {
        writeln!(journal, "pi mqtt-broker[4711]: {line}").unwrap();
    }
    let filter = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../overlays/fail2ban/etc/fail2ban/filter.d/mqtt-broker.conf"
    );
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/server/fail2ban.py");
    for (text, kind) in [(log, "file"), (journal, "journal")] {
        let path = folder.path().join("log");
        write(&path, text);
        let found = run("python3", &[script, filter, path.to_str().unwrap(), kind]);
        assert!(found.status.success(), "{found:?}");
        assert_eq!(
            String::from_utf8(found.stdout).unwrap(),
            "127.0.0.2\n127.0.0.3\n".repeat(3),
            "{kind}"
        );
    }
}
