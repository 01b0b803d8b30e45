//! Ten thousand random questions to a real Mosquitto and to this broker, over MQTT: the same answers.
//!
//! A case is an ACL file, a user name, a client identifier, a topic and an access. They come in batches: for each of
//! 50 files each broker is started once, ten clients log in to it, and each reads and writes ten topics: 10,000
//! cases, 200 to a file. What a client writes, a probe with all rights must or must not get; what the probe
//! writes, each client must or must not get. Nothing waits for time to pass: a PINGRESP comes after all that was sent
//! before it.
//!
//! Files, names and topics are made from few words, so that they meet. Left out is what version 2.1 decides otherwise
//! than Debian's 2.0, and we as 2.1 does: `%u` and `%c` that are a part of a level, and names with a slash in them.
//!
//! The seed is fixed; `ACL_SEED=N` asks another ten thousand.

#![expect(clippy::panic, reason = "in a test a panic is the report")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use broker::acl::{Access, Acl, AclFile};

use crate::harness::Broker;
use crate::support::{Mosquitto, write};

const FILES: usize = 50;
const CLIENTS: usize = 10;
const TOPICS: usize = 10;

/// The levels of topics and filters. The names in them are users and clients too.
const LEVELS: [&str; 10] = ["a", "b", "c", "", "fred", "jane", "phone", "x y", "é", "%u"];
const USERS: [&str; 8] = ["fred", "jane", "a", "x y", "é", "+", "a#b", "stranger"];
const CLIENT_IDS: [&str; 14] = [
    "phone", "tablet", "a", "b", "fred", "jane", "x y", "é", "+", "#", "a+", "%u", "c", "id",
];

/// A generator of numbers (`SplitMix64`), so that every run asks the same.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed >> 33).unwrap() % limit
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// True once in so many times.
    fn rarely(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Somebody who asks.
#[derive(Debug, Clone, Copy)]
struct Identity {
    user: Option<&'static str>,
    id: &'static str,
}

/// An ACL file, and what is asked about it.
struct Batch {
    acl: String,
    clients: Vec<Identity>,
    topics: Vec<String>,
}

/// Number of the client, number of the topic, and what it wants.
type Case = (usize, usize, &'static str);

impl Batch {
    fn random(random: &mut Random) -> Self {
        let mut acl = String::new();
        for _ in 0..16 + random.below(24) {
            acl.push_str(&line(random));
            acl.push('\n');
        }
        // Who sees and writes everything. No pattern has a say in it: a user's own lines come first.
        acl.push_str("user probe\ntopic #\ntopic $x/#\n");
        let mut ids = CLIENT_IDS.to_vec();
        let clients = (0..CLIENTS).map(|_| Identity {
            user: (!random.rarely(5)).then(|| random.one(&USERS)),
            id: ids.remove(random.below(ids.len())),
        });
        let clients = clients.collect();
        let mut topics = BTreeSet::new();
        while topics.len() < TOPICS {
            topics.insert(topic(random));
        }
        Self {
            acl,
            clients,
            topics: topics.into_iter().collect(),
        }
    }

    /// What our own code decides without a network.
    fn ours(&self) -> BTreeSet<Case> {
        let acl = Acl::from(&AclFile::parse(&self.acl).unwrap());
        let mut allowed = BTreeSet::new();
        for (number, who) in self.clients.iter().enumerate() {
            for (place, topic) in self.topics.iter().enumerate() {
                for (access, word) in [(Access::Read, "read"), (Access::Write, "write")] {
                    if acl.check(who.user, who.id, topic, access) {
                        allowed.insert((number, place, word));
                    }
                }
            }
        }
        allowed
    }

    fn describe(&self, (client, topic, access): Case) -> String {
        let (who, topic) = (&self.clients[client], &self.topics[topic]);
        format!("{access} {topic:?} by {who:?} under\n{}", self.acl)
    }
}

fn topic(random: &mut Random) -> String {
    let mut levels = Vec::new();
    if random.rarely(8) {
        levels.push("$x");
    }
    for _ in 0..=random.below(3) {
        levels.push(random.one(&LEVELS));
    }
    let topic = levels.join("/");
    if topic.is_empty() {
        "/".to_owned()
    } else {
        topic
    }
}

/// A line that both brokers take.
fn line(random: &mut Random) -> String {
    match random.below(16) {
        0 => "# a comment".to_owned(),
        1 => " ".repeat(random.below(3)),
        2..=4 => format!(
            "user {}{}",
            random.one(&USERS[..7]),
            random.one(&["", " ", "  "])
        ),
        5..=7 => rule("pattern", &["%u", "%c", "a", "b", "fred", "+", ""], random),
        _ => rule("topic", &LEVELS, random),
    }
}

fn rule(kind: &str, levels: &[&str], random: &mut Random) -> String {
    let mut filter = Vec::new();
    if random.rarely(10) {
        filter.push("$x");
    }
    for _ in 0..=random.below(3) {
        filter.push(if random.rarely(3) {
            "+"
        } else {
            random.one(levels)
        });
    }
    if random.rarely(3) {
        filter.push("#");
    }
    let filter = filter.join("/");
    // What begins with a blank or ends in one would be cut: no filter here does.
    let filter = if filter.is_empty() { "/" } else { &filter };
    let access = random.one(&["read", "write", "readwrite", "readwrite", "deny", ""]);
    // Without an access word a filter can't have a space in it.
    let access = if filter.contains(' ') && access.is_empty() {
        "readwrite"
    } else {
        access
    };
    let blanks = random.one(&[" ", "  "]);
    let end = random.one(&["", "", " "]);
    if access.is_empty() {
        format!("{kind}{blanks}{filter}{end}")
    } else {
        format!("{kind} {access}{blanks}{filter}{end}")
    }
}

/// A client of version 3.1.1 that knows the few packets that are needed here.
struct Client {
    stream: TcpStream,
    /// Payloads that came since they were last taken.
    received: Vec<String>,
}

impl Client {
    fn connect(port: u16, who: Identity) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut client = Self {
            stream,
            received: Vec::new(),
        };
        let flags = 0x02 | if who.user.is_some() { 0x80 } else { 0 };
        let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', 4, flags, 0, 60];
        field(&mut body, who.id);
        who.user.iter().for_each(|user| field(&mut body, user));
        client.send(0x10, &body);
        assert_eq!(client.until(0x20), [0, 0], "{who:?} is not let in");
        // `#` leaves out what begins with `$`.
        let mut body = vec![0, 1];
        for filter in ["#", "$x/#"] {
            field(&mut body, filter);
            body.push(0);
        }
        client.send(0x82, &body);
        client.until(0x90);
        client
    }

    fn send(&mut self, kind: u8, body: &[u8]) {
        let mut packet = vec![kind];
        let mut length = body.len();
        loop {
            let digit = u8::try_from(length % 128).unwrap();
            length /= 128;
            packet.push(if length > 0 { digit | 0x80 } else { digit });
            if length == 0 {
                break;
            }
        }
        packet.extend(body);
        self.stream.write_all(&packet).unwrap();
    }

    /// Publishes and waits until the broker has passed it on.
    fn publish(&mut self, topic: &str, payload: &str) {
        let mut body = Vec::new();
        field(&mut body, topic);
        body.extend([0, 2]);
        body.extend(payload.as_bytes());
        self.send(0x32, &body);
        self.until(0x40);
    }

    /// Takes what has come once everything that was on its way is there.
    fn take(&mut self) -> Vec<String> {
        // What is passed on by another task may be written after the first answer, not after the second.
        for _ in 0..2 {
            self.send(0xc0, &[]);
            self.until(0xd0);
        }
        std::mem::take(&mut self.received)
    }

    /// Reads packets until one of this kind, and returns its body. Messages are put aside.
    fn until(&mut self, kind: u8) -> Vec<u8> {
        loop {
            let mut first = [0];
            self.stream.read_exact(&mut first).unwrap();
            let (mut length, mut factor) = (0, 1);
            loop {
                let mut digit = [0];
                self.stream.read_exact(&mut digit).unwrap();
                length += usize::from(digit[0] & 0x7f) * factor;
                factor *= 128;
                if digit[0] & 0x80 == 0 {
                    break;
                }
            }
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).unwrap();
            match first[0] {
                other if other == kind => return body,
                0x30 => {
                    let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
                    let payload = body[2 + topic..].to_vec();
                    self.received.push(String::from_utf8(payload).unwrap());
                }
                other => panic!("a packet {other:#x} instead of {kind:#x}"),
            }
        }
    }
}

fn field(body: &mut Vec<u8>, text: &str) {
    body.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    body.extend(text.as_bytes());
}

/// What the broker on this port allows.
fn ask(port: u16, batch: &Batch) -> BTreeSet<Case> {
    let mut probe = Client::connect(
        port,
        Identity {
            user: Some("probe"),
            id: "probe",
        },
    );
    let clients = batch.clients.iter();
    let mut clients: Vec<_> = clients.map(|who| Client::connect(port, *who)).collect();
    let mut allowed = BTreeSet::new();
    for (place, topic) in batch.topics.iter().enumerate() {
        probe.publish(topic, &place.to_string());
    }
    for (number, client) in clients.iter_mut().enumerate() {
        for place in client.take() {
            allowed.insert((number, place.parse().unwrap(), "read"));
        }
    }
    probe.take();
    for (number, client) in clients.iter_mut().enumerate() {
        for (place, topic) in batch.topics.iter().enumerate() {
            client.publish(topic, &format!("{number} {place}"));
        }
    }
    for pair in probe.take() {
        let (number, place) = pair.split_once(' ').unwrap();
        allowed.insert((number.parse().unwrap(), place.parse().unwrap(), "write"));
    }
    allowed
}

const CONFIG: &str = "allow_anonymous true\nset_tcp_nodelay true\nacl_file {folder}/acl";

#[test]
fn ten_thousand_random_questions_are_answered_as_by_a_real_mosquitto() {
    let seed = std::env::var("ACL_SEED").ok();
    let seed = seed.map_or(20_241_124, |seed| seed.parse().unwrap());
    let mut random = Random(seed);
    let mut tally = BTreeMap::new();
    for number in 0..FILES {
        let batch = Batch::random(&mut random);
        let folder = tempfile::tempdir().unwrap();
        write(folder.path().join("acl"), &batch.acl);
        let config = format!("listener @PORT@ 127.0.0.1\n{CONFIG}\n");
        let config = config.replace("{folder}", folder.path().to_str().unwrap());
        let mosquitto = Mosquitto::start(folder.path(), &config).unwrap();
        let theirs = ask(mosquitto.port, &batch);
        drop(mosquitto);
        let broker = Broker::start_in(folder, CONFIG);
        let over_mqtt = ask(broker.port(), &batch);
        for (other, name) in [(over_mqtt, "over MQTT"), (batch.ours(), "in our code")] {
            let different: Vec<_> = theirs.symmetric_difference(&other).copied().collect();
            let first = different.first().map(|case| batch.describe(*case));
            assert_eq!(
                first,
                None,
                "seed {seed}, file {number}: {name}, {} of 200 cases differ: {different:?}",
                different.len()
            );
        }
        for (_, _, access) in theirs {
            *tally.entry(access).or_insert(0) += 1;
        }
    }
    // Neither answer is rare, or the questions would be worth little.
    let half = FILES * CLIENTS * TOPICS;
    for (access, allowed) in &tally {
        assert!(
            *allowed > half / 10 && *allowed < half * 9 / 10,
            "{access}: {allowed} of {half} are allowed"
        );
    }
    assert_eq!(tally.len(), 2, "{tally:?}");
}
