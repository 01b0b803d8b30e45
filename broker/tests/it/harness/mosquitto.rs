//! Debian's mosquitto clients.

use std::io::{BufRead, BufReader};
use std::process::{Child, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::{Broker, PATIENCE};
use crate::support::program;

/// Runs `mosquitto_pub`; at most half a minute.
pub(crate) fn publish(broker: &Broker, arguments: &[&str]) -> Output {
    let mut command = program("timeout");
    command
        .args(["30", "mosquitto_pub", "-h", "127.0.0.1", "-p"])
        .arg(broker.port().to_string());
    command
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// A running `mosquitto_sub`; killed when dropped.
pub(crate) struct Subscriber {
    child: Child,
    lines: Receiver<String>,
}

impl Subscriber {
    /// Starts it and waits until it is subscribed. It prints topic, retain flag, quality of service and payload.
    pub(crate) fn start(broker: &Broker, arguments: &[&str]) -> Self {
        // It becomes mosquitto_sub: to end the one is to end the other.
        let mut command = program("stdbuf");
        command.args(["-oL", "mosquitto_sub", "-d", "-h", "127.0.0.1", "-p"]);
        command
            .arg(broker.port().to_string())
            .args(arguments)
            .args(["-F", "> %t %r %q %p"]);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = child.stdout.take().unwrap();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let subscriber = Self { child, lines };
        while !subscriber.line().starts_with("Subscribed") {}
        subscriber
    }

    fn line(&self) -> String {
        self.lines
            .recv_timeout(PATIENCE)
            .expect("mosquitto_sub prints nothing more")
    }

    /// The next message.
    pub(crate) fn message(&self) -> String {
        loop {
            if let Some(message) = self.line().strip_prefix("> ") {
                return message.to_owned();
            }
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
