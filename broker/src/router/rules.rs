//! How messages are handed to clients, and how much may wait for one.

use crate::codec::QoS;

/// How messages are handed to clients, and how much may wait for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryRules {
    /// Messages (`max_queued_messages`).
    pub messages: usize,
    /// Bytes of topics and payloads (`max_queued_bytes`).
    pub bytes: usize,
    /// Whether quality of service 0 waits for a client that is away (`queue_qos0_messages`).
    pub qos0_offline: bool,
    /// Whether a message goes out with its subscription's quality of service even where that is higher than
    /// its own (`upgrade_outgoing_qos`).
    pub upgrade_qos: bool,
    /// Whether a client gets a message once for each of its subscriptions that match, not once in all
    /// (`allow_duplicate_messages`).
    pub duplicates: bool,
}

impl DeliveryRules {
    /// The quality of service that a message goes out with [MQTT-3.8.4-6].
    pub fn qos(&self, published: QoS, subscribed: QoS) -> QoS {
        if self.upgrade_qos {
            subscribed
        } else {
            published.min(subscribed)
        }
    }
}
