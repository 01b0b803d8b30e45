//! What a listener speaks, and how often clients may fail to log in.

use std::num::NonZeroU32;
use std::time::Duration;

/// What is spoken on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// MQTT.
    #[default]
    Mqtt,
    /// HTTP, with numbers about the broker in the text form of Prometheus and nothing else.
    Metrics,
}

/// The versions of MQTT that a listener's clients may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtocolVersions {
    /// MQTT 3.1.
    pub v3: bool,
    /// MQTT 3.1.1.
    pub v4: bool,
    /// MQTT 5.0.
    pub v5: bool,
}

impl ProtocolVersions {
    pub(super) const NONE: Self = Self {
        v3: false,
        v4: false,
        v5: false,
    };

    /// Whether a client may speak the version whose protocol level in CONNECT is this one, without a bridge's bit.
    pub fn allows(self, level: u8) -> bool {
        match level {
            3 => self.v3,
            4 => self.v4,
            5 => self.v5,
            _ => false,
        }
    }
}

/// All of them.
impl Default for ProtocolVersions {
    fn default() -> Self {
        Self {
            v3: true,
            v4: true,
            v5: true,
        }
    }
}

/// How often clients may fail to log in before further attempts are refused unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginThrottle {
    /// The failures, by address and by name.
    pub max_failures: NonZeroU32,
    /// How long each is remembered.
    pub window: Duration,
}

impl LoginThrottle {
    /// None if either number is zero: that turns it off.
    pub(super) fn new(max_failures: u32, window: Duration) -> Option<Self> {
        NonZeroU32::new(max_failures)
            .filter(|_| !window.is_zero())
            .map(|max_failures| Self {
                max_failures,
                window,
            })
    }
}
