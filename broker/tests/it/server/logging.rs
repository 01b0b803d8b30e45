//! What the log says, beside what Mosquitto's says, and where it goes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Broker, PATIENCE, Raw, Subscriber, config_file, connect, publish};
use crate::support::{Mosquitto, free_port, program};

/// What clients do, one after the other. `mosquitto_sub -E` ends once it has subscribed.
const STEPS: &[(&str, &[&str])] = &[
    (
        "mosquitto_sub",
        &[
            "-i", "phone", "-c", "-E", "-q", "2", "-t", "b/+", "-t", "c/#", "-U", "c/#",
        ],
    ),
    (
        "mosquitto_pub",
        &["-i", "none", "-t", "a/0", "-m", "secret payload", "-q", "0"],
    ),
    (
        "mosquitto_pub",
        &[
            "-i", "once", "-t", "a/1", "-m", "one", "-q", "1", "-r", "-k", "30",
        ],
    ),
    (
        "mosquitto_pub",
        &[
            "-i",
            "twice",
            "-t",
            "b/2",
            "-n",
            "-q",
            "2",
            "-u",
            "fred",
            "-P",
            "secret word",
        ],
    ),
    (
        "mosquitto_sub",
        &["-i", "phone", "-c", "-q", "2", "-t", "b/+", "-C", "1"],
    ),
    (
        "mosquitto_sub",
        &[
            "-i", "old", "-V", "mqttv31", "-t", "a/1", "-C", "1", "-q", "1",
        ],
    ),
    (
        "mosquitto_pub",
        &[
            "-i",
            "will",
            "-t",
            "c",
            "-m",
            "x",
            "--will-topic",
            "last/words",
            "--will-payload",
            "secret will",
            "--will-qos",
            "1",
            "--will-retain",
        ],
    ),
];

const CONFIG: &str = "allow_anonymous true\nsys_interval 0\nlog_type all\nlog_timestamp false\n";

/// Waits until `done`, or says `what` is wrong.
pub(super) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Has all steps done, each when the broker is through with the one before.
fn walk(port: u16, log: impl Fn() -> String) {
    let ends = || log().matches(" disconnected.").count();
    for (step, (client, arguments)) in STEPS.iter().enumerate() {
        let output = program("timeout")
            .args(["20", client, "-h", "127.0.0.1", "-p", &port.to_string()])
            .args(*arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{client} {arguments:?}: {output:?}"
        );
        wait_until(&log(), || ends() > step);
    }
}

/// The lines from the first connection on, without what differs from run to run, and from 2.0 to 2.1.
fn normal(log: &str) -> Vec<String> {
    let lines = log
        .lines()
        .skip_while(|line| !line.starts_with("New connection"));
    lines.map(normal_line).collect()
}

fn normal_line(line: &str) -> String {
    let mut line = line.to_owned();
    for (before, after) in [("127.0.0.1:", "PORT"), (" on port ", "PORT")] {
        if let Some(start) = line.find(before).map(|start| start + before.len()) {
            let digits = line[start..].bytes().take_while(u8::is_ascii_digit).count();
            line.replace_range(start..start + digits, after);
        }
    }
    // Mosquitto 2.1 says where a client was that goes, and the protocol's level instead of a number of its own.
    line.replace(" [127.0.0.1:PORT] disconnected", " disconnected")
        .replace("(p1, ", "(p3, ")
        .replace("(p2, ", "(p4, ")
}

#[test]
fn a_day_of_clients_reads_in_the_log_as_it_does_in_mosquittos() {
    let folder = tempfile::tempdir().unwrap();
    // Mosquitto writes to files as they fill its buffer, and to its standard error at once.
    let (port, log) = (free_port(), folder.path().join("log"));
    let text = format!("user root\nlistener {{port}} 127.0.0.1\nlog_dest stderr\n{CONFIG}");
    let config = config_file(folder.path(), "mosquitto.conf", &text, port);
    let mut mosquitto = program("mosquitto")
        .arg("-c")
        .arg(config)
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let read = || fs::read_to_string(&log).unwrap();
    wait_until("Mosquitto does not start", || read().contains(" running\n"));
    walk(port, read);
    mosquitto.kill().unwrap();
    mosquitto.wait().unwrap();
    let theirs = read();

    let broker = Broker::start(CONFIG);
    walk(broker.port(), || broker.log());
    let (_, ours) = broker.stop();

    let mut ours_normal = normal(&ours);
    let end = ours_normal.pop().unwrap();
    assert!(
        end.starts_with("mqtt-broker version ") && end.ends_with(" terminating"),
        "{end}"
    );
    let theirs_normal = normal(&theirs);
    assert!(theirs_normal.len() > 70, "{theirs}");
    assert_eq!(ours_normal.join("\n"), theirs_normal.join("\n"));
    assert!(!ours.contains("secret"), "{ours}");
}

#[test]
fn lines_are_published_as_mosquitto_does() {
    let topics = |port: u16| {
        let port = port.to_string();
        let mut watcher = program("timeout")
            .args([
                "20",
                "stdbuf",
                "-oL",
                "mosquitto_sub",
                "-d",
                "-h",
                "127.0.0.1",
                "-p",
                &port,
            ])
            .args(["-t", "$SYS/broker/log/#", "-q", "2", "-i", "watcher"])
            .args(["-F", "> %t %r %q %p", "-C", "6"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(watcher.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        assert!(lines.any(|line| line.starts_with("Subscribed")));
        let args = [
            "-i", "phone", "-c", "-E", "-q", "1", "-t", "a", "-t", "b", "-U", "a",
        ];
        let mut client = program("timeout");
        client
            .args(["20", "mosquitto_sub", "-h", "127.0.0.1", "-p", &port])
            .args(args);
        assert!(client.output().unwrap().status.success());
        let heard = lines.filter_map(|line| line.strip_prefix("> ").map(normal_line));
        let heard = heard.collect::<Vec<_>>().join("\n");
        watcher.wait().unwrap();
        heard
    };
    let config = "allow_anonymous true\nsys_interval 0\nlog_type all\nlog_timestamp_format then %%\nlog_dest topic\n";
    let folder = tempfile::tempdir().unwrap();
    let mosquitto = Mosquitto::start(
        folder.path(),
        &format!("listener @PORT@ 127.0.0.1\n{config}"),
    )
    .unwrap();
    let theirs = topics(mosquitto.port);
    let broker = Broker::start(&format!("log_dest stderr\nlog_timestamp true\n{config}"));
    assert_eq!(topics(broker.port()), theirs);
    insta::assert_snapshot!(theirs, @r"
    $SYS/broker/log/M/subscribe 0 2 then %: watcher 2 $SYS/broker/log/#
    $SYS/broker/log/N 0 2 then %: New connection from 127.0.0.1:PORT on port PORT.
    $SYS/broker/log/N 0 2 then %: New client connected from 127.0.0.1:PORT as phone (p4, c0, k60).
    $SYS/broker/log/M/subscribe 0 2 then %: phone 1 a
    $SYS/broker/log/M/subscribe 0 2 then %: phone 1 b
    $SYS/broker/log/M/unsubscribe 0 2 then %: phone a
    ");
}

#[test]
fn a_client_cannot_forge_a_line() {
    let broker = Broker::start("allow_anonymous true\nlog_type all");
    let id = "x\u{85}1700000000: New client connected";
    let (_client, _) = Raw::login(&broker, connect(id, true));
    broker.wait_for("as x\\u{85}1700000000: New client connected (p4, c1, k60).");
}

#[test]
fn lines_for_the_journal_have_a_priority_and_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let text = "listener {port} 127.0.0.1\nallow_anonymous true\nlog_type all\nlog_timestamp_format %s never\n";
    let config = config_file(folder.path(), "broker.conf", text, free_port());
    let path = folder.path().join("journal");
    let run = |named: bool| {
        let journal = fs::File::create(&path).unwrap();
        let about = journal.metadata().unwrap();
        let inode = about.ino() + u64::from(!named);
        let mut child = Command::new(env!("CARGO_BIN_EXE_mqtt-broker"))
            .arg("-c")
            .arg(&config)
            .env("JOURNAL_STREAM", format!("{}:{inode}", about.dev()))
            .stderr(journal)
            .spawn()
            .unwrap();
        let read = || fs::read_to_string(&path).unwrap();
        wait_until("it does not start", || read().contains(" running\n"));
        child.kill().unwrap();
        child.wait().unwrap();
        read()
    };
    let named = run(true);
    assert!(
        named
            .lines()
            .all(|line| line.starts_with("<6>") && !line.contains("never")),
        "{named}"
    );
    let other = run(false);
    assert!(
        other.lines().all(|line| line.contains(" never: ")),
        "{other}"
    );
}

#[test]
fn sigusr2_tells_who_is_there_and_who_wants_what() {
    let broker = Broker::start("allow_anonymous true\nsys_interval 0");
    let (mut fred, _) = Raw::login(&broker, connect("fred\t\u{7f}", true));
    let (mut jane, _) = Raw::login(&broker, connect(&"j".repeat(81), false));
    let qos = broker::codec::QoS::AtLeastOnce;
    fred.subscribe("owntracks/+/\u{1b}[2J", qos);
    jane.subscribe("a", qos);
    jane.subscribe("owntracks/+/\u{1b}[2J", qos);
    drop(jane);
    broker.wait_for("closed its connection.");
    publish(
        &broker,
        &["-t", "a", "-m", "xx", "-q", "1", "-r", "-i", "p"],
    );
    broker.wait_for("Client p ");
    broker.signal("USR2");
    broker.wait_for("\towntracks/+/\\u{1b}[2J: ");
    fred.expect_nothing();
    broker.wait_for("Received PINGREQ");
    let log = broker.log();
    let dump = &log[log.find("2 sessions").unwrap()..];
    let dump = &dump[..dump.find("Received PINGREQ").unwrap()];
    let dump = dump.replace(&"j".repeat(80), "jj");
    insta::assert_snapshot!(dump, @r"
    2 sessions, 1 of them connected, 3 subscriptions, 1 retained messages (3 bytes).
    Session fred	\u{7f} (c1) connected: 1 subscriptions, 0 messages waiting (0 bytes), 0 in flight.
    Session jj... (c0) away: 2 subscriptions, 1 messages waiting (3 bytes), 0 in flight.
    	a: jj... (QoS 1)
    	owntracks/+/\u{1b}[2J: fred	\u{7f} (QoS 1), jj... (QoS 1)
    ");
}

#[test]
fn a_dump_is_bounded() {
    let broker = Broker::start("allow_anonymous true\nsys_interval 0\nlog_type notice");
    let (mut many, _) = Raw::login(&broker, connect("many", true));
    for number in 0..1100 {
        many.subscribe(&format!("filter/{number}"), broker::codec::QoS::AtMostOnce);
    }
    broker.signal("USR2");
    broker.wait_for("... and 100 more subscriptions to other filters.");
    let log = broker.log();
    let dump = &log[log.find("1 sessions").unwrap()..];
    assert_eq!(dump.matches("\tfilter/").count(), 1000);
}

#[test]
fn a_log_that_nobody_reads_holds_up_no_client() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("log");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    // Somebody has to open a pipe for reading before the broker can open it for writing.
    let reader = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&fifo)
        .unwrap();
    let broker = Broker::start_in(
        folder,
        "allow_anonymous true\nlog_dest stderr\nlog_dest file {folder}/log\nsys_interval 1",
    );
    let watcher = Subscriber::start(&broker, &["-t", "$SYS/broker/logging/lost"]);
    let (mut client, _) = Raw::login(&broker, connect(&"c".repeat(1000), true));
    // A pipe takes 64 KiB, the log's queue 4096 lines.
    for _ in 0..10_000 {
        client.expect_nothing();
    }
    wait_until("nothing was lost", || !watcher.message().ends_with(" 0"));
    drop(reader);
}
