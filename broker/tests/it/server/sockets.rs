//! Sockets that systemd opens, and the end of the broker.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};

use broker::codec::{Packet, QoS};

use crate::harness::{Broker, Raw, config_file, connect, message};
use crate::support::{free_port, program};

/// A broker started by `systemd-socket-activate`, which opens the sockets; ended when dropped.
struct Activated(Child);

impl Activated {
    /// The broker starts with the first connection.
    fn start(folder: &Path, listen: &[&str], config: &str, port: u16) -> Self {
        let path = config_file(folder, "broker.conf", config, port);
        let mut command = program("systemd-socket-activate");
        for address in listen {
            command.args(["-l", address]);
        }
        let child = command
            .arg(env!("CARGO_BIN_EXE_mqtt-broker"))
            .arg("-c")
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut activated = Self(child);
        let listening = format!("Listening on {}", listen[listen.len() - 1]);
        activated.read_until(&listening);
        activated
    }

    /// What it says until it says `text`.
    fn read_until(&mut self, text: &str) -> String {
        let mut said = String::new();
        let stderr = self.0.stderr.as_mut().unwrap();
        let mut lines = BufReader::with_capacity(1, stderr).lines();
        while !said.contains(text) {
            said.push_str(&lines.next().expect(&said).unwrap());
            said.push('\n');
        }
        said
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_client_that_reads_nothing_does_not_hold_up_the_end() {
    let broker = Broker::start("log_type none\nlog_type information\nallow_anonymous true");
    let (mut stuck, _) = Raw::login(&broker, connect("stuck", true));
    stuck.subscribe("t", QoS::AtMostOnce);
    let (mut sender, _) = Raw::login(&broker, connect("sender", true));
    let payload = "x".repeat(1 << 20);
    for _ in 0..32 {
        sender.publish(message("t", &payload, QoS::AtMostOnce, 0));
    }
    sender.expect_nothing();
    // It panics if the broker does not end by itself.
    broker.stop();
}

#[test]
fn sockets_that_systemd_opened_are_listened_at_by_port_and_by_path() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let (tcp, path) = (format!("127.0.0.1:{port}"), folder.path().join("socket"));
    let stray = format!("127.0.0.1:{}", free_port());
    let config =
        "log_timestamp false\nallow_anonymous true\nlistener {port}\nlistener 0 {folder}/socket\n";
    let listen = [&tcp, &stray, path.to_str().unwrap()];
    let mut broker = Activated::start(folder.path(), &listen, config, port);
    let mut first = Raw::open_at(port);
    let said = broker.read_until(" running");
    for line in [
        format!("Using the listen socket {tcp} that was passed."),
        format!(
            "Using the listen socket {} that was passed.",
            path.display()
        ),
        format!(
            "Warning: no listener in the configuration fits the socket {stray} that was passed."
        ),
    ] {
        assert!(said.contains(&line), "{said}");
    }
    assert!(!said.contains("Opening"), "{said}");
    first.send(&Packet::Connect(Box::new(connect("first", true))));
    assert!(matches!(first.receive(), Packet::ConnAck(_)));
    UnixStream::connect(&path).unwrap();
}
