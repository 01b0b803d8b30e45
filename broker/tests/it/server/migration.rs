//! Somebody comes from Mosquitto, with its database.

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::harness::{Broker, PATIENCE, Subscriber};
use crate::support::{Mosquitto, program, run};

const MESSAGES: [(&str, &[u8]); 3] = [
    ("lamp", b"on"),
    ("living room/tv set", b"two words"),
    ("z/binary", b"\0\n\xff%$"),
];

/// Lets the real Mosquitto write a database with [`MESSAGES`] into `folder`.
fn write_database(folder: &Path) {
    let config = format!(
        "listener @PORT@ 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {}/\n\
         autosave_on_changes true\nautosave_interval 1\n",
        folder.display()
    );
    let mosquitto = Mosquitto::start(folder, &config).unwrap();
    for (topic, payload) in MESSAGES {
        let port = mosquitto.port.to_string();
        let mut child = program("mosquitto_pub")
            .args(["-p", &port, "-q", "1", "-r", "-s", "-t", topic])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(payload).unwrap();
        assert!(child.wait().unwrap().success());
    }
    let last = MESSAGES[2].0.as_bytes();
    let is_written = || {
        let bytes = std::fs::read(folder.join("mosquitto.db")).unwrap_or_default();
        bytes.windows(last.len()).any(|window| window == last)
    };
    let start = Instant::now();
    while !is_written() {
        assert!(start.elapsed() < PATIENCE, "Mosquitto saves nothing");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_log_says_how_retained_messages_come_over_and_that_works() {
    let folder = tempfile::tempdir().unwrap();
    write_database(folder.path());
    let database = std::fs::read(folder.path().join("mosquitto.db")).unwrap();
    let settings = "allow_anonymous true\npersistence true\npersistence_location {folder}/";
    let broker = Broker::start_in(folder, settings);
    let aside = broker.folder().join("mosquitto.db.mosquitto");
    assert_eq!(std::fs::read(&aside).unwrap(), database);
    let log = broker.log();
    let kept = format!(
        "is a database of Mosquitto's, which this broker does not read. It is not damaged, and is kept as {}.",
        aside.display()
    );
    assert!(log.contains(&kept), "{log}");
    assert!(!log.contains("lost") && !log.contains("Error"), "{log}");

    let (_, recipe) = log.split_once("with these lines in FILE: ").unwrap();
    let (lines, rest) = recipe.split_once("; then, ").unwrap();
    let lines: Vec<_> = lines.split('`').skip(1).step_by(2).collect();
    let config = lines.join("\n").replace("1884", "@PORT@") + "\n";
    let theirs = Mosquitto::start(broker.folder(), &config).unwrap();
    let (_, command) = rest.split_once("write them all: ").unwrap();
    let command = command
        .lines()
        .next()
        .unwrap()
        .replace("-p 1884", &format!("-p {}", theirs.port))
        .replace(
            "mosquitto_pub",
            &format!("mosquitto_pub -p {}", broker.port()),
        );
    let done = run("timeout", &["30", "sh", "-c", &command]);
    assert!(done.status.success(), "{command}: {done:?}");
    drop(theirs);

    let subscriber = Subscriber::start(&broker, &["-t", "lamp", "-t", "living room/#"]);
    let mut messages = [subscriber.message(), subscriber.message()];
    messages.sort();
    assert_eq!(
        messages,
        ["lamp 1 0 on", "living room/tv set 1 0 two words"]
    );
    let port = broker.port().to_string();
    let binary = run(
        "timeout",
        &[
            "30",
            "mosquitto_sub",
            "-p",
            &port,
            "-t",
            "z/binary",
            "-N",
            "-C",
            "1",
        ],
    );
    assert_eq!(binary.stdout, MESSAGES[2].1);
}
