//! What the log says, beside what Mosquitto's says, and where it goes.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Broker, PATIENCE, Raw, Subscriber, config_file, connect};
use crate::support::{free_port, program, run};

/// What clients do, one after the other. `mosquitto_sub -E` ends once it has subscribed.
const STEPS: &[(&str, &[&str])] = &[
    (
        "mosquitto_sub",
        &[
            "-i", "phone", "-c", "-E", "-q", "2", "-t", "b/+", "-t", "c/#",
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
    let ends = |count| {
        let so_far = || log().matches(" disconnected.").count();
        wait_until(&log(), || so_far() >= count);
    };
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
        ends(step + 1);
    }
    // mosquitto_sub leaves before its UNSUBACK comes, and its DISCONNECT may be lost then.
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    for packet in [
        b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01u".as_slice(),
        b"\xa2\x05\x00\x07\x00\x01x",
    ] {
        stream.write_all(packet).unwrap();
        stream.read_exact(&mut [0; 4]).unwrap();
    }
    stream.write_all(b"\xe0\x00").unwrap();
    ends(STEPS.len() + 1);
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
    line.replace(" [127.0.0.1:PORT]", "")
        .replace("(p1, ", "(p3, ")
        .replace("(p2, ", "(p4, ")
}

/// A broker whose standard error is kept; killed when dropped.
///
/// Mosquitto writes to files of its own only as they fill its buffer.
struct Logged {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Logged {
    /// Starts one that logs notices at least.
    fn start(program: &str, config: &str) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let text = format!(
            "user root\nlog_dest stderr\nlog_timestamp false\nlistener {{port}} 127.0.0.1\n{config}"
        );
        let path = config_file(folder.path(), "broker.conf", &text, port);
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(program)
            .arg("-c")
            .arg(path)
            .stderr(log)
            .spawn()
            .unwrap();
        let logged = Self {
            child,
            port,
            folder,
        };
        wait_until("it does not start", || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        wait_until("it says nothing", || {
            logged.log().contains(" closed its connection.")
        });
        logged
    }

    fn both(config: &str) -> [Self; 2] {
        [MOSQUITTO, OURS].map(|program| Self::start(program, config))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

const OURS: &str = env!("CARGO_BIN_EXE_mqtt-broker");
const MOSQUITTO: &str = "/usr/sbin/mosquitto";

impl Drop for Logged {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_day_of_clients_reads_in_the_log_as_it_does_in_mosquittos() {
    // Each type alone but for the notices, by which it is seen how far the brokers have come.
    for types in [
        "all",
        "notice",
        "notice subscribe",
        "notice unsubscribe",
        "notice debug",
    ] {
        let lines = types.replace(' ', "\nlog_type ");
        let config = format!("allow_anonymous true\nsys_interval 0\nlog_type {lines}\n");
        let [theirs, ours] = Logged::both(&config).map(|broker| {
            walk(broker.port, || broker.log());
            broker.log()
        });
        let (ours_normal, theirs_normal) = (normal(&ours), normal(&theirs));
        assert_eq!(ours_normal.join("\n"), theirs_normal.join("\n"), "{types}");
        assert!(types != "all" || theirs_normal.len() > 70, "{theirs}");
        assert!(!ours.contains("secret"), "{ours}");
    }
}

/// What a peer sends, and what Mosquitto says of it, and we.
const UNHAPPY: &[(&[&[u8]], &str, &str)] = &[
    (
        &[b"\xc0\x00"],
        "Client <unknown> disconnected due to protocol error.",
        "Client <unknown> disconnected due to protocol error: PINGREQ before CONNECT.",
    ),
    // Mosquitto does not say who.
    (
        &[b"\x10\x1a\x00\x04MQTT\x04\xc2\x00\x3c\x00\x03bad\x00\x04fred\x00\x03wrd"],
        "Client <unknown> disconnected, not authorised.",
        "Client bad disconnected, not authorised: unknown user or wrong password (u'fred').",
    ),
    (
        &[b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04anon"],
        "Client <unknown> disconnected, not authorised.",
        "Client anon disconnected, not authorised: no user name.",
    ),
    (
        &[FRED, FRED],
        "Client fred disconnected due to protocol error.",
        "Client fred disconnected due to protocol error: a second CONNECT.",
    ),
    (
        &[FRED, b"\x36\x05\x00\x01t\x00\x01"],
        "Client fred disconnected due to malformed packet.",
        "Client fred disconnected due to malformed packet: quality of service 3 does not exist.",
    ),
    (
        &[FRED],
        "Client fred closed its connection.",
        "Client fred closed its connection.",
    ),
    (
        &[],
        "Client <unknown> closed its connection.",
        "Client <unknown> closed its connection.",
    ),
];

/// A CONNECT of fred with the password word.
const FRED: &[u8] = b"\x10\x1c\x00\x04MQTT\x04\xc2\x00\x3c\x00\x04fred\x00\x04fred\x00\x04word";

#[test]
fn what_goes_wrong_is_said_in_mosquittos_words_and_with_the_reason() {
    let passwords = tempfile::tempdir().unwrap();
    let path = passwords.path().join("passwd");
    let path = path.to_str().unwrap();
    assert!(
        run("mosquitto_passwd", &["-b", "-c", path, "fred", "word"])
            .status
            .success()
    );
    let config = format!("allow_anonymous false\npassword_file {path}\nsys_interval 0\n");
    let [mosquitto, broker] = Logged::both(&config);
    for (packets, theirs, ours) in UNHAPPY {
        let says = |broker: &Logged, expected: &str| {
            let before = broker.log().lines().count();
            let mut stream = TcpStream::connect(("127.0.0.1", broker.port)).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            for (number, packet) in packets.iter().enumerate() {
                stream.write_all(packet).unwrap();
                if number == 0 && *packet == FRED {
                    stream.read_exact(&mut [0; 4]).unwrap();
                }
            }
            // The broker may have closed it before.
            let _ = stream.shutdown(Shutdown::Write);
            // Whatever comes, to its end.
            let _ = stream.read_to_end(&mut Vec::new());
            let log = || broker.log();
            let said = || {
                log()
                    .lines()
                    .skip(before)
                    .map(normal_line)
                    .any(|line| line == expected)
            };
            wait_until(expected, said);
        };
        says(&mosquitto, theirs);
        says(&broker, ours);
    }
    let mut log = broker.log();
    log.push_str(&mosquitto.log());
    assert!(!log.contains("word\n") && !log.contains("wrd"), "{log}");
}

#[test]
fn lines_are_published_as_mosquitto_does() {
    let topics = |port: u16| {
        let port = port.to_string();
        let mut watcher = program("stdbuf")
            .args(["-oL", "mosquitto_sub", "-d", "-h", "127.0.0.1", "-p", &port])
            .args(["-t", "$SYS/broker/log/#", "-q", "2", "-i", "watcher"])
            .args(["-F", "> %t %r %q %p"])
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
        // Whether it sees its own subscription is a matter of luck.
        let mut heard = Vec::new();
        for line in lines.filter(|line| line.starts_with("> ") && !line.contains("watcher")) {
            heard.push(normal_line(&line[2..]));
            if line.contains("/unsubscribe ") {
                break;
            }
        }
        watcher.kill().unwrap();
        watcher.wait().unwrap();
        heard.join("\n")
    };
    let config = "allow_anonymous true\nsys_interval 0\nlog_type all\nlog_timestamp true\n\
                  log_timestamp_format then %%\nlog_dest topic\n";
    let [theirs, ours] = Logged::both(config).map(|broker| topics(broker.port));
    assert_eq!(ours, theirs);
    insta::assert_snapshot!(theirs, @r"
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
