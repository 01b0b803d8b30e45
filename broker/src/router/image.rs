//! A session as it is saved.

use std::time::Instant;

use super::client::{Client, Identity, PendingWill, SessionExpiry};
use super::message::Delivery;
use super::subscription::Granted;
use crate::codec::{PacketId, Text};
use crate::session::InFlight;

/// What is left of a session when the broker is not running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionImage {
    /// Whose it is.
    pub identity: Identity,
    /// How long it outlives its connection.
    pub expiry: SessionExpiry,
    /// Since when it has no connection; `None` if it has one.
    pub away_since: Option<Instant>,
    /// Whether it is a bridge's.
    pub bridge: bool,
    /// The number of the listener that the client came by last.
    pub listener: usize,
    /// What it subscribed to.
    pub subscriptions: Vec<(Text, Granted)>,
    /// What was in flight to the client, in order.
    pub in_flight: Vec<InFlight>,
    /// What the client has sent with quality of service 2 and not released.
    pub received: Vec<PacketId>,
    /// What waited, in order.
    pub queued: Vec<Delivery>,
    /// A will that waits.
    pub will: Option<PendingWill>,
}

impl SessionImage {
    /// The session of `client` as it is now, or `None` if it ends with its connection.
    pub fn of(client: &Client) -> Option<Self> {
        if client.expiry() == SessionExpiry::AT_ONCE {
            return None;
        }
        let owned = client.owned();
        Some(Self {
            identity: client.identity().clone(),
            expiry: client.expiry(),
            away_since: owned.away_since,
            bridge: client.is_bridge(),
            listener: client.listener(),
            subscriptions: owned
                .subscriptions()
                .iter()
                .map(|(filter, granted)| (filter.clone(), granted))
                .collect(),
            in_flight: owned.session.outgoing.window().cloned().collect(),
            received: owned.session.unreleased().collect(),
            queued: client.inbox().promised().cloned().collect(),
            will: owned.will.as_deref().cloned(),
        })
    }
}
