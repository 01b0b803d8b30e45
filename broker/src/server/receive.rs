//! What a client sends: messages, subscriptions, and their answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;

use super::closing::Closing;
use super::mount::{mounted, mounted_filter};
use super::serve::Connection;
use super::settings::{ListenerRules, Settings};
use crate::codec::{
    Codes, MessageProperties, Outcome, Packet, PacketId, Properties, Publish, QoS, Reason,
    Subscribe, Subscription, Text, Unsubscribe, Version,
};
use crate::log::LogType;
use crate::router::{Client, Message, Owned, SessionExpiry};
use crate::session::Action;

/// The filters of a SUBSCRIBE that are dealt with in one turn: each may go through all retained messages.
const FILTERS: usize = 2;

/// A SUBSCRIBE whose filters are not all dealt with.
pub(super) struct PendingSubscribe {
    id: PacketId,
    identifier: Option<u32>,
    left: std::vec::IntoIter<Subscription>,
    reasons: Vec<Reason>,
}

impl PendingSubscribe {
    fn new(subscribe: Subscribe) -> Self {
        Self {
            id: subscribe.id,
            identifier: subscribe.identifier,
            reasons: Vec::with_capacity(subscribe.subscriptions.len()),
            left: subscribe.subscriptions.into_iter(),
        }
    }
}

/// What is in force for a packet: all of it, and the listener's part.
pub(super) type InForce<'a> = (&'a Settings, &'a ListenerRules);

impl Connection<'_> {
    /// Deals with one packet.
    pub(super) fn packet(
        &mut self,
        mut packet: Packet,
        client: &Arc<Client>,
        owned: &mut Owned,
        in_force: InForce<'_>,
    ) -> Result<(), Closing> {
        let (settings, _) = in_force;
        self.trace_received(&packet);
        // What changes a session that is saved; messages count where they go.
        if !matches!(packet, Packet::Publish(_) | Packet::PingReq) {
            self.shared.count_change_of(client);
        }
        if let Packet::Publish(publish) = &mut packet {
            self.resolve(publish, in_force)?;
        }
        let rules = self.rules(in_force);
        let step = owned
            .session
            .receive(packet, rules)
            .map_err(Closing::Protocol)?;
        let reply = match step.action {
            Action::Nothing => step.reply,
            Action::Publish(publish) => {
                let (qos, id) = (publish.qos, publish.id);
                let reason = self.publish(&publish, client, settings);
                owned.session.settle(qos, id, reason, rules.version)
            }
            Action::Subscribe(subscribe) => {
                let pending = Box::new(PendingSubscribe::new(subscribe));
                self.go_on(pending, client, owned, in_force);
                None
            }
            Action::Unsubscribe(unsubscribe) => Some(self.unsubscribe(&unsubscribe, client, owned)),
            Action::Disconnect(outcome) => return Err(disconnect(&outcome, client, settings)),
        };
        if let Some(reply) = reply {
            self.send(&reply);
        }
        Ok(())
    }

    /// Puts the topic name in where an alias stands for it.
    fn resolve(&mut self, publish: &mut Publish, in_force: InForce<'_>) -> Result<(), Closing> {
        if publish.properties.alias.is_none() {
            return Ok(());
        }
        let limit = self.terms(in_force).topic_alias_maximum;
        let aliases = self.aliases.get_or_insert_default();
        aliases
            .incoming
            .resolve(publish, limit)
            .map_err(Closing::Protocol)
    }

    /// Passes a message on, if its publisher may.
    fn publish(&mut self, publish: &Publish, client: &Client, settings: &Settings) -> Reason {
        let id = &client.identity().client_id;
        let refuse = |reason: Reason, what: &str| {
            let trace = super::trace::of(publish);
            self.shared
                .debug(format_args!("{what} PUBLISH from {id} {trace}"));
            reason
        };
        let Some(topic) = mounted(self.mount_point(), &publish.topic) else {
            return refuse(Reason::TopicNameInvalid, "Dropped");
        };
        if !settings.may_write(client.listener(), client.identity(), &topic) {
            return refuse(Reason::NotAuthorized, "Denied");
        }
        if publish.payload.len() > settings.max_payload {
            return refuse(Reason::QuotaExceeded, "Dropped too large");
        }
        // For want of memory no further topic is kept; the message itself goes its way.
        let retain = publish.retain
            && settings.retain_available
            && (!self.shared.is_short_of_memory.load(Ordering::Relaxed)
                || self.shared.router.has_retained(&topic));
        let (properties, kind) = (&publish.properties, (publish.qos, retain));
        let Some(message) = message(&topic, properties, &publish.payload, kind, client) else {
            return refuse(Reason::QuotaExceeded, "Dropped too large");
        };
        let routed = self.shared.publish(&message, Some(client), settings);
        self.crowded |= routed.crowded;
        if routed.has_matched() {
            Reason::Success
        } else {
            Reason::NoMatchingSubscribers
        }
    }

    /// Goes on with a SUBSCRIBE, and answers it when its last filter was dealt with.
    pub(super) fn go_on(
        &mut self,
        mut pending: Box<PendingSubscribe>,
        client: &Arc<Client>,
        owned: &mut Owned,
        in_force: InForce<'_>,
    ) {
        for _ in 0..FILTERS {
            let Some(subscription) = pending.left.next() else {
                let answer = Codes {
                    id: pending.id,
                    reasons: pending.reasons,
                    properties: Properties::NONE,
                };
                return self.send(&Packet::SubAck(answer));
            };
            let reason = self.subscribe(subscription, pending.identifier, client, owned, in_force);
            pending.reasons.push(reason);
        }
        self.pending = Some(pending);
    }

    fn subscribe(
        &self,
        subscription: Subscription,
        identifier: Option<u32>,
        client: &Arc<Client>,
        owned: &mut Owned,
        in_force: InForce<'_>,
    ) -> Reason {
        let (settings, _) = in_force;
        let id = &client.identity().client_id;
        let Subscription {
            filter,
            mut options,
        } = subscription;
        options.qos = options.qos.min(self.terms(in_force).max_qos);
        let qos = options.qos;
        self.shared.debug(format_args!("\t{filter} (QoS {qos})"));
        let refused = match mounted_filter(self.mount_point(), &filter) {
            None => Reason::TopicFilterInvalid,
            Some(filter) if !settings.may_subscribe(client, &filter) => Reason::NotAuthorized,
            Some(filter) if !self.has_room(owned, &filter) => Reason::QuotaExceeded,
            Some(filter) => {
                self.shared
                    .log
                    .log(LogType::Subscribe, format_args!("{id} {qos} {filter}"));
                let subscription = Subscription { filter, options };
                self.shared.router.subscribe(
                    client,
                    owned,
                    &subscription,
                    identifier,
                    settings.delivery,
                    settings,
                );
                return Reason::granted(qos);
            }
        };
        self.shared
            .debug(format_args!("Refused {filter} to {id}: {refused}"));
        // Version 3.1 has no code for a refusal: it is granted, and brings nothing.
        if self.me.version == Version::V31 {
            return Reason::granted(qos);
        }
        refused
    }

    /// Whether one more subscription can be taken on.
    fn has_room(&self, owned: &Owned, filter: &str) -> bool {
        let short = self.shared.is_short_of_memory.load(Ordering::Relaxed);
        owned.subscriptions().has(filter) || !short && owned.subscriptions().has_room_for(filter)
    }

    /// Answered even if no filter was subscribed to [MQTT-3.10.4-5].
    fn unsubscribe(&self, unsubscribe: &Unsubscribe, client: &Client, owned: &mut Owned) -> Packet {
        let id = &client.identity().client_id;
        let mut reasons = Vec::with_capacity(unsubscribe.filters.len());
        for filter in &unsubscribe.filters {
            self.shared.debug(format_args!("\t{filter}"));
            self.shared
                .log
                .log(LogType::Unsubscribe, format_args!("{id} {filter}"));
            let had = mounted_filter(self.mount_point(), filter)
                .is_some_and(|filter| self.shared.router.unsubscribe(client, owned, &filter));
            reasons.push(if had {
                Reason::Success
            } else {
                Reason::NoSubscriptionExisted
            });
        }
        Packet::UnsubAck(Codes {
            id: unsubscribe.id,
            reasons,
            properties: Properties::NONE,
        })
    }
}

/// A message or a will as its client sent it, with its quality of service and whether it is to be kept; `None` if it is
/// too large for a packet.
pub(super) fn message(
    topic: &Text,
    properties: &MessageProperties,
    payload: &Bytes,
    (qos, retain): (QoS, bool),
    client: &Client,
) -> Option<Arc<Message>> {
    let message = Message::new(topic, &properties.forwarded, payload, qos, retain)?
        .expiring(properties.expires(Instant::now()))
        .published_by(retain.then(|| client.as_source()));
    Some(Arc::new(message))
}

/// The client goes, and may say anew how long its session is to stay.
fn disconnect(outcome: &Outcome, client: &Client, settings: &Settings) -> Closing {
    if let Some(seconds) = outcome.properties.session_expiry() {
        client.set_expiry(settings.session_expiry(SessionExpiry(seconds)));
    }
    Closing::Disconnect(outcome.reason)
}
