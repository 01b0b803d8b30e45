//! What a client sends: messages, subscriptions, and their answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::closing::Closing;
use super::mount::{mounted, mounted_filter};
use super::serve::Connection;
use super::settings::{ListenerRules, Settings};
use crate::codec::{
    Codes, Outcome, Packet, Properties, Publish, Reason, Subscribe, Subscription, Unsubscribe,
};
use crate::log::LogType;
use crate::router::{Client, Message, Owned, SessionExpiry};
use crate::session::Action;

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
        let (settings, listener) = in_force;
        self.trace_received(&packet);
        if packet != Packet::PingReq {
            self.shared.counters.changes.fetch_add(1, Ordering::Relaxed);
        }
        if let Packet::Publish(publish) = &mut packet {
            self.resolve(publish, listener)?;
        }
        let rules = self.rules(settings, listener);
        let step = owned
            .session
            .receive(packet, rules)
            .map_err(Closing::Protocol)?;
        let reply = match step.action {
            Action::Nothing => step.reply,
            Action::Publish(publish) => {
                let (qos, id) = (publish.qos, publish.id);
                let reason = self.publish(&publish, client, in_force);
                owned.session.settle(qos, id, reason, rules.version)
            }
            // Retained messages go through the inbox: they come after the SUBACK.
            Action::Subscribe(subscribe) => {
                Some(self.subscribe(subscribe, client, owned, in_force))
            }
            Action::Unsubscribe(unsubscribe) => {
                Some(self.unsubscribe(&unsubscribe, client, owned, listener))
            }
            Action::Disconnect(outcome) => return Err(disconnect(&outcome, client, settings)),
        };
        if let Some(reply) = reply {
            self.send(&reply);
        }
        Ok(())
    }

    /// Puts the topic name in where an alias stands for it.
    fn resolve(&mut self, publish: &mut Publish, listener: &ListenerRules) -> Result<(), Closing> {
        if publish.properties.alias.is_none() {
            return Ok(());
        }
        let aliases = self.aliases.get_or_insert_default();
        aliases
            .incoming
            .resolve(publish, listener.topic_alias_maximum)
            .map_err(Closing::Protocol)
    }

    /// Passes a message on, if its publisher may.
    fn publish(
        &self,
        publish: &Publish,
        client: &Client,
        (settings, listener): InForce<'_>,
    ) -> Reason {
        let id = &client.identity().client_id;
        let refuse = |reason: Reason, what: &str| {
            let trace = super::trace::of(publish);
            self.shared
                .debug(format_args!("{what} PUBLISH from {id} {trace}"));
            reason
        };
        let Some(topic) = mounted(&listener.mount_point, &publish.topic) else {
            return refuse(Reason::TopicNameInvalid, "Dropped");
        };
        if !settings.may_write(client.listener(), client.identity(), &topic) {
            return refuse(Reason::NotAuthorized, "Denied");
        }
        if publish.payload.len() > settings.max_payload {
            return refuse(Reason::QuotaExceeded, "Dropped too large");
        }
        let retain = publish.retain && settings.retain_available;
        let properties = &publish.properties;
        let message = Message::new(
            &topic,
            &properties.forwarded,
            &publish.payload,
            publish.qos,
            retain,
        );
        let Some(message) = message else {
            return refuse(Reason::QuotaExceeded, "Dropped too large");
        };
        let message = message
            .expiring(properties.expires(Instant::now()))
            .published_by(retain.then(|| client.as_source()));
        let routed = self
            .shared
            .publish(&Arc::new(message), Some(client), settings);
        if routed.queued == 0 {
            Reason::NoMatchingSubscribers
        } else {
            Reason::Success
        }
    }

    fn subscribe(
        &self,
        subscribe: Subscribe,
        client: &Arc<Client>,
        owned: &mut Owned,
        (settings, listener): InForce<'_>,
    ) -> Packet {
        let id = &client.identity().client_id;
        let mut reasons = Vec::with_capacity(subscribe.subscriptions.len());
        for Subscription { filter, options } in subscribe.subscriptions {
            let mut options = options;
            options.qos = Self::served(listener, options.qos);
            let qos = options.qos;
            self.shared.debug(format_args!("\t{filter} (QoS {qos})"));
            let Some(filter) = mounted_filter(&listener.mount_point, &filter) else {
                reasons.push(Reason::TopicFilterInvalid);
                continue;
            };
            if !settings.may_subscribe(client, &filter) {
                reasons.push(Reason::NotAuthorized);
                continue;
            }
            self.shared
                .log
                .log(LogType::Subscribe, format_args!("{id} {qos} {filter}"));
            let subscription = Subscription { filter, options };
            self.shared.router.subscribe(
                client,
                owned,
                &subscription,
                subscribe.identifier,
                settings.delivery,
                settings,
            );
            reasons.push(Reason::granted(qos));
        }
        Packet::SubAck(Codes {
            id: subscribe.id,
            reasons,
            properties: Properties::NONE,
        })
    }

    /// Answered even if no filter was subscribed to [MQTT-3.10.4-5].
    fn unsubscribe(
        &self,
        unsubscribe: &Unsubscribe,
        client: &Client,
        owned: &mut Owned,
        listener: &ListenerRules,
    ) -> Packet {
        let id = &client.identity().client_id;
        let mut reasons = Vec::with_capacity(unsubscribe.filters.len());
        for filter in &unsubscribe.filters {
            self.shared.debug(format_args!("\t{filter}"));
            self.shared
                .log
                .log(LogType::Unsubscribe, format_args!("{id} {filter}"));
            let had = mounted_filter(&listener.mount_point, filter)
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

/// The client goes, and may say anew how long its session is to stay.
fn disconnect(outcome: &Outcome, client: &Client, settings: &Settings) -> Closing {
    if let Some(seconds) = outcome.properties.session_expiry() {
        client.set_expiry(settings.session_expiry(SessionExpiry(seconds)));
    }
    Closing::Disconnect(outcome.reason)
}
