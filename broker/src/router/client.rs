//! One client as the router sees it, connected or away.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::inbox::Inbox;
use crate::codec::{QoS, Text};
use crate::session::Session;

/// Who a client is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The client identifier.
    pub client_id: Text,
    /// The user name, if it gave one or has one by its certificate.
    pub username: Option<Text>,
}

/// The connection that owns a session; a later one has a larger number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OwnerToken(pub(super) u64);

/// A client's session.
///
/// Locks are taken in this order: the registry, a client's [`Owned`], the tree or the retained messages, a
/// client's [`Inbox`]. None is held while anything waits.
#[derive(Debug)]
pub struct Client {
    pub(super) number: u64,
    identity: Identity,
    pub(super) clean: bool,
    bridge: AtomicBool,
    listener: AtomicUsize,
    owned: Mutex<Owned>,
    inbox: Mutex<Inbox>,
}

/// What belongs to the connection that has the session now.
#[derive(Debug, Default)]
pub struct Owned {
    pub(super) owner: OwnerToken,
    /// What is in flight.
    pub session: Session,
    /// What it subscribed to.
    pub(super) subscriptions: BTreeMap<Text, QoS>,
    /// Since when it has no connection; `None` while it has one.
    pub(super) away_since: Option<Instant>,
}

impl Owned {
    /// What the client subscribed to.
    pub fn subscriptions(&self) -> &BTreeMap<Text, QoS> {
        &self.subscriptions
    }

    /// Whether the session still is the connection's that got `token`.
    pub fn is_owned_by(&self, token: OwnerToken) -> bool {
        self.owner == token
    }
}

impl Client {
    /// Whether it leaves no session behind.
    pub fn is_clean(&self) -> bool {
        self.clean
    }

    pub(super) fn new(number: u64, identity: Identity, clean: bool) -> Self {
        Self {
            number,
            identity,
            clean,
            bridge: AtomicBool::new(false),
            listener: AtomicUsize::new(0),
            owned: Mutex::default(),
            inbox: Mutex::default(),
        }
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether it is a bridge, which gets the retain flag as it was published and never its own messages.
    pub fn is_bridge(&self) -> bool {
        self.bridge.load(Ordering::Relaxed)
    }

    /// The number of the listener it came by last, whose rules it is under.
    pub fn listener(&self) -> usize {
        self.listener.load(Ordering::Relaxed)
    }

    pub(super) fn came_by(&self, listener: usize, bridge: bool) {
        self.listener.store(listener, Ordering::Relaxed);
        self.bridge.store(bridge, Ordering::Relaxed);
    }

    /// The part that belongs to its connection, locked.
    pub fn owned(&self) -> MutexGuard<'_, Owned> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its queue, locked.
    pub fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
