//! What a client is sent: messages from its queue, and answers.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::receive::InForce;
use super::serve::Connection;
use super::settings::ListenerRules;
use crate::codec::{Packet, PacketId, PublishHead, QoS, TopicForm};
use crate::router::{Client, Delivery, Owned};
use crate::session::{InFlight, Outgoing, Stage};

/// One sending of a message.
#[derive(Clone, Copy)]
struct Sending<'a> {
    delivery: &'a Delivery,
    id: Option<PacketId>,
    dup: bool,
}

impl Connection<'_> {
    /// Sends again what was in flight, then messages from the inbox, as long as there is room for them here
    /// and at the client [MQTT-3.3.4-7].
    pub(super) fn send_waiting(
        &mut self,
        client: &Client,
        owned: &mut Owned,
        (settings, listener): InForce<'_>,
    ) {
        let outgoing = &mut owned.session.outgoing;
        let max = settings
            .max_inflight_messages
            .min(self.me.limits.receive_maximum);
        let now = Instant::now();
        self.send_again(outgoing, max, listener, now);
        let mut inbox = client.inbox();
        while self.stream.has_room() {
            let promised = outgoing.has_room(max, settings.max_inflight_bytes);
            let Some(delivery) = inbox.pop(promised, now) else {
                break;
            };
            if !self.fits(&delivery, now) {
                self.drop_too_large(&delivery);
                continue;
            }
            let id = match delivery.qos {
                QoS::AtMostOnce => None,
                QoS::AtLeastOnce | QoS::ExactlyOnce => outgoing.start(delivery.clone()),
            };
            let sending = Sending {
                delivery: &delivery,
                id,
                dup: false,
            };
            self.deliver(sending, listener, now);
        }
        self.more = !self.stream.has_room();
    }

    /// Sends again what was in flight when the client went away [MQTT-4.4.0-1], as much as it takes at a time.
    fn send_again(
        &mut self,
        outgoing: &mut Outgoing,
        max: u16,
        listener: &ListenerRules,
        now: Instant,
    ) {
        while self.stream.has_room() {
            let Some(InFlight { id, stage }) = outgoing.next_again(max) else {
                return;
            };
            let (Stage::PubAck(delivery) | Stage::PubRec(delivery)) = &stage else {
                self.send(&Packet::PubRel(id.into()));
                continue;
            };
            if !self.fits(delivery, now) {
                // The client may take less than it did on its last connection.
                self.drop_too_large(delivery);
                outgoing.abandon(id);
                continue;
            }
            let sending = Sending {
                delivery,
                id: Some(id),
                dup: true,
            };
            self.deliver(sending, listener, now);
        }
    }

    /// Whether a message is not larger than what the client takes [MQTT-3.1.2-24].
    fn fits(&self, delivery: &Delivery, now: Instant) -> bool {
        let form = TopicForm::Name {
            skip: self.mounted(),
        };
        self.is_within_limit(delivery, form, now)
    }

    fn is_within_limit(&self, delivery: &Delivery, topic: TopicForm, now: Instant) -> bool {
        let limit = self.me.limits.max_packet_size;
        if limit == u32::MAX {
            return true;
        }
        let sending = Sending {
            delivery,
            id: (delivery.qos != QoS::AtMostOnce).then_some(PacketId::MIN),
            dup: false,
        };
        let head = self.head(sending, topic, now);
        delivery.message.frame().packet_size(&head) <= limit as usize
    }

    fn head<'d>(&self, sending: Sending<'d>, topic: TopicForm, now: Instant) -> PublishHead<'d> {
        let Sending { delivery, id, dup } = sending;
        PublishHead {
            version: self.me.version,
            dup,
            qos: delivery.qos,
            retain: delivery.retain,
            id,
            expiry: delivery.message.remaining(now),
            subscriptions: delivery.numbers.as_slice(),
            topic,
        }
    }

    /// The client never gets it, as if it had been sent [MQTT-3.1.2-25].
    fn drop_too_large(&self, delivery: &Delivery) {
        self.shared.counters.dropped.fetch_add(1, Ordering::Relaxed);
        let id = &self.me.client.identity().client_id;
        self.shared.debug(format_args!(
            "Dropped PUBLISH to {id}: '{}' is larger than the client takes",
            delivery.message.topic()
        ));
    }

    fn deliver(&mut self, sending: Sending<'_>, listener: &ListenerRules, now: Instant) {
        let topic = self.topic_form(sending.delivery, listener, now);
        let head = self.head(sending, topic, now);
        let message = &sending.delivery.message;
        self.stream.outbox.publish(message.frame(), &head);
        self.trace_sent(message, &head);
    }

    /// By name, or by an alias where the client takes one more, or knows it already.
    fn topic_form(
        &mut self,
        delivery: &Delivery,
        listener: &ListenerRules,
        now: Instant,
    ) -> TopicForm {
        let skip = self.mounted();
        let limit = self
            .me
            .limits
            .topic_alias_maximum
            .min(listener.topic_alias_maximum_broker);
        let with_alias = TopicForm::NameWithAlias { skip, alias: limit };
        if limit == 0 || !self.is_within_limit(delivery, with_alias, now) {
            return TopicForm::Name { skip };
        }
        let aliases = self.aliases.get_or_insert_default();
        aliases.outgoing.form(delivery.message.topic(), skip, limit)
    }

    /// Sends an answer.
    pub(super) fn send(&mut self, packet: &Packet) {
        let limit = self.me.limits.max_packet_size as usize;
        match self
            .stream
            .outbox
            .packet_within(packet, self.me.version, limit)
        {
            Ok(true) => self.trace_answer(packet),
            // [MQTT-3.1.2-24]: it must not be sent, and without it the client waits for ever.
            Ok(false) | Err(_) => self.unanswered = true,
        }
    }
}
