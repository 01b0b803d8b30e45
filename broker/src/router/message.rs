//! A message on its way through the broker.

use std::sync::Arc;

use bytes::Bytes;

use crate::codec::{PublishFrame, QoS, Text};

/// A message as its publisher sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    frame: PublishFrame,
    qos: QoS,
    retain: bool,
}

impl Message {
    /// Makes a message, or returns `None` if it is too large for a packet.
    pub fn new(topic: &Text, payload: &Bytes, qos: QoS, retain: bool) -> Option<Self> {
        Some(Self {
            frame: PublishFrame::new(topic, payload)?,
            qos,
            retain,
        })
    }

    /// Its form on the wire.
    pub fn frame(&self) -> &PublishFrame {
        &self.frame
    }

    /// The topic name.
    pub fn topic(&self) -> &Text {
        self.frame.topic()
    }

    /// The message itself.
    pub fn payload(&self) -> &Bytes {
        self.frame.payload()
    }

    /// The quality of service it was published with.
    pub const fn qos(&self) -> QoS {
        self.qos
    }

    /// Whether it was published to be kept.
    pub const fn retain(&self) -> bool {
        self.retain
    }
}

/// A message meant for one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message, shared with the others who get it.
    pub message: Arc<Message>,
    /// The lower of what was published and what was subscribed.
    pub qos: QoS,
    /// Set on a message kept from before the subscription [MQTT-3.3.1-8], clear on a live one [MQTT-3.3.1-9].
    pub retain: bool,
}
