//! MQTT on the wire, written a second time: packets built and read here share nothing with the broker's codec.
//!
//! A packet is built as bytes, rule or no rule, and what comes back is told as one line of text from which
//! the bytes could be made again. A [`Target`] is the broker in question: ours, or Debian's Mosquitto when
//! `MQTT_TARGET=mosquitto` is in the environment, which proves a test on a broker that we did not write.
#![expect(clippy::panic, reason = "in a test a panic is the report")]

mod build;
mod client;
mod property;
mod read;
mod target;

pub(crate) use build::{
    Connect, Publish, Subscribe, Will, ack, ack_with, auth, connect, disconnect, disconnect_with,
    frame, ping, publish, string, subscribe, unsubscribe,
};
pub(crate) use client::Client;
pub(crate) use property::{Property, Value, id as property_id, property};
pub(crate) use read::{Packet, kind};
pub(crate) use target::Target;

/// The versions of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V31,
    V311,
    V5,
}

impl Version {
    pub(crate) const ALL: [Self; 3] = [Self::V31, Self::V311, Self::V5];

    pub(crate) fn name(self) -> &'static str {
        if self == Self::V31 { "MQIsdp" } else { "MQTT" }
    }

    pub(crate) fn level(self) -> u8 {
        match self {
            Self::V31 => 3,
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }
}
