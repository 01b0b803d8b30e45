//! The messages that a client has been sent and has not yet acknowledged.

use std::collections::VecDeque;

use crate::codec::{PacketId, QoS};
use crate::router::Delivery;

/// What the client has to answer next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// A PUBACK, or the message is sent again.
    PubAck(Delivery),
    /// A PUBREC, or the message is sent again.
    PubRec(Delivery),
    /// A PUBCOMP, or the PUBREL is sent again. The client has the message: it is not kept.
    PubComp,
}

impl Stage {
    /// The bytes of the message, as long as it is kept.
    fn size(&self) -> usize {
        match self {
            Self::PubAck(delivery) | Self::PubRec(delivery) => delivery.message.frame().size(),
            Self::PubComp => 0,
        }
    }
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// Its packet identifier.
    pub id: PacketId,
    /// How far it has come.
    pub stage: Stage,
}

/// The messages in flight, in the order they were first sent.
#[derive(Debug, Default)]
pub struct Outgoing {
    window: VecDeque<InFlight>,
    bytes: usize,
    last_id: u16,
}

impl Outgoing {
    /// Whether one more may be sent when at most so many messages and bytes may be in flight.
    ///
    /// The bytes are counted before it is sent: one message is let out however large it is.
    pub fn has_room(&self, max_messages: u16, max_bytes: usize) -> bool {
        self.window.len() < usize::from(max_messages) && self.bytes < max_bytes
    }

    /// Takes a message of quality of service 1 or 2 into flight, under an identifier that no other has.
    ///
    /// Returns `None` for quality of service 0, which has no identifier.
    pub fn start(&mut self, delivery: Delivery) -> Option<PacketId> {
        let id = self.free_id()?;
        let stage = match delivery.qos {
            QoS::AtMostOnce => return None,
            QoS::AtLeastOnce => Stage::PubAck(delivery),
            QoS::ExactlyOnce => Stage::PubRec(delivery),
        };
        self.restore(InFlight { id, stage });
        Some(id)
    }

    /// A PUBACK came. Says whether it was due.
    pub fn acknowledge(&mut self, id: PacketId) -> bool {
        self.finish(id, |stage| matches!(stage, Stage::PubAck(_)))
    }

    /// A PUBREC came. Says whether it was due.
    pub fn receive(&mut self, id: PacketId) -> bool {
        let Some(entry) = self.window.iter_mut().find(|entry| entry.id == id) else {
            return false;
        };
        let due = !matches!(entry.stage, Stage::PubAck(_));
        if due {
            self.bytes -= entry.stage.size();
            entry.stage = Stage::PubComp;
        }
        due
    }

    /// A PUBREC came that refuses the message. Says whether it was due.
    pub fn refuse(&mut self, id: PacketId) -> bool {
        self.finish(id, |stage| matches!(stage, Stage::PubRec(_)))
    }

    /// A PUBCOMP came. Says whether it was due.
    pub fn complete(&mut self, id: PacketId) -> bool {
        self.finish(id, |stage| matches!(stage, Stage::PubComp))
    }

    /// What to send again when the client is back, in the order it was sent first [MQTT-4.4.0-1], [MQTT-4.6.0-1].
    pub fn window(&self) -> impl Iterator<Item = &InFlight> {
        self.window.iter()
    }

    /// Puts back a message that was in flight before a restart.
    pub fn restore(&mut self, entry: InFlight) {
        self.last_id = entry.id.get();
        self.bytes += entry.stage.size();
        self.window.push_back(entry);
    }

    fn finish(&mut self, id: PacketId, due: impl Fn(&Stage) -> bool) -> bool {
        // Clients acknowledge in order, so this is the first one nearly always.
        let Some(index) = self
            .window
            .iter()
            .position(|entry| entry.id == id && due(&entry.stage))
        else {
            return false;
        };
        if let Some(entry) = self.window.remove(index) {
            self.bytes -= entry.stage.size();
        }
        if self.window.is_empty() {
            // A client that is idle keeps no memory for the burst it once had.
            self.window = VecDeque::new();
        }
        true
    }

    /// The next identifier that is not in use, if any [MQTT-2.3.1-2], [MQTT-2.3.1-4].
    fn free_id(&self) -> Option<PacketId> {
        let ids = (1..=u16::MAX).map(|step| self.last_id.wrapping_add(step));
        let mut free = ids
            .filter_map(PacketId::new)
            .filter(|id| self.window.iter().all(|entry| entry.id != *id));
        free.next()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::codec::{Forwarded, Text};
    use crate::router::{Message, Numbers};

    fn delivery(qos: QoS) -> Delivery {
        let topic = Text::new("t").unwrap();
        let message = Message::new(&topic, &Forwarded::default(), &Bytes::new(), qos, false);
        Delivery {
            message: Arc::new(message.unwrap()),
            qos,
            retain: false,
            numbers: Numbers::None,
        }
    }

    #[test]
    fn an_identifier_in_use_is_not_given_again() {
        let mut outgoing = Outgoing {
            last_id: u16::MAX - 1,
            ..Outgoing::default()
        };
        let ids: Vec<_> = (0..3)
            .map(|_| outgoing.start(delivery(QoS::AtLeastOnce)).unwrap().get())
            .collect();
        assert_eq!(ids, [u16::MAX, 1, 2]);
        outgoing.last_id = u16::MAX;
        assert_eq!(outgoing.start(delivery(QoS::AtLeastOnce)).unwrap().get(), 3);
    }

    #[test]
    fn quality_of_service_2_takes_three_answers_and_keeps_the_message_for_one() {
        let mut outgoing = Outgoing::default();
        let id = outgoing.start(delivery(QoS::ExactlyOnce)).unwrap();
        assert!(!outgoing.acknowledge(id), "a PUBACK is not due");
        assert!(!outgoing.complete(id), "a PUBCOMP is not due yet");
        assert!(outgoing.receive(id));
        assert_eq!(outgoing.window().next().unwrap().stage, Stage::PubComp);
        assert!(outgoing.receive(id), "a repeated PUBREC is answered again");
        assert!(outgoing.complete(id));
        assert!(!outgoing.complete(id));
    }

    #[test]
    fn the_window_is_bounded() {
        let mut outgoing = Outgoing::default();
        assert!(outgoing.has_room(1, usize::MAX));
        outgoing.start(delivery(QoS::AtLeastOnce)).unwrap();
        assert!(!outgoing.has_room(1, usize::MAX));
        assert!(outgoing.has_room(2, 2), "one byte is in flight, the topic");
        assert!(!outgoing.has_room(2, 1));
    }
}
