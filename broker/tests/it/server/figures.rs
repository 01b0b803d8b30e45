//! What the broker says of itself, beside what Mosquitto says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use broker::codec::QoS;

use super::logging::wait_until;
use crate::harness::{Broker, PATIENCE, Raw, Subscriber, connect, message, publish};
use crate::support::{Mosquitto, free_port, program};

/// What counts what came from clients: the same for the same clients, whoever counts.
const RECEIVED: &[&str] = &[
    "publish/messages/received",
    "publish/bytes/received",
    "messages/received",
    "bytes/received",
];

/// A client that keeps what it hears below `$SYS/broker/`; killed when dropped.
struct Watcher {
    child: Child,
    heard: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Watcher {
    fn start(port: u16) -> Self {
        let mut command = program("stdbuf");
        command.args([
            "-oL",
            "mosquitto_sub",
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
        ]);
        command.args(["-i", "watcher", "-t", "$SYS/#", "-F", "%t\t%p"]);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let heard = Arc::new(Mutex::new(BTreeMap::new()));
        let (stdout, theirs) = (child.stdout.take().unwrap(), Arc::clone(&heard));
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let (topic, value) = line.split_once('\t').unwrap();
                let topic = topic.strip_prefix("$SYS/broker/").unwrap();
                theirs
                    .lock()
                    .unwrap()
                    .insert(topic.to_owned(), value.to_owned());
            }
        });
        Self { child, heard }
    }

    fn heard(&self) -> BTreeMap<String, String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The shape of a value: digits as 0, and as many of them as there are before a point as one.
fn shape(value: &str) -> String {
    let mut shape = String::new();
    for c in value.chars() {
        let c = if c.is_ascii_digit() { '0' } else { c };
        if !(c == '0' && shape.ends_with('0') && !shape.contains('.')) {
            shape.push(c);
        }
    }
    shape
}

#[test]
fn every_topic_of_mosquitto_is_there_in_the_same_form_and_counts_the_same() {
    let config = "allow_anonymous true\nsys_interval 1\n";
    let folder = tempfile::tempdir().unwrap();
    let mosquitto = Mosquitto::start(
        folder.path(),
        &format!("listener @PORT@ 127.0.0.1\n{config}"),
    )
    .unwrap();
    let broker = Broker::start(config);
    let watchers = [mosquitto.port, broker.port()].map(|port| {
        let watcher = Watcher::start(port);
        wait_until("there is no tree", || watcher.heard().len() > 40);
        // Mosquitto 2.0 does not count those of quality of service 2.
        for (id, qos) in [("p0", "0"), ("p1", "1")] {
            let mut client = program("mosquitto_pub");
            client.args([
                "-h",
                "127.0.0.1",
                "-p",
                &port.to_string(),
                "-i",
                id,
                "-q",
                qos,
            ]);
            assert!(
                client
                    .args(["-t", "a/topic", "-m", "a payload"])
                    .status()
                    .unwrap()
                    .success()
            );
        }
        watcher
    });
    for topic in RECEIVED {
        let values = || {
            watchers
                .each_ref()
                .map(|watcher| watcher.heard()[*topic].clone())
        };
        wait_until(topic, || values()[0] != "0" && values()[0] == values()[1]);
    }
    let [theirs, ours] = watchers.each_ref().map(Watcher::heard);
    assert_eq!(theirs["publish/messages/received"], "2");
    assert!(theirs.len() > 45, "{theirs:#?}");
    for (topic, value) in theirs.iter().filter(|(topic, _)| *topic != "version") {
        let our_value = ours.get(topic).map_or("missing", String::as_str);
        assert_eq!(
            shape(our_value),
            shape(value),
            "{topic}: {our_value} and {value}"
        );
    }
}

#[test]
fn the_tree_begins_when_a_reload_asks_for_it() {
    let broker = Broker::start("allow_anonymous true\nsys_interval 0");
    let watcher = Subscriber::start(&broker, &["-t", "$SYS/broker/uptime"]);
    broker.reconfigure("allow_anonymous true\nsys_interval 1");
    broker.signal("HUP");
    assert!(watcher.message().ends_with(" seconds"));
}

/// A broker with a port for its figures.
fn with_metrics() -> (Broker, u16) {
    let port = free_port();
    let config = format!(
        "allow_anonymous true\nsys_interval 0\nlistener {port} 127.0.0.1\nprotocol metrics"
    );
    (Broker::start(&config), port)
}

/// Sends `request`, and returns all that comes until the connection is closed.
fn exchange(port: u16, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // It may have been cut off before it is through.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn page(port: u16) -> String {
    let answer = exchange(port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains("\r\nContent-Type: text/plain; version=0.0.4"),
        "{head}"
    );
    assert!(
        head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())),
        "{head}"
    );
    body.to_owned()
}

fn figure(page: &str, name: &str) -> u64 {
    let prefix = format!("mqtt_broker_{name} ");
    let line = page.lines().find_map(|line| line.strip_prefix(&prefix));
    line.unwrap_or_else(|| panic!("no {name} in {page}"))
        .parse()
        .unwrap()
}

#[test]
fn every_packet_and_byte_is_counted_once() {
    let (broker, port) = with_metrics();
    // A CONNECT of 17 bytes and a CONNACK of 4.
    let (mut reader, _) = Raw::login(&broker, connect("abc", false));
    // 8 bytes and 5.
    reader.subscribe("t", QoS::AtLeastOnce);
    let (mut writer, _) = Raw::login(&broker, connect("def", true));
    // 2 + 3 + 10 bytes out, and the same in.
    writer.publish(message("t", "0123456789", QoS::AtMostOnce, 0));
    reader.receive_message();
    // 2 bytes and 2, twice.
    writer.expect_nothing();
    // 2 + 3 + 2 + 4 bytes, and 4 back.
    writer.publish(message("t", "4321", QoS::AtLeastOnce, 7));
    writer.receive();
    // 11 bytes to the reader, which does not acknowledge.
    reader.receive_message();

    let expected = [
        ("packets_received_total", 7),
        ("packets_sent_total", 8),
        ("publishes_received_total", 2),
        ("publishes_sent_total", 2),
        ("publish_received_bytes_total", 14),
        ("publish_sent_bytes_total", 14),
        ("received_bytes_total", 2 * 17 + 8 + 15 + 2 * 2 + 11),
        ("sent_bytes_total", 2 * 4 + 5 + 15 + 2 * 2 + 4 + 11),
        ("connects_total", 2),
        ("connects_refused_total", 0),
        ("connections_total", 2),
        ("connections", 2),
        ("clients_connected", 2),
        ("sessions", 2),
        ("subscriptions", 1),
        ("messages_in_flight", 1),
        ("messages_queued", 0),
        ("publishes_dropped_total", 0),
    ];
    // What a client has received is counted a moment later.
    let wrong = || {
        let page = page(port);
        let right = |&(name, number): &(&str, u64)| figure(&page, name) == number;
        let wrong: Vec<_> = expected.into_iter().filter(|entry| !right(entry)).collect();
        wrong
            .iter()
            .map(|(name, _)| format!("{name} {}", figure(&page, name)))
            .collect::<Vec<_>>()
    };
    if !wrong().is_empty() {
        thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(wrong(), [""; 0]);
}

#[test]
fn prometheus_own_parser_reads_every_figure() {
    let (broker, port) = with_metrics();
    publish(
        &broker,
        &[
            "-t",
            "a\"b\\c",
            "-q",
            "1",
            "-m",
            "x",
            "-r",
            "-i",
            "client-\"id\"",
        ],
    );
    let page = page(port);
    assert!(!page.contains("client-"), "{page}");
    // The system's own: ci/setup installs the parser for it.
    let script = "import sys\n\
        from prometheus_client.parser import text_string_to_metric_families as read\n\
        for family in read(sys.stdin.read()):\n\
        \x20   assert family.documentation and family.type in ('counter', 'gauge'), family\n\
        \x20   for sample in family.samples:\n\
        \x20       assert family.type != 'counter' or sample.name.endswith('_total'), sample\n\
        \x20       print(sample.name, int(sample.value))\n";
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(page.as_bytes())
        .unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{page}");
    let read = String::from_utf8(output.stdout).unwrap();
    let values = page.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(read.lines().count(), values, "{read}\n{page}");
    assert!(
        values > 25 && read.contains("mqtt_broker_publishes_received_total 1\n"),
        "{read}"
    );
}

#[test]
fn what_is_no_request_for_figures_gets_none() {
    let (broker, port) = with_metrics();
    let status = |request: &[u8]| exchange(port, request).lines().next().map(str::to_owned);
    let is = |text: &str| Some(text.to_owned());
    let endless = [b"GET /metrics HTTP/1.1\r\nX: ".as_slice(), &[b'x'; 8192]].concat();
    assert_eq!(
        status(&endless),
        is("HTTP/1.1 431 Request Header Fields Too Large")
    );
    assert_eq!(
        status(b"POST /metrics HTTP/1.1\r\nHost: x\r\n\r\nbody"),
        is("HTTP/1.1 405 Method Not Allowed")
    );
    assert_eq!(
        status(b"GET /other HTTP/1.0\r\n\r\n"),
        is("HTTP/1.1 404 Not Found")
    );
    assert_eq!(
        status(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00\r\n\r\n"),
        is("HTTP/1.1 400 Bad Request")
    );
    // Whoever says nothing is left without an answer, and in nobody's way.
    let silent = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert!(page(port).contains("mqtt_broker_connections 0\n"));
    let mut left = Vec::new();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!((&silent).read_to_end(&mut left).unwrap(), 0);
    // Nor does the port for clients answer.
    assert_eq!(
        exchange(broker.port(), b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
        ""
    );
    assert!(
        !broker.log().contains(&format!("on port {port}.\nNew")),
        "{}",
        broker.log()
    );
}

#[test]
fn figures_are_encrypted_where_the_configuration_asks_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let authority = crate::harness::Certificates::new();
    authority.write_authority(folder.path(), "ca");
    authority.write_server(folder.path(), "server");
    let port = free_port();
    let config = format!(
        "allow_anonymous true\nlistener {port} 127.0.0.1\nprotocol metrics\n\
         certfile {{folder}}/server.crt\nkeyfile {{folder}}/server.key"
    );
    let broker = Broker::start_in(folder, &config);
    let mut client = program("timeout")
        .args([
            "20",
            "openssl",
            "s_client",
            "-quiet",
            "-verify_return_error",
            "-connect",
        ])
        .arg(format!("127.0.0.1:{port}"))
        .arg("-CAfile")
        .arg(broker.folder().join("ca.crt"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = client.stdin.take().unwrap();
    stdin.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    client
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    client.wait().unwrap();
    assert!(
        text.ends_with("mqtt_broker_log_lines_lost_total 0\n"),
        "{text}"
    );
}

#[test]
fn the_list_in_the_manual_is_that_of_the_code() {
    let page = include_str!("../../../SYS.md");
    let (_, list) = page.split_once("\n\n| ").unwrap();
    let manual = broker::server::manual();
    assert!(
        manual == format!("| {list}"),
        "the table in broker/SYS.md is not that of server/figures.rs, which is:\n{manual}"
    );
}

#[test]
fn the_service_manager_knows_how_many_clients_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = |wanted: &str| loop {
        let mut text = [0; 256];
        let count = manager.recv(&mut text).unwrap();
        if text[..count].starts_with(wanted.as_bytes()) {
            break;
        }
    };
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let broker = Broker::start_with(folder, "allow_anonymous true", &environment);
    told("STATUS=0 clients connected, 0 away\n");
    let (client, _) = Raw::login(&broker, connect("stays", false));
    told("STATUS=1 client connected, 0 away\n");
    drop(client);
    told("STATUS=0 clients connected, 1 away\n");
}
