//! File descriptors that run out.

use std::net::TcpStream;

use crate::harness::{Broker, publish};
use crate::support::{program, run};

const SETTINGS: &str = "allow_anonymous true\npersistence true\npersistence_location {folder}/";

/// The soft limit of a process.
fn limit(broker: &Broker) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", broker.pid())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let mut words = line.unwrap().split_whitespace();
    words.nth(3).unwrap().to_owned()
}

#[test]
fn peers_without_a_login_do_not_keep_the_state_from_being_saved_nor_the_configuration_from_being_read()
 {
    let mut wrapper = program("prlimit");
    wrapper.args(["--nofile=48:96"]);
    let broker = Broker::start_through(wrapper, SETTINGS);
    assert_eq!(limit(&broker), "96", "as high as is allowed");
    let pid = broker.pid().to_string();
    let lowered = run("prlimit", &["--pid", &pid, "--nofile=40:96"]);
    assert!(lowered.status.success(), "{lowered:?}");

    let retained = ["-r", "-t", "lamp", "-m", "on", "-q", "1"];
    assert!(publish(&broker, &retained).status.success());
    let peers: Vec<_> = (0..60)
        .map(|_| TcpStream::connect(("127.0.0.1", broker.port())).unwrap())
        .collect();
    broker
        .wait_for("denied, 1 since this was said last: of 40 file descriptors, the last are kept");
    let database = broker.folder().join("mosquitto.db");
    broker.signal("USR1");
    broker.wait_for("Saving in-memory database to ");
    broker.reload();
    assert!(database.exists());
    assert!(!broker.log().contains("Error"), "{}", broker.log());

    let raised = run("prlimit", &["--pid", &pid, "--nofile=96:96"]);
    assert!(raised.status.success(), "{raised:?}");
    assert!(publish(&broker, &retained).status.success());
    drop(peers);
    let (_, log) = broker.stop();
    assert!(
        log.matches("since this was said last").count() < 10,
        "{log}"
    );
}
