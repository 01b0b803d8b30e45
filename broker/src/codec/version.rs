//! The versions of the protocol that the codec speaks.

use std::fmt;

/// A version of MQTT, as a CONNECT packet announces it by protocol name and level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// MQTT 3.1: protocol name `MQIsdp`, level 3. What OwnTracks for Android speaks by default.
    V31,
    /// MQTT 3.1.1: protocol name `MQTT`, level 4.
    V311,
    /// MQTT 5.0: protocol name `MQTT`, level 5.
    V5,
}

impl Version {
    /// All versions, the oldest first.
    pub const ALL: [Self; 3] = [Self::V31, Self::V311, Self::V5];

    /// The bit of the protocol level by which a bridge says that it is one (Mosquitto's `try_private`).
    ///
    /// Version 5 needs no such bit: what a bridge wants it says in its subscriptions' options.
    pub const BRIDGE_BIT: u8 = 0x80;

    /// The version announced by a protocol name and a level without its bridge bit.
    pub fn announced(name: &str, level: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| version.name() == name && version.level() == level)
    }

    /// The protocol name of the CONNECT packet.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V31 => "MQIsdp",
            Self::V311 | Self::V5 => "MQTT",
        }
    }

    /// The protocol level of the CONNECT packet.
    pub const fn level(self) -> u8 {
        match self {
            Self::V31 => 3,
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }

    /// Whether packets have properties and reason codes.
    pub const fn has_properties(self) -> bool {
        matches!(self, Self::V5)
    }

    /// Whether the bits that this version leaves unused have to be zero.
    ///
    /// MQTT 3.1 calls them "not used" and sets no rule; from 3.1.1 on they are reserved [MQTT-2.2.2-2].
    pub(super) const fn reserves_unused_bits(self) -> bool {
        !matches!(self, Self::V31)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V31 => "3.1",
            Self::V311 => "3.1.1",
            Self::V5 => "5.0",
        })
    }
}
