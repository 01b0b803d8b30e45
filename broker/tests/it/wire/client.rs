//! A client that sends what it is told and compares what it hears.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

use super::{Connect, Packet, Target, Version, ack, connect, disconnect, kind, ping, subscribe};
use crate::harness::PATIENCE;

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
    version: Version,
    input: Vec<u8>,
}

impl Client {
    /// Opens a connection and sends nothing.
    pub(crate) fn open(target: &Target, version: Version) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", target.port())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            version,
            input: Vec::new(),
        }
    }

    /// Opens a connection and is let in; the CONNACK comes along.
    pub(crate) fn enter(target: &Target, connect: &Connect) -> (Self, Packet) {
        let mut client = Self::open(target, connect.version());
        client.send(connect.bytes());
        let answer = client.packet();
        assert_eq!((answer.kind, answer.code()), (kind::CONNACK, 0), "{answer}");
        (client, answer)
    }

    /// The same with nothing but a client identifier.
    pub(crate) fn join(target: &Target, version: Version, id: &str) -> Self {
        Self::enter(target, &connect(version, id)).0
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The broker may be closing: what it says then is what counts.
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// The next packet, or `None` when the broker has closed the connection.
    pub(crate) fn next(&mut self) -> Option<Packet> {
        loop {
            if let Some(packet) = Packet::take(&mut self.input, self.version) {
                return Some(packet);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.input.extend(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    pub(crate) fn packet(&mut self) -> Packet {
        self.next().expect("the broker closed the connection")
    }

    /// The next packet is told like this.
    #[track_caller]
    pub(crate) fn expect(&mut self, told: &str) {
        assert_eq!(self.packet().to_string(), told);
    }

    /// The next packet is told with this beginning.
    #[track_caller]
    pub(crate) fn expect_begin(&mut self, told: &str) -> Packet {
        let packet = self.packet();
        assert!(
            packet.to_string().starts_with(told),
            "{packet} instead of {told}"
        );
        packet
    }

    /// The broker closes the connection without a word.
    #[track_caller]
    pub(crate) fn expect_closed(&mut self) {
        let packet = self.next().map(|packet| packet.to_string());
        assert_eq!(packet, None);
    }

    /// The broker closes the connection, in version 5 after a DISCONNECT with this code.
    #[track_caller]
    pub(crate) fn expect_disconnected(&mut self, code: u8) {
        if self.version == Version::V5 {
            let told = self.packet().to_string();
            assert!(
                told.starts_with(&format!("DISCONNECT {code:#04x}")),
                "{told}"
            );
        }
        self.expect_closed();
    }

    /// Everything that was on its way when this was called.
    ///
    /// A broker may answer a PINGREQ before it sends what waits for the client, but hardly the second one too,
    /// which is sent when the first was answered.
    pub(crate) fn pending(&mut self) -> Vec<Packet> {
        let mut packets = Vec::new();
        for _ in 0..2 {
            self.send(ping());
            loop {
                let packet = self.packet();
                if packet.kind == kind::PINGRESP {
                    break;
                }
                packets.push(packet);
            }
        }
        packets
    }

    /// Nothing is on its way.
    #[track_caller]
    pub(crate) fn expect_nothing(&mut self) {
        let told: Vec<_> = self.pending().iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{told:?}");
    }

    /// Subscribes with these options, is granted what they ask for, and drops what was retained.
    #[track_caller]
    pub(crate) fn subscribe(&mut self, filter: &str, options: u8) {
        self.send(subscribe(self.version, 65_000).to(filter, options).bytes());
        let answer = self.packet();
        assert_eq!(
            (answer.kind, answer.id),
            (kind::SUBACK, Some(65_000)),
            "{answer}"
        );
        assert_eq!(answer.codes, [options & 3], "{answer}");
    }

    /// The next packet is a message with this payload; it is acknowledged to its end.
    #[track_caller]
    pub(crate) fn expect_message(&mut self, payload: &str) -> Packet {
        let packet = self.packet();
        assert_eq!(packet.kind, kind::PUBLISH, "{packet}");
        assert_eq!(
            String::from_utf8_lossy(&packet.payload),
            payload,
            "{packet}"
        );
        match (packet.qos(), packet.id) {
            (1, Some(id)) => self.send(ack(kind::PUBACK, id)),
            (2, Some(id)) => {
                self.send(ack(kind::PUBREC, id));
                let release = self.packet();
                assert_eq!(
                    (release.kind, release.id),
                    (kind::PUBREL, Some(id)),
                    "{release}"
                );
                self.send(ack(kind::PUBCOMP, id));
            }
            _ => {}
        }
        packet
    }

    /// Sends a message of quality of service 1 or 2 and ends its exchange; the first answer comes back.
    #[track_caller]
    pub(crate) fn deliver(&mut self, publish: &super::Publish) -> Packet {
        self.send(publish.bytes());
        let answer = self.packet();
        let id = answer.id.unwrap();
        if answer.kind == kind::PUBREC && answer.code() < 0x80 {
            self.send(ack(kind::PUBREL, id));
            let end = self.packet();
            assert_eq!((end.kind, end.id), (kind::PUBCOMP, Some(id)), "{end}");
        }
        answer
    }

    /// Says good-bye and waits until the broker has heard it.
    pub(crate) fn leave(mut self) {
        self.send(disconnect());
        self.expect_closed();
    }

    /// Goes without a word, and waits until the broker has noticed.
    pub(crate) fn vanish(mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
        while self.next().is_some() {}
    }
}
