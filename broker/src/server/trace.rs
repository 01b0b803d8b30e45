//! What the log says of each packet, in Mosquitto's words.

use std::fmt;

use super::closing::bit;
use super::serve::Connection;
use crate::codec::{Ack, Packet, PacketId, Publish, PublishHead, QoS};
use crate::log::LogType;
use crate::router::Message;

/// The flags of a message, its topic and its size, as in "Received PUBLISH from ID (d0, q1, …)".
pub(super) struct Trace<'a> {
    dup: bool,
    qos: QoS,
    retain: bool,
    id: u16,
    topic: &'a str,
    size: usize,
}

/// That of a message which came.
pub(super) fn of(publish: &Publish) -> Trace<'_> {
    Trace {
        dup: publish.dup,
        qos: publish.qos,
        retain: publish.retain,
        id: publish.id.map_or(0, PacketId::get),
        topic: &publish.topic,
        size: publish.payload.len(),
    }
}

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            dup,
            qos,
            retain,
            id,
            topic,
            size,
        } = self;
        write!(
            f,
            "(d{}, q{qos}, r{}, m{id}, '{topic}', ... ({size} bytes))",
            bit(*dup),
            bit(*retain)
        )
    }
}

impl Connection<'_> {
    /// A packet came.
    pub(super) fn trace_received(&self, packet: &Packet) {
        if !self.shared.log.enabled(LogType::Debug) {
            return;
        }
        let (name, id) = (packet.name(), &self.me.client.identity().client_id);
        match packet {
            Packet::Publish(publish) => {
                let trace = of(publish);
                self.shared
                    .debug(format_args!("Received PUBLISH from {id} {trace}"));
            }
            Packet::PubAck(ack) | Packet::PubComp(ack) => {
                let Ack {
                    id: number, reason, ..
                } = ack;
                let code = reason.byte();
                self.shared.debug(format_args!(
                    "Received {name} from {id} (Mid: {number}, RC:{code})"
                ));
            }
            Packet::PubRec(Ack { id: number, .. }) | Packet::PubRel(Ack { id: number, .. }) => {
                self.shared
                    .debug(format_args!("Received {name} from {id} (Mid: {number})"));
            }
            _ => self.shared.debug(format_args!("Received {name} from {id}")),
        }
    }

    /// An answer was sent.
    pub(super) fn trace_answer(&self, packet: &Packet) {
        if !self.shared.log.enabled(LogType::Debug) {
            return;
        }
        let (name, id) = (packet.name(), &self.me.client.identity().client_id);
        match packet {
            Packet::PubAck(ack) | Packet::PubRec(ack) => {
                let (number, code) = (ack.id, ack.reason.byte());
                self.shared
                    .debug(format_args!("Sending {name} to {id} (m{number}, rc{code})"));
            }
            Packet::PubRel(Ack { id: number, .. }) | Packet::PubComp(Ack { id: number, .. }) => {
                self.shared
                    .debug(format_args!("Sending {name} to {id} (m{number})"));
            }
            Packet::Disconnect(outcome) => {
                let code = outcome.reason.byte();
                self.shared
                    .debug(format_args!("Sending {name} to {id} (rc{code})"));
            }
            _ => self.shared.debug(format_args!("Sending {name} to {id}")),
        }
    }

    /// A message was sent.
    pub(super) fn trace_sent(&self, message: &Message, head: &PublishHead<'_>) {
        if !self.shared.log.enabled(LogType::Debug) {
            return;
        }
        let trace = Trace {
            dup: head.dup,
            qos: head.qos,
            retain: head.retain,
            id: head.id.map_or(0, PacketId::get),
            topic: message.topic(),
            size: message.payload().len(),
        };
        let id = &self.me.client.identity().client_id;
        self.shared
            .debug(format_args!("Sending PUBLISH to {id} {trace}"));
    }
}
