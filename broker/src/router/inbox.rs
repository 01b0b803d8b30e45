//! What waits to be sent to one client.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::message::Delivery;
use super::rules::DeliveryRules;
use crate::codec::QoS;

/// What became of a message that was put into a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It waits.
    Queued,
    /// It waits, and more than half of the room is taken: whoever sends more does well to wait for the reader.
    Crowded,
    /// There is no room.
    Dropped,
    /// The client is away, and the message not worth keeping.
    Unwanted,
}

/// How long publishers are asked to wait for a reader. One that has not caught up by then is slow, and pays for that
/// with its own messages.
const PATIENCE: Duration = Duration::from_secs(1);

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
    /// When the first of them expires; that may be gone already.
    next_expiry: Option<Instant>,
    dropped: u64,
    /// Since when more than half of the room has been taken.
    crowded_since: Option<Instant>,
    reader: Option<Arc<Notify>>,
}

impl Inbox {
    /// Puts a message at the end and wakes the reader, if there is one.
    pub fn push(&mut self, delivery: Delivery, limits: DeliveryRules) -> Pushed {
        let promised = delivery.qos != QoS::AtMostOnce;
        let worth_it = promised || self.reader.is_some() || limits.qos0_offline;
        let size = delivery.message.frame().size();
        if !worth_it {
            return Pushed::Unwanted;
        }
        if self.is_full(size, limits) {
            self.forget_expired();
        }
        if promised {
            self.make_room(size, limits);
        }
        if self.is_full(size, limits) {
            self.dropped += 1;
            return Pushed::Dropped;
        }
        self.put(delivery);
        self.wake();
        if self.is_crowded(limits) {
            Pushed::Crowded
        } else {
            Pushed::Queued
        }
    }

    fn put(&mut self, delivery: Delivery) {
        self.bytes += delivery.message.frame().size();
        let expires = delivery.message.expires();
        self.next_expiry = self.next_expiry.into_iter().chain(expires).min();
        let place = self.next_place;
        self.next_place += 1;
        let queue = if delivery.qos == QoS::AtMostOnce {
            &mut self.casual
        } else {
            &mut self.promised
        };
        queue.push_back((place, delivery));
    }

    /// Makes room by what is of no use any more.
    fn forget_expired(&mut self) {
        let now = Instant::now();
        if self.next_expiry.is_none_or(|first| now < first) {
            return;
        }
        self.filter(|delivery| !delivery.message.has_expired(now));
        self.next_expiry = self
            .promised
            .iter()
            .chain(&self.casual)
            .filter_map(|entry| entry.1.message.expires())
            .min();
    }

    /// Whether more than half of the room is taken, and the reader may still catch up: it had not the time to.
    fn is_crowded(&mut self, limits: DeliveryRules) -> bool {
        let waiting = self.promised.len() + self.casual.len();
        let caught_up = waiting <= limits.messages / 8 && self.bytes <= limits.bytes / 8;
        if caught_up || self.reader.is_none() {
            // Only who has caught up is waited for anew: who never does is slow.
            self.crowded_since = None;
            return false;
        }
        if waiting <= limits.messages / 2 && self.bytes <= limits.bytes / 2 {
            return false;
        }
        let since = *self.crowded_since.get_or_insert_with(Instant::now);
        since.elapsed() < PATIENCE
    }

    /// How many more retained messages may wait if at most `limit` of them may.
    pub fn room_for_retained(&self, limit: usize) -> usize {
        limit.saturating_sub(self.retained.len())
    }

    /// Puts retained messages before all others: what is live is newer.
    pub fn push_retained(&mut self, deliveries: impl IntoIterator<Item = Delivery>) {
        self.retained.extend(deliveries);
        self.wake();
    }

    /// Puts back a message that waited before a restart, whatever the limits are now.
    pub fn restore(&mut self, delivery: Delivery) {
        self.put(delivery);
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
        self.crowded_since = None;
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

    /// Whether one more message of `size` bytes has room.
    pub fn has_room(&self, size: usize, limits: DeliveryRules) -> bool {
        !self.is_full(size, limits)
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

    fn has_queued(pushed: Pushed) -> bool {
        matches!(pushed, Pushed::Queued | Pushed::Crowded)
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
            assert!(has_queued(inbox.push(delivery(payload, qos), LIMITS)));
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
            assert!(has_queued(
                inbox.push(delivery(payload, QoS::AtLeastOnce), LIMITS)
            ));
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
        assert!(has_queued(
            inbox.push(delivery("larger than all", QoS::AtLeastOnce), limits)
        ));
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
        inbox.push_retained(["a", "b"].map(|payload| delivery(payload, QoS::AtMostOnce)));
        assert_eq!(drain(&mut inbox, true), ["a", "b", "live"]);
    }

    #[test]
    fn a_reader_that_may_catch_up_is_waited_for() {
        let limits = DeliveryRules {
            messages: 4,
            ..LIMITS
        };
        let mut inbox = online();
        let push = |inbox: &mut Inbox| inbox.push(delivery("x", QoS::AtLeastOnce), limits);
        assert_eq!([push(&mut inbox), push(&mut inbox)], [Pushed::Queued; 2]);
        assert_eq!(push(&mut inbox), Pushed::Crowded);
        inbox.crowded_since = Instant::now().checked_sub(PATIENCE);
        assert_eq!(push(&mut inbox), Pushed::Queued, "it is slow");
        inbox.detach(limits);
        inbox.pop(true, Instant::now());
        assert_eq!(push(&mut inbox), Pushed::Queued, "it is not there");
    }

    #[test]
    fn what_is_of_no_use_any_more_keeps_nothing_out() {
        let mut inbox = online();
        let now = Instant::now();
        for _ in 0..LIMITS.messages {
            let mut old = delivery("old", QoS::AtLeastOnce);
            let message = Message::clone(&old.message).expiring(Some(now));
            old.message = Arc::new(message);
            assert!(has_queued(inbox.push(old, LIMITS)));
        }
        assert!(has_queued(
            inbox.push(delivery("new", QoS::AtLeastOnce), LIMITS)
        ));
        assert_eq!(drain(&mut inbox, true), ["new"]);
    }
}
