//! A session as it is saved.

use super::client::{Client, Identity};
use super::message::Delivery;
use crate::codec::{PacketId, QoS, Text};
use crate::session::InFlight;

/// What is left of a session when the broker is not running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionImage {
    /// Whose it is.
    pub identity: Identity,
    /// What it subscribed to.
    pub subscriptions: Vec<(Text, QoS)>,
    /// What was in flight to the client, in order.
    pub in_flight: Vec<InFlight>,
    /// What the client has sent with quality of service 2 and not released.
    pub received: Vec<PacketId>,
    /// What waited, in order.
    pub queued: Vec<Delivery>,
}

impl SessionImage {
    /// The session of `client` as it is now, or `None` if it ends with its connection.
    pub fn of(client: &Client) -> Option<Self> {
        if client.is_clean() {
            return None;
        }
        let owned = client.owned();
        Some(Self {
            identity: client.identity().clone(),
            subscriptions: owned
                .subscriptions()
                .iter()
                .map(|(filter, qos)| (filter.clone(), *qos))
                .collect(),
            in_flight: owned.session.outgoing.window().cloned().collect(),
            received: owned.session.received.iter().copied().collect(),
            queued: client.inbox().promised().cloned().collect(),
        })
    }
}
