//! The router itself: every session, every subscription, every retained message.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::client::{Client, Identity, Owned, OwnerToken, PendingWill, SessionExpiry};
use super::image::SessionImage;
use super::message::{Delivery, Message, Source};
use super::retained::Retained;
use super::rules::DeliveryRules;
use super::shared::Groups;
use super::subscription::Granted;
use super::tree::Tree;
use crate::codec::{RetainHandling, Subscription, Text};
use crate::topic;

/// Who may read what.
pub trait AccessCheck {
    /// Whether a client may get messages of `topic`.
    fn may_read(&self, who: &Client, topic: &str) -> bool;

    /// Whether whoever retained a message may still publish to `topic`.
    fn may_have_retained(&self, who: Option<&Source>, topic: &str) -> bool;
}

/// What a connection asks for when it opens a session.
#[derive(Debug)]
pub struct Opening {
    /// Who it is.
    pub identity: Identity,
    /// With no session from before.
    pub clean_start: bool,
    /// How long the session is to outlive the connection.
    pub expiry: SessionExpiry,
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
    /// The session from before that ended, if it left a will that waited [MQTT-3.1.3-9].
    pub orphan: Option<Ended>,
}

/// A session that has ended, or a will whose time has come.
#[derive(Debug)]
pub struct Ended {
    /// Whose it is.
    pub client: Arc<Client>,
    /// The will that waited, to be published now.
    pub will: Option<Box<PendingWill>>,
}

/// So many retained messages may wait for a client in any case, however often its filters overlap.
const MANY_RETAINED: usize = 1000;

/// Everything that a message has to do with between two connections.
#[derive(Debug, Default)]
pub struct Router {
    clients: Mutex<HashMap<Arc<Identity>, Arc<Client>>>,
    pub(super) tree: RwLock<Tree<Subscriber>>,
    pub(super) groups: RwLock<Groups>,
    pub(super) retained: RwLock<Retained>,
    next_number: AtomicU64,
    next_owner: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) client: Arc<Client>,
    pub(super) granted: Granted,
}

impl Router {
    /// Whether this client has a session.
    pub fn has_session(&self, who: &Identity) -> bool {
        self.clients().contains_key(who)
    }

    /// Gives a connection its session, and takes it from the one that had it [MQTT-3.1.4-3].
    pub fn open(&self, opening: Opening, rules: DeliveryRules) -> Opened {
        let token = OwnerToken(self.next_owner.fetch_add(1, Ordering::Relaxed) + 1);
        let mut clients = self.clients();
        let before = clients.get(&opening.identity).cloned();
        let taken_over = before
            .as_ref()
            .is_some_and(|client| client.inbox().is_attached());
        let resumable = |client: &&Arc<Client>| {
            !opening.clean_start
                && client.expiry() != SessionExpiry::AT_ONCE
                && !is_over(client, client.expiry())
        };
        if let Some(client) = before.as_ref().filter(resumable) {
            let client = Arc::clone(client);
            let mut owned = client.owned();
            owned.owner = token;
            owned.away_since = None;
            // Back in time: it is not published.
            owned.will = None;
            owned.session.reconnect();
            drop(owned);
            client.set_expiry(opening.expiry);
            client.came_by(opening.listener, opening.bridge);
            client.inbox().attach(opening.reader);
            return Opened {
                client,
                token,
                present: true,
                taken_over,
                orphan: None,
            };
        }
        let orphan = before.map(|client| self.dissolve(client, token, rules));
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let client = Arc::new(Client::new(number, opening.identity, opening.expiry));
        client.owned().owner = token;
        client.came_by(opening.listener, opening.bridge);
        client.inbox().attach(opening.reader);
        clients.insert(Arc::clone(client.shared_identity()), Arc::clone(&client));
        Opened {
            client,
            token,
            present: false,
            taken_over,
            orphan,
        }
    }

    /// A connection gives its session back; one that was taken over has nothing to give.
    pub fn close(&self, client: &Arc<Client>, token: OwnerToken, rules: DeliveryRules) {
        let mut clients = self.clients();
        if !client.owned().is_owned_by(token) {
            return;
        }
        if client.expiry() == SessionExpiry::AT_ONCE {
            clients.remove(client.identity());
            self.dissolve(Arc::clone(client), OwnerToken::default(), rules);
        } else {
            let mut owned = client.owned();
            owned.owner = OwnerToken::default();
            owned.away_since = Some(Instant::now());
            drop(owned);
            client.inbox().detach(rules);
        }
    }

    /// Takes on a subscription of a client, and puts the retained messages it matches into its queue
    /// [MQTT-3.3.1-9], [MQTT-3.8.4-4]; those who share one get none.
    pub fn subscribe(
        &self,
        client: &Arc<Client>,
        owned: &mut Owned,
        subscription: &Subscription,
        number: Option<u32>,
        rules: DeliveryRules,
        access: &impl AccessCheck,
    ) {
        let granted = Granted {
            options: subscription.options,
            number: number.and_then(NonZeroU32::new),
        };
        let filter = &subscription.filter;
        let new = self.file(client, owned, filter.detach(), granted);
        let wanted = match granted.options.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => new,
            RetainHandling::DoNotSend => false,
        };
        if !wanted || topic::shared(filter).is_some() {
            return;
        }
        let now = Instant::now();
        let retained = self.retained.read().unwrap_or_else(PoisonError::into_inner);
        // A client can't pile them up by subscribing again and again.
        let room = client
            .inbox()
            .room_for_retained((2 * retained.len()).max(MANY_RETAINED));
        let mut matching = Vec::new();
        retained.find(filter, room, |message| {
            let own = message
                .source()
                .is_some_and(|source| *source.identity == *client.identity());
            // [MQTT-3.8.3-3]
            let wanted = !(message.has_expired(now) || own && granted.options.no_local)
                && access.may_read(client, message.topic())
                && access.may_have_retained(message.source(), message.topic());
            if wanted {
                matching.push(Delivery {
                    message: Arc::clone(message),
                    qos: rules.qos(message.qos(), granted.options.qos),
                    retain: true,
                    numbers: granted.number.map(NonZeroU32::get).into_iter().collect(),
                });
            }
            wanted
        });
        drop(retained);
        if !matching.is_empty() {
            client.inbox().push_retained(matching);
        }
    }

    /// Gives up a subscription of a client, and says whether it had it.
    pub fn unsubscribe(&self, client: &Client, owned: &mut Owned, filter: &str) -> bool {
        let had = owned.subscriptions.remove(filter).is_some();
        if had {
            self.unfile(filter, client);
        }
        had
    }

    /// Ends the sessions of clients that have been away for longer than they asked for, or than `limit`.
    pub fn expire(&self, limit: Option<Duration>, rules: DeliveryRules) -> Vec<Ended> {
        let limit =
            limit.map(|limit| SessionExpiry(u32::try_from(limit.as_secs()).unwrap_or(u32::MAX)));
        let over = |client: &Client| {
            let expiry = client.expiry();
            is_over(client, limit.map_or(expiry, |limit| expiry.min(limit)))
        };
        self.end(over, rules)
    }

    /// Ends all sessions that `over` says yes to. A connection that has one is woken and finds it gone.
    pub fn end(&self, over: impl Fn(&Client) -> bool, rules: DeliveryRules) -> Vec<Ended> {
        let mut clients = self.clients();
        let ending: Vec<_> = clients
            .values()
            .filter(|client| over(client))
            .cloned()
            .collect();
        for client in &ending {
            clients.remove(client.identity());
        }
        ending
            .into_iter()
            .map(|client| self.dissolve(client, OwnerToken::default(), rules))
            .collect()
    }

    /// The wills whose time has come.
    pub fn due_wills(&self, now: Instant) -> Vec<Ended> {
        let is_due = |will: &mut Box<PendingWill>| will.due <= now;
        let due = |client: Arc<Client>| {
            let will = client.owned().will.take_if(is_due)?;
            Some(Ended {
                client,
                will: Some(will),
            })
        };
        self.clients_now().into_iter().filter_map(due).collect()
    }

    /// Whether a message of this topic is retained.
    pub fn has_retained(&self, topic: &str) -> bool {
        let retained = self.retained.read().unwrap_or_else(PoisonError::into_inner);
        retained.get(topic).is_some()
    }

    /// Forgets retained messages that are of no use any more, and says how many.
    pub fn expire_retained(&self, now: Instant) -> usize {
        self.retained
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove_expired(now)
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

    /// How many subscriptions there are, shared ones aside.
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
    pub fn restore_session(&self, image: SessionImage) {
        // Of two that have come to be the same client only one can be reached.
        if self.has_session(&image.identity) {
            return;
        }
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let client = Arc::new(Client::new(number, image.identity, image.expiry));
        client.came_by(image.listener, image.bridge);
        let mut owned = client.owned();
        for (filter, granted) in image.subscriptions {
            self.file(&client, &mut owned, filter, granted);
        }
        for entry in image.in_flight {
            owned.session.outgoing.restore(entry);
        }
        owned.away_since = Some(image.away_since.unwrap_or_else(Instant::now));
        owned.will = image.will.map(Box::new);
        for id in image.received {
            owned.session.restore_unreleased(id);
        }
        drop(owned);
        for delivery in image.queued {
            client.inbox().restore(delivery);
        }
        self.clients()
            .insert(Arc::clone(client.shared_identity()), client);
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<Arc<Identity>, Arc<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the client had no subscription with this filter.
    fn file(
        &self,
        client: &Arc<Client>,
        owned: &mut Owned,
        filter: Text,
        granted: Granted,
    ) -> bool {
        if topic::shared(&filter).is_some() {
            self.groups
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .join(&filter, client, granted);
        } else {
            let subscriber = Subscriber {
                client: Arc::clone(client),
                granted,
            };
            self.tree
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(&filter, client.number, subscriber);
        }
        owned.subscriptions.insert(filter, granted).is_none()
    }

    fn unfile(&self, filter: &str, client: &Client) {
        if topic::shared(filter).is_some() {
            self.groups
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .leave(filter, client.number);
        } else {
            self.tree
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(filter, client.number);
        }
    }

    /// Ends a session; the connection that still has it, if any, is woken and finds it gone.
    fn dissolve(&self, client: Arc<Client>, owner: OwnerToken, rules: DeliveryRules) -> Ended {
        let mut owned = client.owned();
        owned.owner = owner;
        owned.ended = true;
        let subscriptions = std::mem::take(&mut owned.subscriptions);
        for (filter, _) in subscriptions.iter() {
            self.unfile(filter, &client);
        }
        let will = owned.will.take();
        drop(owned);
        let mut inbox = client.inbox();
        inbox.wake();
        inbox.detach(rules);
        drop(inbox);
        Ended { client, will }
    }
}

/// Whether a client has been away for longer than `expiry`.
fn is_over(client: &Client, expiry: SessionExpiry) -> bool {
    let away_since = client.owned().away_since;
    away_since.is_some_and(|since| expiry.has_passed(since.elapsed()))
}
