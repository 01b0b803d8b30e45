//! Pushes that end before they are proved: by a lost connection, by Ctrl-C.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::host::{Host, possible, push, sandbox};
use crate::support::Sandbox;

/// A push that has begun, and is where it was waited for.
fn begin(sandbox: &Sandbox, host: &Host, overlay: &str, until: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
    command.args(["push", &host.destination("pi"), "--broker", "broker"]);
    command.args(["--accept-new", "--overlay", overlay]);
    sandbox.prepare(&mut command);
    let output = std::fs::File::create(sandbox.path("output")).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(output);
    let child = command.spawn().unwrap();
    wait(sandbox, host, until);
    child
}

/// Waits until a command on the machine succeeds.
fn wait(sandbox: &Sandbox, host: &Host, until: &str) {
    let begun = Instant::now();
    while host.run(sandbox, until).code != 0 {
        let journal = || {
            host.run(
                sandbox,
                "journalctl -u mqtt-broker -n 20; ls -R /var/lib/mqtt-provision",
            )
            .shown()
        };
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "not so: {until}\n{}",
            journal()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// An overlay whose unit takes its time: 8 seconds before or after the start.
fn slow(sandbox: &Sandbox, when: &str, command: &str) {
    let folder = "slow/etc/systemd/system/mqtt-broker.service.d";
    std::fs::create_dir_all(sandbox.path(folder)).unwrap();
    sandbox.write(
        &format!("{folder}/slow.conf"),
        &format!("[Service]\n{when}=/bin/sh -c '{command}'\n"),
    );
}

fn kill(child: &mut Child, signal: &str) {
    let id = child.id().to_string();
    Command::new("kill").args([signal, &id]).status().unwrap();
    child.wait().unwrap();
}

/// The switch is made, and not proved.
const PENDING: &str = "test -e /var/lib/mqtt-provision/undo/switched";

#[test]
fn a_push_that_was_cut_short_is_ended_by_the_next_one_and_what_was_stored_stays() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    slow(&sandbox, "ExecStartPost", "sleep 8");
    kill(&mut begin(&sandbox, &host, "slow", PENDING), "-KILL");
    wait(&sandbox, &host, "systemctl is-active mqtt-broker");
    host.run(&sandbox, "echo dear >/var/lib/mqtt-broker/dear")
        .success();
    // The same again has nothing to send, but something to end.
    push(
        &sandbox,
        &host.destination("pi"),
        &["--accept-new", "--overlay", "slow"],
    )
    .success();
    assert_eq!(host.run(&sandbox, PENDING).code, 1);
    // One that is cut short and followed by another: what works is kept before anything is changed.
    sandbox.provision(&["rotate-certs"]).success();
    kill(&mut begin(&sandbox, &host, "slow", PENDING), "-KILL");
    wait(&sandbox, &host, "systemctl is-active mqtt-broker");
    sandbox
        .provision(&["add-user", "fred", "--generate"])
        .success();
    push(&sandbox, &host.destination("pi"), &["--overlay", "slow"]).success();
    assert_eq!(
        host.run(&sandbox, "cat /var/lib/mqtt-broker/dear").stdout,
        "dear\n"
    );

    // What an overlay brought goes with it.
    let look = push(&sandbox, &host.destination("pi"), &["--dry-run"]).success();
    assert!(
        look.stdout
            .contains("removed  /etc/systemd/system/mqtt-broker.service.d/slow.conf"),
        "{}",
        look.shown()
    );
    push(&sandbox, &host.destination("pi"), &[]).success();
    assert_eq!(
        host.run(
            &sandbox,
            "ls /etc/systemd/system/mqtt-broker.service.d/slow.conf"
        )
        .code,
        2
    );
    let again = push(
        &sandbox,
        &host.destination("pi"),
        &["--dry-run", "--exit-code"],
    );
    assert_eq!(again.code, 0, "{}", again.shown());
}

#[test]
fn a_machine_whose_connection_is_lost_while_the_new_broker_fails_goes_back_by_itself() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    push(&sandbox, &host.destination("pi"), &["--accept-new"]).success();
    let before = host
        .run(&sandbox, "readlink /usr/local/lib/mqtt-broker/current")
        .stdout;
    sandbox.provision(&["rotate-certs"]).success();
    slow(&sandbox, "ExecStartPre", "sleep 5; exit 1");
    kill(&mut begin(&sandbox, &host, "slow", PENDING), "-KILL");
    wait(
        &sandbox,
        &host,
        "test ! -e /var/lib/mqtt-provision/undo && systemctl is-active mqtt-broker",
    );
    let after = host
        .run(&sandbox, "readlink /usr/local/lib/mqtt-broker/current")
        .stdout;
    assert_eq!(before, after);
    let left = host.run(&sandbox, "find /usr/local/lib/mqtt-broker -name '.incoming*'; ls /etc/systemd/system | grep -c service.d");
    assert_eq!(left.stdout, "0\n");
}

#[test]
fn ctrl_c_takes_back_what_was_begun_and_says_so() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    slow(&sandbox, "ExecStartPost", "sleep 4");
    let mut child = begin(&sandbox, &host, "slow", PENDING);
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let said = sandbox.read("output");
    assert!(
        said.contains("the machine has gone back to what it had"),
        "{said}"
    );
    let left = host.run(
        &sandbox,
        "find / -xdev \\( -name '*mqtt-broker*' -o -name '*mqtt-provision*' -o -name 'slow.conf' \\) \
         ! -path '/proc/*' ! -path '/sys/*' ! -path '/var/log/*'; ls -d /etc/avahi 2>/dev/null",
    );
    // What the broker has stored is not ours to remove.
    assert_eq!(left.stdout, "/var/lib/mqtt-broker\n", "{}", left.shown());
}
