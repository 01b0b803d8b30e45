//! The way of a message to everybody who has subscribed to it.

use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError};

use super::client::Client;
use super::inbox::Pushed;
use super::message::{Delivery, Message, Numbers};
use super::registry::{AccessCheck, Router, Subscriber};
use super::rules::DeliveryRules;
use super::subscription::Granted;

/// What became of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Routed {
    /// Clients whose queue has it.
    pub queued: usize,
    /// Clients whose queue had no room.
    pub dropped: usize,
    /// A queue has more than half of its room taken, and its reader is about to catch up.
    pub crowded: bool,
}

impl Routed {
    /// Whether anybody has subscribed to it.
    pub const fn has_matched(&self) -> bool {
        self.queued > 0 || self.dropped > 0
    }
}

impl Router {
    /// Passes a message on, and keeps it if its publisher wants that.
    ///
    /// A client with several subscriptions that match gets it once, with the highest quality of service of
    /// them and all their identifiers, or once for each, as the rules say [MQTT-3.3.4-2]. Of those who share
    /// a subscription one gets it [MQTT-4.8.2-4].
    pub fn publish(
        &self,
        message: &Arc<Message>,
        from: Option<&Client>,
        rules: DeliveryRules,
        access: &impl AccessCheck,
    ) -> Routed {
        if message.retain() {
            self.retained
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .set(Arc::clone(message));
        }
        let fan_out = FanOut {
            message,
            from: from.map(|from| from.number),
            rules,
        };
        let mut routed = Routed::default();
        let mut found = Vec::new();
        let tree = self.tree.read().unwrap_or_else(PoisonError::into_inner);
        tree.find(message.topic(), |_, subscriber| found.push(subscriber));
        found.sort_unstable_by_key(|subscriber| {
            let qos = subscriber.granted.options.qos;
            (subscriber.client.number, std::cmp::Reverse(qos))
        });
        let same = |a: &&Subscriber, b: &&Subscriber| {
            !rules.duplicates && a.client.number == b.client.number
        };
        for subscribers in found.chunk_by(|a, b| same(a, b)) {
            let [first, ..] = subscribers else { continue };
            let client = &first.client;
            if !access.may_read(client, message.topic()) {
                continue;
            }
            let granted = subscribers.iter().map(|subscriber| subscriber.granted);
            if let Some(delivery) = fan_out.delivery(client, granted) {
                routed.count(client.inbox().push(delivery, rules));
            }
        }
        drop(tree);
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        groups.find(message.topic(), |group| {
            let may = |client: &Client| {
                !fan_out.is_echo(client) && access.may_read(client, message.topic())
            };
            let size = message.frame().size();
            let chosen = group.choose(may, |inbox| inbox.has_room(size, rules));
            let Some((client, granted)) = chosen else {
                return;
            };
            if let Some(delivery) = fan_out.delivery(&client, [granted].into_iter()) {
                routed.count(client.inbox().push(delivery, rules));
            }
        });
        routed
    }
}

/// A message on its way to many.
struct FanOut<'a> {
    message: &'a Arc<Message>,
    /// The number of the client that published it.
    from: Option<u64>,
    rules: DeliveryRules,
}

impl FanOut<'_> {
    /// Whether a client is a bridge before version 5 and sent it itself: that wants no echo.
    fn is_echo(&self, client: &Client) -> bool {
        self.from == Some(client.number) && client.is_bridge()
    }

    /// The message for a client, for its subscriptions that match; `None` if none of them wants it.
    fn delivery(
        &self,
        client: &Client,
        subscriptions: impl Iterator<Item = Granted> + Clone,
    ) -> Option<Delivery> {
        let own = self.from == Some(client.number);
        let bridge = client.is_bridge();
        let echo = self.is_echo(client);
        // [MQTT-3.8.3-3]
        let mut wanted = subscriptions.filter(|granted| !(echo || own && granted.options.no_local));
        let numbers: Numbers = wanted
            .clone()
            .filter_map(|granted| granted.number.map(NonZeroU32::get))
            .collect();
        let as_published = bridge
            || wanted
                .clone()
                .any(|granted| granted.options.retain_as_published);
        // The one with the highest quality of service comes first.
        let first = wanted.next()?;
        Some(Delivery {
            message: Arc::clone(self.message),
            qos: self.rules.qos(self.message.qos(), first.options.qos),
            // [MQTT-3.3.1-12], [MQTT-3.3.1-13]
            retain: as_published && self.message.retain(),
            numbers,
        })
    }
}

impl Routed {
    fn count(&mut self, pushed: Pushed) {
        match pushed {
            Pushed::Queued => self.queued += 1,
            Pushed::Crowded => {
                self.queued += 1;
                self.crowded = true;
            }
            Pushed::Dropped => self.dropped += 1,
            Pushed::Unwanted => {}
        }
    }
}
