//! What a client has subscribed to with one filter.

use std::num::NonZeroU32;

use crate::codec::{QoS, SubscriptionOptions};

/// What a client has subscribed to with one filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// How messages are sent.
    pub options: SubscriptionOptions,
    /// The identifier that they carry.
    pub number: Option<NonZeroU32>,
}

impl From<QoS> for Granted {
    fn from(qos: QoS) -> Self {
        Self {
            options: qos.into(),
            number: None,
        }
    }
}
