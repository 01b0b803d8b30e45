//! What waits to be sent to one client.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;

use super::message::Delivery;
use crate::codec::QoS;

/// How messages are handed to clients, and how much may wait for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryRules {
    /// Messages (`max_queued_messages`).
    pub messages: usize,
    /// Bytes of topics and payloads (`max_queued_bytes`).
    pub bytes: usize,
    /// Whether quality of service 0 waits for a client that is away (`queue_qos0_messages`).
    pub qos0_offline: bool,
    /// Whether a message goes out with its subscription's quality of service even where that is higher than
    /// its own (`upgrade_outgoing_qos`).
    pub upgrade_qos: bool,
    /// Whether a client gets a message once for each of its subscriptions that match, not once in all
    /// (`allow_duplicate_messages`).
    pub duplicates: bool,
}

impl DeliveryRules {
    /// The quality of service that a message goes out with [MQTT-3.8.4-6].
    pub fn qos(&self, published: QoS, subscribed: QoS) -> QoS {
        if self.upgrade_qos {
            subscribed
        } else {
            published.min(subscribed)
        }
    }
}

/// What became of a message that was put into a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It waits.
    Queued,
    /// There is no room.
    Dropped,
    /// The client is away, and the message not worth keeping.
    Unwanted,
}

/// The queue of one client: bounded in messages and in bytes.
///
/// When it is full, messages of quality of service 0 make room for those that were promised to arrive, the
/// oldest first; only then is something else refused.
#[derive(Debug, Default)]
pub struct Inbox {
    /// Retained messages for new subscriptions. They are in memory anyway, so they don't count; see
    /// [`push_retained`](Self::push_retained) for their bound.
    retained: VecDeque<Delivery>,
    /// Quality of service 1 and 2, each with the place it has among all.
    promised: VecDeque<(u64, Delivery)>,
    /// Quality of service 0, likewise.
    casual: VecDeque<(u64, Delivery)>,
    next_place: u64,
    bytes: usize,
    dropped: u64,
    reader: Option<Arc<Notify>>,
}

impl Inbox {
    /// Puts a message at the end and wakes the reader, if there is one.
    pub fn push(&mut self, delivery: Delivery, limits: DeliveryRules) -> Pushed {
        let promised = delivery.qos != QoS::AtMostOnce;
        let worth_it = promised || self.reader.is_some() || limits.qos0_offline;
        let size = delivery.message.frame().size();
        if promised {
            self.make_room(size, limits);
        }
        if !worth_it {
            return Pushed::Unwanted;
        }
        if self.is_full(size, limits) {
            self.dropped += 1;
            return Pushed::Dropped;
        }
        self.bytes += size;
        let place = self.next_place;
        self.next_place += 1;
        let queue = if promised {
            &mut self.promised
        } else {
            &mut self.casual
        };
        queue.push_back((place, delivery));
        self.wake();
        Pushed::Queued
    }

    /// Puts retained messages before all others: what is live is newer.
    ///
    /// At most `limit` of them wait, so that a client can't pile them up by subscribing again and again.
    pub fn push_retained(&mut self, deliveries: impl IntoIterator<Item = Delivery>, limit: usize) {
        let room = limit.saturating_sub(self.retained.len());
        self.retained.extend(deliveries.into_iter().take(room));
        self.wake();
    }

    /// Takes the next message; `promised` says whether one of quality of service 1 or 2 can be sent now.
    ///
    /// Messages come in the order they were put in. Only when the client has to acknowledge first do those of
    /// quality of service 0 overtake the others.
    /// What has become of no use while it waited is left out [MQTT-3.3.2-5].
    pub fn pop(&mut self, promised: bool, now: Instant) -> Option<Delivery> {
        loop {
            let delivery = self.pop_any(promised)?;
            if !delivery.message.has_expired(now) {
                return Some(delivery);
            }
        }
    }

    fn pop_any(&mut self, promised: bool) -> Option<Delivery> {
        let sendable = |next: &Delivery| promised || next.qos == QoS::AtMostOnce;
        if self.retained.front().is_some_and(sendable) {
            return self.retained.pop_front();
        }
        let promised_place = self
            .promised
            .front()
            .filter(|_| promised)
            .map(|entry| entry.0);
        let casual_place = self.casual.front().map(|entry| entry.0);
        let queue = match (promised_place, casual_place) {
            (None, None) => return None,
            (Some(first), Some(second)) if first < second => &mut self.promised,
            (Some(_), None) => &mut self.promised,
            (_, Some(_)) => &mut self.casual,
        };
        let (_, delivery) = queue.pop_front()?;
        self.bytes -= delivery.message.frame().size();
        self.give_memory_back();
        Some(delivery)
    }

    /// Keeps only what `wanted` says yes to.
    pub fn filter(&mut self, mut wanted: impl FnMut(&Delivery) -> bool) {
        self.retained.retain(&mut wanted);
        for queue in [&mut self.promised, &mut self.casual] {
            queue.retain(|(_, delivery)| {
                let keep = wanted(delivery);
                if !keep {
                    self.bytes -= delivery.message.frame().size();
                }
                keep
            });
        }
    }

    /// A reader has come; it is woken when there is something to take.
    pub fn attach(&mut self, reader: Arc<Notify>) {
        if let Some(before) = self.reader.replace(reader) {
            before.notify_one();
        }
    }

    /// The reader has gone, and with it what is not worth keeping.
    pub fn detach(&mut self, limits: DeliveryRules) {
        self.reader = None;
        if !limits.qos0_offline {
            while self.drop_casual() {}
        }
        self.retained
            .retain(|delivery| delivery.qos != QoS::AtMostOnce);
        self.retained.shrink_to_fit();
        self.give_memory_back();
    }

    /// Whether there is a reader.
    pub fn is_attached(&self) -> bool {
        self.reader.is_some()
    }

    /// Wakes the reader without a message, so that it looks around.
    pub fn wake(&self) {
        if let Some(reader) = &self.reader {
            reader.notify_one();
        }
    }

    /// What waits with quality of service 1 or 2, in order.
    pub fn promised(&self) -> impl Iterator<Item = &Delivery> {
        let retained = self
            .retained
            .iter()
            .filter(|delivery| delivery.qos != QoS::AtMostOnce);
        retained.chain(self.promised.iter().map(|entry| &entry.1))
    }

    /// How many messages wait, and the bytes of their topics and payloads; retained ones that are on their way to
    /// a new subscription are not among them.
    pub fn waiting(&self) -> (usize, usize) {
        (self.promised.len() + self.casual.len(), self.bytes)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.retained.is_empty() && self.promised.is_empty() && self.casual.is_empty()
    }

    /// How many messages found no room, ever.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn is_full(&self, size: usize, limits: DeliveryRules) -> bool {
        let waiting = self.promised.len() + self.casual.len();
        // One message is let in however large it is: its size was checked when it came.
        waiting >= limits.messages || (waiting > 0 && self.bytes + size > limits.bytes)
    }

    fn make_room(&mut self, size: usize, limits: DeliveryRules) {
        while self.is_full(size, limits) && self.drop_casual() {
            self.dropped += 1;
        }
    }

    fn drop_casual(&mut self) -> bool {
        let Some((_, delivery)) = self.casual.pop_front() else {
            return false;
        };
        self.bytes -= delivery.message.frame().size();
        true
    }

    /// An idle client keeps no memory for the burst it once had.
    fn give_memory_back(&mut self) {
        for queue in [&mut self.promised, &mut self.casual] {
            if queue.is_empty() && queue.capacity() > 16 {
                *queue = VecDeque::new();
            }
        }
        if self.retained.is_empty() && self.retained.capacity() > 16 {
            self.retained = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::message::{Message, Numbers};
    use super::*;
    use crate::codec::{Forwarded, Text};

    const LIMITS: DeliveryRules = DeliveryRules {
        messages: 3,
        bytes: 100,
        qos0_offline: false,
        upgrade_qos: false,
        duplicates: false,
    };

    fn delivery(payload: &'static str, qos: QoS) -> Delivery {
        let topic = Text::new("t").unwrap();
        let message = Message::new(
            &topic,
            &Forwarded::default(),
            &Bytes::from_static(payload.as_bytes()),
            qos,
            false,
        )
        .unwrap();
        Delivery {
            message: Arc::new(message),
            qos,
            retain: false,
            numbers: Numbers::None,
        }
    }

    fn drain(inbox: &mut Inbox, promised: bool) -> Vec<String> {
        std::iter::from_fn(|| inbox.pop(promised, Instant::now()))
            .map(|delivery| String::from_utf8(delivery.message.payload().to_vec()).unwrap())
            .collect()
    }

    fn online() -> Inbox {
        let mut inbox = Inbox::default();
        inbox.attach(Arc::new(Notify::new()));
        inbox
    }

    #[test]
    fn messages_come_out_in_the_order_they_went_in() {
        let mut inbox = online();
        for (payload, qos) in [
            ("a", QoS::AtMostOnce),
            ("b", QoS::AtLeastOnce),
            ("c", QoS::AtMostOnce),
        ] {
            assert_eq!(inbox.push(delivery(payload, qos), LIMITS), Pushed::Queued);
        }
        assert_eq!(drain(&mut inbox, true), ["a", "b", "c"]);
    }

    #[test]
    fn a_client_that_has_to_acknowledge_first_still_gets_quality_of_service_0() {
        let mut inbox = online();
        inbox.push(delivery("promised", QoS::ExactlyOnce), LIMITS);
        inbox.push(delivery("casual", QoS::AtMostOnce), LIMITS);
        assert_eq!(drain(&mut inbox, false), ["casual"]);
        assert_eq!(drain(&mut inbox, true), ["promised"]);
    }

    #[test]
    fn a_full_queue_gives_up_quality_of_service_0_first() {
        let mut inbox = online();
        for payload in ["a", "b", "c", "lost"] {
            inbox.push(delivery(payload, QoS::AtMostOnce), LIMITS);
        }
        for payload in ["1", "2", "3"] {
            assert_eq!(
                inbox.push(delivery(payload, QoS::AtLeastOnce), LIMITS),
                Pushed::Queued
            );
        }
        assert_eq!(
            inbox.push(delivery("4", QoS::AtLeastOnce), LIMITS),
            Pushed::Dropped
        );
        assert_eq!(inbox.dropped(), 5);
        assert_eq!(drain(&mut inbox, true), ["1", "2", "3"]);
        assert_eq!(inbox.bytes, 0);
    }

    #[test]
    fn a_queue_is_bounded_in_bytes() {
        let mut inbox = online();
        let limits = DeliveryRules { bytes: 6, ..LIMITS };
        assert_eq!(
            inbox.push(delivery("larger than all", QoS::AtLeastOnce), limits),
            Pushed::Queued
        );
        assert_eq!(
            inbox.push(delivery("x", QoS::AtLeastOnce), limits),
            Pushed::Dropped
        );
    }

    #[test]
    fn what_is_not_promised_does_not_wait_for_a_client_that_is_away() {
        let mut inbox = online();
        inbox.push(delivery("casual", QoS::AtMostOnce), LIMITS);
        inbox.push(delivery("promised", QoS::AtLeastOnce), LIMITS);
        inbox.detach(LIMITS);
        assert_eq!(
            inbox.push(delivery("later", QoS::AtMostOnce), LIMITS),
            Pushed::Unwanted
        );
        assert_eq!(drain(&mut inbox, true), ["promised"]);
    }

    #[test]
    fn retained_messages_come_before_live_ones_and_are_bounded() {
        let mut inbox = online();
        inbox.push(delivery("live", QoS::AtMostOnce), LIMITS);
        inbox.push_retained(
            ["a", "b", "c"].map(|payload| delivery(payload, QoS::AtMostOnce)),
            2,
        );
        assert_eq!(drain(&mut inbox, true), ["a", "b", "live"]);
    }
}
