//! A client that sends exactly what it is told, through the codec or past it.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use broker::codec::{
    Codes, ConnAck, Connect, Limits, MessageProperties, Packet, PacketId, Properties, Publish, QoS,
    Reason, Subscribe, Subscription, SubscriptionOptions, Text, Version, decode, encode,
};
use bytes::{Bytes, BytesMut};

use super::{Broker, PATIENCE};

pub(crate) struct Raw {
    stream: TcpStream,
    input: BytesMut,
    /// The version that it announced, or 3.1.1 before it did.
    version: Version,
}

pub(crate) fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

pub(crate) fn id(id: u16) -> PacketId {
    PacketId::new(id).unwrap()
}

/// A CONNECT of version 3.1.1 without anything special.
pub(crate) fn connect(client_id: &str, clean_session: bool) -> Connect {
    Connect {
        version: Version::V311,
        bridge: false,
        clean_start: clean_session,
        keep_alive: 60,
        client_id: text(client_id),
        will: None,
        username: None,
        password: None,
        properties: Properties::NONE,
    }
}

/// One of version 5.
pub(crate) fn connect_5(client_id: &str, clean_start: bool) -> Connect {
    Connect {
        version: Version::V5,
        ..connect(client_id, clean_start)
    }
}

/// A message; with quality of service 0 the identifier is left out.
pub(crate) fn message(topic: &str, payload: &str, qos: QoS, number: u16) -> Publish {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: text(topic),
        id: (qos != QoS::AtMostOnce).then(|| id(number)),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        properties: MessageProperties::default(),
    }
}

impl Raw {
    pub(crate) fn open(broker: &Broker) -> Self {
        Self::open_at(broker.port())
    }

    /// Opens a connection to another of its listeners.
    pub(crate) fn open_at(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            input: BytesMut::new(),
            version: Version::V311,
        }
    }

    /// Opens a connection and is let in; returns whether there was a session.
    pub(crate) fn login(broker: &Broker, connect: Connect) -> (Self, bool) {
        let (client, answer) = Self::greet(broker, connect);
        (client, answer.session_present)
    }

    /// The same, with all that the broker answers.
    pub(crate) fn greet(broker: &Broker, connect: Connect) -> (Self, ConnAck) {
        let mut client = Self::open(broker);
        let answer = client.introduce(broker, connect);
        (client, answer)
    }

    /// Is let in by a connection that is open.
    pub(crate) fn log_in(mut self, broker: &Broker, connect: Connect) -> (Self, bool) {
        let present = self.introduce(broker, connect).session_present;
        (self, present)
    }

    fn introduce(&mut self, broker: &Broker, connect: Connect) -> ConnAck {
        self.send(&Packet::Connect(Box::new(connect)));
        match self.receive() {
            Packet::ConnAck(answer) if answer.reason == Reason::Success => answer,
            other => panic!("not accepted but {other:?}: {}", broker.log()),
        }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Says that nothing more will be sent.
    pub(crate) fn end(&mut self) {
        self.stream.shutdown(std::net::Shutdown::Write).unwrap();
    }

    /// Reads so many bytes and forgets them.
    pub(crate) fn take(&mut self, count: u64) {
        let mut part = (&mut self.stream).take(count);
        std::io::copy(&mut part, &mut std::io::sink()).unwrap();
    }

    pub(crate) fn send(&mut self, packet: &Packet) {
        if let Packet::Connect(connect) = packet {
            self.version = connect.version;
        }
        let mut bytes = BytesMut::new();
        encode(packet, self.version, &mut bytes).unwrap();
        self.bytes(&bytes);
    }

    pub(crate) fn publish(&mut self, publish: Publish) {
        self.send(&Packet::Publish(publish));
    }

    /// Subscribes and returns the answer; messages that come before it are an error.
    pub(crate) fn subscribe(&mut self, filter: &str, qos: QoS) -> Codes {
        self.subscribe_with(filter, qos, None)
    }

    /// The same with options and a subscription identifier, which version 5 has.
    pub(crate) fn subscribe_with(
        &mut self,
        filter: &str,
        options: impl Into<SubscriptionOptions>,
        identifier: Option<u32>,
    ) -> Codes {
        let subscriptions = vec![Subscription {
            filter: text(filter),
            options: options.into(),
        }];
        self.send(&Packet::Subscribe(Subscribe {
            id: id(9999),
            subscriptions,
            identifier,
            properties: Properties::NONE,
        }));
        match self.receive() {
            Packet::SubAck(ack) => ack,
            other => panic!("{other:?} before the SUBACK"),
        }
    }

    /// The next packet, or `None` if the broker has closed the connection.
    pub(crate) fn try_receive(&mut self) -> Option<Packet> {
        loop {
            if let Some(packet) = decode(&mut self.input, Limits::default(), self.version).unwrap()
            {
                return Some(packet);
            }
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.input.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing came: {error}"),
            }
        }
    }

    pub(crate) fn receive(&mut self) -> Packet {
        self.try_receive()
            .expect("the broker closed the connection")
    }

    pub(crate) fn receive_message(&mut self) -> Publish {
        match self.receive() {
            Packet::Publish(publish) => publish,
            other => panic!("{other:?} instead of a message"),
        }
    }

    /// Takes the answer to a message with identifier 1 that was just published, and ends its exchange.
    pub(crate) fn expect_answer(&mut self, qos: QoS) {
        match qos {
            QoS::AtMostOnce => self.expect_nothing(),
            QoS::AtLeastOnce => assert_eq!(self.receive(), Packet::PubAck(id(1).into())),
            QoS::ExactlyOnce => {
                assert_eq!(self.receive(), Packet::PubRec(id(1).into()));
                self.send(&Packet::PubRel(id(1).into()));
                assert_eq!(self.receive(), Packet::PubComp(id(1).into()));
            }
        }
    }

    /// Nothing but the answer to a PINGREQ is on its way.
    ///
    /// The first one may be answered before what waits for the client is sent, the second one may not.
    pub(crate) fn expect_nothing(&mut self) {
        for _ in 0..2 {
            self.send(&Packet::PingReq);
            assert_eq!(self.receive(), Packet::PingResp);
        }
    }
}
