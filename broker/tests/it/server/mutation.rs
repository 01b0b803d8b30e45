//! Mutated packets over sockets: the process lives, serves others all the while, and takes no memory for good.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::harness::{Broker, PATIENCE};
use crate::wire::{
    Client, Property, Target, Version, Will, ack, ack_with, auth, connect, disconnect,
    disconnect_with, frame, kind, ping, property, property_id as id, publish, subscribe,
    unsubscribe,
};

/// Connections whose first packet is mutated.
const BEFORE_CONNECT: usize = 4000;
/// Connections that are let in, and how many mutated packets each sends.
const AFTER_CONNECT: usize = 6000;
const PACKETS: usize = 12;
/// How much a second round of the same may leave behind: what the allocator likes to keep.
const SLACK_KIB: usize = 16 * 1024;

/// Says what has to be said, and no more: every packet in a log would be most of the work.
const CONFIG: &str = "log_type none\nlog_type error\nlog_type warning\nlog_type information\n\
connection_messages false\nmax_packet_size 100000";

/// A small generator with a fixed seed (xorshift64*), so that every run sends the same.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % limit.max(1)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

fn all_properties() -> Vec<Property> {
    vec![
        property(id::PAYLOAD_FORMAT, 1),
        property(id::MESSAGE_EXPIRY, 100),
        property(id::CONTENT_TYPE, "text/plain"),
        property(id::RESPONSE_TOPIC, "answers"),
        property(id::CORRELATION_DATA, "data"),
        property(id::USER_PROPERTY, ("key", "value")),
        property(id::TOPIC_ALIAS, 1),
    ]
}

/// Packets that a client may begin with.
fn first_packets(version: Version) -> Vec<Vec<u8>> {
    let five = version == Version::V5;
    let plain = connect(version, "mutant");
    let mut will = Will::new("will", "gone").qos(1);
    let mut everything = plain.clone().user("user").password("password");
    if five {
        for one in [
            property(id::SESSION_EXPIRY, 2),
            property(id::RECEIVE_MAXIMUM, 5),
            property(id::MAXIMUM_PACKET_SIZE, 1000),
            property(id::TOPIC_ALIAS_MAXIMUM, 5),
            property(id::REQUEST_PROBLEM_INFO, 0),
            property(id::USER_PROPERTY, ("a", "b")),
        ] {
            everything = everything.with(one);
        }
        will = will
            .with(property(id::WILL_DELAY, 1))
            .with(property(id::CONTENT_TYPE, "x"));
    }
    let mut packets = vec![
        plain.bytes(),
        everything.will(will).bytes(),
        connect(version, "").bytes(),
    ];
    packets.push(frame(0xF0, b"\x18\x00"));
    packets
}

/// Packets that a client may send when it is connected.
fn later_packets(version: Version) -> Vec<Vec<u8>> {
    let mut packets = vec![
        publish(version, "a/b", "x").bytes(),
        publish(version, "a/b", "x".repeat(200)).qos(1, 1).bytes(),
        publish(version, "a/c", "x").qos(2, 2).bytes(),
        publish(version, "a/d", "x").retain().bytes(),
        subscribe(version, 3).to("a/+", 1).to("#", 2).bytes(),
        subscribe(version, 4).to("$share/g/a/#", 0).bytes(),
        unsubscribe(version, 5, &["a/+", "b"]),
        ping(),
        disconnect(),
    ];
    for acknowledgement in [kind::PUBACK, kind::PUBREC, kind::PUBREL, kind::PUBCOMP] {
        packets.push(ack(acknowledgement, 1));
    }
    if version == Version::V5 {
        let with_all = all_properties()
            .into_iter()
            .fold(publish(version, "a/e", "x"), crate::wire::Publish::with);
        packets.push(with_all.qos(1, 6).bytes());
        let identified = subscribe(version, 7)
            .to("a/#", 0x2E)
            .with(property(id::SUBSCRIPTION_ID, 300));
        packets.push(identified.bytes());
        let reason = [
            property(id::REASON_STRING, "so"),
            property(id::USER_PROPERTY, ("a", "b")),
        ];
        packets.push(ack_with(kind::PUBACK, 1, 0x80, &reason));
        packets.push(ack_with(kind::PUBREC, 1, 0x80, &reason));
        packets.push(disconnect_with(0x04, &[property(id::SESSION_EXPIRY, 1)]));
        packets.push(auth(
            0x18,
            &[property(id::AUTH_METHOD, "m"), property(id::AUTH_DATA, "d")],
        ));
    }
    packets
}

/// One of `packets` with a few bytes changed, cut or added; its length is made right again half the time.
fn mutated(packets: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = packets[random.below(packets.len())].clone();
    for _ in 0..=random.below(3) {
        match random.below(5) {
            0..=2 if !bytes.is_empty() => {
                let index = random.below(bytes.len());
                bytes[index] = random.byte();
            }
            3 => bytes.truncate(random.below(bytes.len() + 1)),
            _ => bytes.extend([random.byte(), random.byte()]),
        }
    }
    if bytes.len() >= 2 && random.below(2) == 0 {
        return frame(bytes[0], &bytes[2..]);
    }
    bytes
}

/// Sends everything, and reads until the broker has closed the connection.
fn play(port: u16, bytes: &[u8]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    // It may be closed before everything is sent.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut heard = [0; 4096];
    loop {
        match stream.read(&mut heard) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
            Err(error) => panic!("the broker does not close the connection: {error}; {bytes:02x?}"),
        }
    }
}

/// How many times as many connections as usual: `MQTT_MUTATIONS=7` sends a million packets a version.
fn times() -> usize {
    let times = std::env::var("MQTT_MUTATIONS").map(|times| times.parse().unwrap());
    times.unwrap_or(1)
}

/// Every connection of a round, the same in each.
fn round(port: u16, version: Version) {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (first, later) = (first_packets(version), later_packets(version));
    for _ in 0..BEFORE_CONNECT * times() {
        play(port, &mutated(&first, &mut random));
    }
    for number in 0..AFTER_CONNECT * times() {
        let mut bytes = connect(version, format!("mutant{}", number % 50)).bytes();
        for _ in 0..PACKETS {
            // Whole packets between: what has lost its length takes everything behind it with it.
            bytes.extend(mutated(&later, &mut random));
        }
        play(port, &bytes);
    }
}

/// A client that is served while it asks.
fn healthy(target: &Target, end: &AtomicBool) -> usize {
    let mut client = Client::join(target, Version::V311, "healthy");
    client.subscribe("healthy", 1);
    let mut served = 0;
    while !end.load(Ordering::Relaxed) {
        client.send(publish(Version::V311, "healthy", "x").qos(1, 1).bytes());
        let (mut acknowledged, mut heard) = (false, false);
        while !(acknowledged && heard) {
            let packet = client.packet();
            acknowledged |= packet.kind == kind::PUBACK;
            if packet.kind == kind::PUBLISH {
                assert_eq!(packet.topic, "healthy");
                client.send(ack(kind::PUBACK, packet.id.unwrap()));
                heard = true;
            }
        }
        served += 1;
        thread::yield_now();
    }
    served
}

fn survives(version: Version) {
    let target = Target::ours(CONFIG);
    let Target::Ours(broker) = &target else {
        panic!("ours is not ours")
    };
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        let healthy = scope.spawn(|| healthy(&target, &end));
        round(target.port(), version);
        let once = resident(broker);
        round(target.port(), version);
        let twice = resident(broker);
        end.store(true, Ordering::Relaxed);
        assert!(healthy.join().unwrap() > 10, "a client is served meanwhile");
        assert!(twice < once + SLACK_KIB, "from {once} to {twice} KiB");
    });
    assert!(!broker.log().contains("panicked"), "{}", broker.log());
    Client::join(&target, version, "afterwards").leave();
}

/// The memory that the broker's process has, in KiB.
fn resident(broker: &Broker) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", broker.pid())).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn mutated_packets_of_3_1_harm_nobody() {
    survives(Version::V31);
}

#[test]
fn mutated_packets_of_3_1_1_harm_nobody() {
    survives(Version::V311);
}

#[test]
fn mutated_packets_of_5_harm_nobody() {
    survives(Version::V5);
}
