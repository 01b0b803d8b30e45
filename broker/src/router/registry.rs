//! The router itself: every session, every subscription, every retained message.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::client::{Client, Identity, Owned, OwnerToken};
use super::image::SessionImage;
use super::inbox::{DeliveryRules, Pushed};
use super::message::{Delivery, Message};
use super::retained::Retained;
use super::tree::Tree;
use crate::codec::{QoS, Subscription, Text};

/// Who may read what.
pub trait AccessCheck {
    /// Whether a client may get messages of `topic`.
    fn may_read(&self, who: &Client, topic: &str) -> bool;
}

/// What a connection asks for when it opens a session.
#[derive(Debug)]
pub struct Opening {
    /// Who it is.
    pub identity: Identity,
    /// With no session from before, and none left behind.
    pub clean: bool,
    /// It is a bridge.
    pub bridge: bool,
    /// The number of the listener it came by, whose rules it is under.
    pub listener: usize,
    /// Woken when there is something to send.
    pub reader: Arc<Notify>,
}

/// A session that a connection now owns.
#[derive(Debug)]
pub struct Opened {
    /// The session.
    pub client: Arc<Client>,
    /// The proof of ownership.
    pub token: OwnerToken,
    /// Whether it is one from before.
    pub present: bool,
    /// Whether another connection had the client identifier and lost it.
    pub taken_over: bool,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Routed {
    /// Clients whose queue has it.
    pub queued: usize,
    /// Clients whose queue had no room, or who are away and want no such message kept.
    pub dropped: usize,
}

/// Everything that a message has to do with between two connections.
#[derive(Debug, Default)]
pub struct Router {
    clients: Mutex<HashMap<Text, Arc<Client>>>,
    tree: RwLock<Tree<Subscriber>>,
    retained: RwLock<Retained>,
    next_number: AtomicU64,
    next_owner: AtomicU64,
}

#[derive(Debug)]
struct Subscriber {
    client: Arc<Client>,
    qos: QoS,
}

impl Router {
    /// The user name of the client that has this identifier, connected or away.
    pub fn user_of(&self, client_id: &Text) -> Option<Text> {
        let clients = self.clients();
        clients.get(client_id)?.identity().username.clone()
    }

    /// Gives a connection its session, and takes it from the one that had it [MQTT-3.1.4-2].
    ///
    /// A session from before is resumed only for the same user: what waits in it was meant for that user.
    pub fn open(&self, opening: Opening, rules: DeliveryRules) -> Opened {
        let token = OwnerToken(self.next_owner.fetch_add(1, Ordering::Relaxed) + 1);
        let mut clients = self.clients();
        let before = clients.get(&opening.identity.client_id).cloned();
        let taken_over = before
            .as_ref()
            .is_some_and(|client| client.inbox().is_attached());
        let resumable = |client: &&Arc<Client>| {
            !opening.clean
                && !client.clean
                && client.identity().username == opening.identity.username
        };
        if let Some(client) = before.as_ref().filter(resumable) {
            let client = Arc::clone(client);
            let mut owned = client.owned();
            owned.owner = token;
            owned.away_since = None;
            drop(owned);
            client.came_by(opening.listener, opening.bridge);
            client.inbox().attach(opening.reader);
            return Opened {
                client,
                token,
                present: true,
                taken_over,
            };
        }
        if let Some(client) = before {
            self.dissolve(&client, token, rules);
        }
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let client = Arc::new(Client::new(number, opening.identity, opening.clean));
        client.owned().owner = token;
        client.came_by(opening.listener, opening.bridge);
        client.inbox().attach(opening.reader);
        clients.insert(client.identity().client_id.clone(), Arc::clone(&client));
        Opened {
            client,
            token,
            present: false,
            taken_over,
        }
    }

    /// A connection gives its session back; one that was taken over has nothing to give.
    pub fn close(&self, client: &Arc<Client>, token: OwnerToken, rules: DeliveryRules) {
        let mut clients = self.clients();
        if !client.owned().is_owned_by(token) {
            return;
        }
        if client.clean {
            clients.remove(&client.identity().client_id);
            self.dissolve(client, OwnerToken::default(), rules);
        } else {
            let mut owned = client.owned();
            owned.owner = OwnerToken::default();
            owned.away_since = Some(Instant::now());
            drop(owned);
            client.inbox().detach(rules);
        }
    }

    /// Passes a message on, and keeps it if its publisher wants that.
    ///
    /// A client with several subscriptions that match gets it once, with the highest quality of service of
    /// them, or once for each, as the rules say [MQTT-3.3.5-1].
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
        let tree = self.tree.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        tree.find(message.topic(), |key, subscriber| {
            found.push((key, subscriber.qos, &subscriber.client));
        });
        found.sort_unstable_by_key(|&(key, qos, _)| (key, std::cmp::Reverse(qos)));
        if !rules.duplicates {
            found.dedup_by_key(|entry| entry.0);
        }
        let mut routed = Routed::default();
        for (key, qos, client) in found {
            let bridge = client.is_bridge();
            let echo = bridge && from.is_some_and(|from| from.number == key);
            if echo || !access.may_read(client, message.topic()) {
                continue;
            }
            // [MQTT-3.3.1-9]: for a live message the flag is clear, except towards a bridge.
            let delivery = Delivery {
                message: Arc::clone(message),
                qos: rules.qos(message.qos(), qos),
                retain: bridge && message.retain(),
            };
            match client.inbox().push(delivery, rules) {
                Pushed::Queued => routed.queued += 1,
                Pushed::Dropped => routed.dropped += 1,
            }
        }
        routed
    }

    /// Takes on subscriptions of a client, and puts the retained messages they match into its queue
    /// [MQTT-3.3.1-6], [MQTT-3.8.4-3].
    pub fn subscribe(
        &self,
        client: &Arc<Client>,
        owned: &mut Owned,
        subscriptions: &[Subscription],
        rules: DeliveryRules,
        access: &impl AccessCheck,
    ) {
        for subscription in subscriptions {
            self.file(
                client,
                owned,
                subscription.filter.detach(),
                subscription.qos,
            );
            let mut matching = Vec::new();
            let retained = self.retained.read().unwrap_or_else(PoisonError::into_inner);
            retained.find(&subscription.filter, |message| {
                if access.may_read(client, message.topic()) {
                    let qos = rules.qos(message.qos(), subscription.qos);
                    matching.push(Delivery {
                        message: Arc::clone(message),
                        qos,
                        retain: true,
                    });
                }
            });
            let limit = 2 * retained.len();
            drop(retained);
            if !matching.is_empty() {
                client.inbox().push_retained(matching, limit);
            }
        }
    }

    /// Gives up a subscription of a client, and says whether it had it.
    pub fn unsubscribe(&self, client: &Client, owned: &mut Owned, filter: &str) -> bool {
        let had = owned.subscriptions.remove(filter).is_some();
        if had {
            self.tree
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(filter, client.number);
        }
        had
    }

    /// Ends the sessions of clients that have been away for longer than `limit`, and names them.
    pub fn expire(&self, limit: Duration, rules: DeliveryRules) -> Vec<Text> {
        let expired = self.end_sessions(rules, |client| {
            client
                .owned()
                .away_since
                .is_some_and(|since| since.elapsed() > limit)
        });
        expired
            .iter()
            .map(|client| client.identity().client_id.clone())
            .collect()
    }

    /// Ends the sessions that are unwanted, of clients who are connected too.
    pub fn end_sessions(
        &self,
        rules: DeliveryRules,
        unwanted: impl Fn(&Client) -> bool,
    ) -> Vec<Arc<Client>> {
        let mut clients = self.clients();
        let ended: Vec<_> = clients
            .values()
            .filter(|client| unwanted(client))
            .cloned()
            .collect();
        for client in &ended {
            clients.remove(&client.identity().client_id);
            self.dissolve(client, OwnerToken::default(), rules);
        }
        ended
    }

    /// How many sessions there are.
    pub fn session_count(&self) -> usize {
        self.clients().len()
    }

    /// How many messages are retained, and the bytes of their topics and payloads.
    pub fn retained_size(&self) -> (usize, usize) {
        let retained = self.retained.read().unwrap_or_else(PoisonError::into_inner);
        (retained.len(), retained.bytes())
    }

    /// Every session.
    pub fn clients_now(&self) -> Vec<Arc<Client>> {
        self.clients().values().cloned().collect()
    }

    /// Every retained message.
    pub fn retained_now(&self) -> Vec<Arc<Message>> {
        self.retained
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .all()
    }

    /// How many subscriptions there are.
    pub fn subscription_count(&self) -> usize {
        self.tree
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Puts back a message that was retained before a restart.
    pub fn restore_retained(&self, message: Arc<Message>) {
        self.retained
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .set(message);
    }

    /// Puts back a session that was there before a restart.
    pub fn restore_session(&self, image: SessionImage, rules: DeliveryRules) {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let client = Arc::new(Client::new(number, image.identity, false));
        let mut owned = client.owned();
        for (filter, qos) in image.subscriptions {
            self.file(&client, &mut owned, filter, qos);
        }
        for entry in image.in_flight {
            owned.session.outgoing.restore(entry);
        }
        owned.away_since = Some(Instant::now());
        owned.session.received = image.received.into_iter().collect();
        drop(owned);
        for delivery in image.queued {
            client.inbox().push(delivery, rules);
        }
        self.clients()
            .insert(client.identity().client_id.clone(), client);
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<Text, Arc<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, client: &Arc<Client>, owned: &mut Owned, filter: Text, qos: QoS) {
        let subscriber = Subscriber {
            client: Arc::clone(client),
            qos,
        };
        self.tree
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(&filter, client.number, subscriber);
        owned.subscriptions.insert(filter, qos);
    }

    /// Ends a session; the connection that still has it, if any, is woken and finds it gone.
    fn dissolve(&self, client: &Client, owner: OwnerToken, rules: DeliveryRules) {
        let mut owned = client.owned();
        owned.owner = owner;
        let subscriptions = std::mem::take(&mut owned.subscriptions);
        let mut tree = self.tree.write().unwrap_or_else(PoisonError::into_inner);
        for filter in subscriptions.keys() {
            tree.remove(filter, client.number);
        }
        drop(tree);
        let mut inbox = client.inbox();
        inbox.wake();
        inbox.detach(rules);
    }
}
