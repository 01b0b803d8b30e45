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
    window: VecDeque<Entry>,
    bytes: usize,
    last_id: u16,
    /// Entries that were not sent on the connection of now.
    unsent: usize,
    /// All entries before this one were.
    next: usize,
}

#[derive(Debug)]
struct Entry {
    message: InFlight,
    /// It was sent on the connection of now, or its PUBREL was.
    sent: bool,
}

impl Outgoing {
    /// Whether one more may be sent when at most so many messages and bytes may be in flight.
    ///
    /// The bytes are counted before it is sent: one message is let out however large it is. What is to be sent
    /// again comes first.
    pub fn has_room(&self, max_messages: u16, max_bytes: usize) -> bool {
        self.unsent == 0 && self.window.len() < usize::from(max_messages) && self.bytes < max_bytes
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
        self.put(InFlight { id, stage }, true);
        Some(id)
    }

    /// A PUBACK came. Says whether it was due.
    pub fn acknowledge(&mut self, id: PacketId) -> bool {
        self.finish(id, |stage| matches!(stage, Stage::PubAck(_)))
    }

    /// A PUBREC came. Says whether it was due.
    pub fn receive(&mut self, id: PacketId) -> bool {
        let found = self.window.iter_mut().find(|entry| entry.message.id == id);
        let Some(entry) = found else {
            return false;
        };
        let due = !matches!(entry.message.stage, Stage::PubAck(_));
        if due {
            self.bytes -= entry.message.stage.size();
            entry.message.stage = Stage::PubComp;
            // The PUBREL goes out now, as the answer.
            self.unsent -= usize::from(!entry.sent);
            entry.sent = true;
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

    /// All that is in flight, in the order it was sent first.
    pub fn window(&self) -> impl Iterator<Item = &InFlight> {
        self.window.iter().map(|entry| &entry.message)
    }

    /// The client has a new connection: all is to be sent again [MQTT-4.4.0-1].
    pub fn rewind(&mut self) {
        for entry in &mut self.window {
            entry.sent = false;
        }
        self.unsent = self.window.len();
        self.next = 0;
    }

    /// The next that is to be sent again, in the order of the first time [MQTT-4.6.0-1], if at most so many
    /// messages may be on their way at a time. It counts as sent from now on.
    pub fn next_again(&mut self, max_messages: u16) -> Option<InFlight> {
        let sent = self.window.len() - self.unsent;
        if self.unsent == 0 || sent >= usize::from(max_messages) {
            return None;
        }
        let rest = self.window.iter_mut().enumerate().skip(self.next);
        let (index, entry) = rest.into_iter().find(|(_, entry)| !entry.sent)?;
        self.next = index + 1;
        entry.sent = true;
        self.unsent -= 1;
        Some(entry.message.clone())
    }

    /// Gives up a message that the client can't take.
    pub fn abandon(&mut self, id: PacketId) {
        self.finish(id, |_| true);
    }

    /// Puts back a message that was in flight before a restart.
    pub fn restore(&mut self, message: InFlight) {
        self.put(message, false);
    }

    fn put(&mut self, message: InFlight, sent: bool) {
        self.last_id = message.id.get();
        self.bytes += message.stage.size();
        self.unsent += usize::from(!sent);
        self.window.push_back(Entry { message, sent });
    }

    fn finish(&mut self, id: PacketId, due: impl Fn(&Stage) -> bool) -> bool {
        // Clients acknowledge in order, so this is the first one nearly always.
        let Some(index) = self
            .window
            .iter()
            .position(|entry| entry.message.id == id && due(&entry.message.stage))
        else {
            return false;
        };
        if let Some(entry) = self.window.remove(index) {
            self.bytes -= entry.message.stage.size();
            // A late answer to what was sent on an earlier connection counts too.
            self.unsent -= usize::from(!entry.sent);
            self.next -= usize::from(index < self.next);
        }
        if self.window.is_empty() {
            // A client that is idle keeps no memory for the burst it once had.
            self.window = VecDeque::new();
        }
        true
    }

    /// The next identifier that is not in use, if any [MQTT-2.2.1-3].
    fn free_id(&self) -> Option<PacketId> {
        let ids = (1..=u16::MAX).map(|step| self.last_id.wrapping_add(step));
        let mut free = ids
            .filter_map(PacketId::new)
            .filter(|id| self.window.iter().all(|entry| entry.message.id != *id));
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
    fn an_answer_from_before_counts_though_the_message_was_not_sent_again() {
        let mut outgoing = Outgoing::default();
        let ids: Vec<_> = (0..3)
            .map(|_| outgoing.start(delivery(QoS::AtLeastOnce)).unwrap())
            .collect();
        outgoing.rewind();
        assert_eq!(outgoing.next_again(1).unwrap().id, ids[0]);
        assert!(outgoing.next_again(1).is_none(), "one is on its way");
        for id in [ids[2], ids[0]] {
            assert!(outgoing.acknowledge(id));
        }
        assert!(!outgoing.has_room(10, usize::MAX), "one is to come again");
        assert_eq!(outgoing.next_again(1).unwrap().id, ids[1]);
        assert!(outgoing.acknowledge(ids[1]));
        assert!(outgoing.has_room(1, usize::MAX));
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
