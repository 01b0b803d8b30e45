//! A message on its way through the broker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::client::Identity;
use crate::codec::{Forwarded, PublishFrame, QoS, Text};

/// A message as its publisher sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    frame: PublishFrame,
    qos: QoS,
    retain: bool,
    expires: Option<Instant>,
    source: Option<Source>,
}

/// Who published a message, and by which listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The client.
    pub identity: Arc<Identity>,
    /// The number of the listener it was connected to.
    pub listener: usize,
}

impl Message {
    /// Makes a message, or returns `None` if it is too large for a packet.
    pub fn new(
        topic: &Text,
        properties: &Forwarded,
        payload: &Bytes,
        qos: QoS,
        retain: bool,
    ) -> Option<Self> {
        Some(Self {
            frame: PublishFrame::new(topic, properties, payload)?,
            qos,
            retain,
            expires: None,
            source: None,
        })
    }

    /// The same, of no use from a moment on [MQTT-3.3.2-5].
    #[must_use]
    pub fn expiring(self, expires: Option<Instant>) -> Self {
        Self { expires, ..self }
    }

    /// The same with its publisher, who may lose the right to have published it.
    #[must_use]
    pub fn published_by(self, source: Option<Source>) -> Self {
        Self { source, ..self }
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

    /// From when on it is of no use.
    pub const fn expires(&self) -> Option<Instant> {
        self.expires
    }

    /// Who published it, if it is known.
    pub const fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// Whether it is of no use any more.
    pub fn has_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// The seconds that it still is of use, as a subscriber is told [MQTT-3.3.2-6]: begun ones count, so that
    /// a message which is sent never says 0.
    pub fn remaining(&self, now: Instant) -> Option<u32> {
        self.expires
            .map(|expires| whole_seconds(expires.saturating_duration_since(now)))
    }
}

/// A time in seconds, begun ones counted.
fn whole_seconds(time: Duration) -> u32 {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

/// A message meant for one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The message, shared with the others who get it.
    pub message: Arc<Message>,
    /// The lower of what was published and what was subscribed.
    pub qos: QoS,
    /// Set on a message kept from before the subscription [MQTT-3.3.1-8], clear on a live one [MQTT-3.3.1-9]
    /// but for subscriptions that want it as it was published.
    pub retain: bool,
    /// The identifiers of the subscriptions that it is sent for.
    pub numbers: Numbers,
}

/// The identifiers of subscriptions: none or one for nearly all, which take no memory of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Numbers {
    /// None.
    #[default]
    None,
    /// One.
    One(u32),
    /// Several.
    Many(Box<[u32]>),
}

impl Numbers {
    /// All of them.
    pub fn as_slice(&self) -> &[u32] {
        match self {
            Self::None => &[],
            Self::One(number) => std::slice::from_ref(number),
            Self::Many(numbers) => numbers,
        }
    }
}

impl FromIterator<u32> for Numbers {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut numbers = numbers.into_iter();
        match (numbers.next(), numbers.next()) {
            (None, _) => Self::None,
            (Some(one), None) => Self::One(one),
            (Some(first), Some(second)) => {
                Self::Many([first, second].into_iter().chain(numbers).collect())
            }
        }
    }
}
