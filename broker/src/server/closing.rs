//! Why a connection ends, and what the log says of it.

use std::fmt;
use std::io;

use crate::codec::{DecodeError, QoS};
use crate::session::Violation;

/// Why a client's connection ends.
#[derive(Debug)]
pub(super) enum Closing {
    /// The client said so.
    Disconnect,
    /// The client is gone without a word.
    Ended,
    /// The network says so.
    Network(io::Error),
    /// No packet came for too long.
    KeepAlive,
    /// What it sent is no packet.
    Malformed(DecodeError),
    /// Its first packet is not a CONNECT.
    NotConnect(&'static str),
    /// It breaks the protocol.
    Protocol(Violation),
    /// Another connection came with its identifier.
    TakenOver,
    /// The broker ends.
    Stopping,
}

impl Closing {
    /// Whether the will is void [MQTT-3.1.2-8], [MQTT-3.14.4-3].
    pub(super) fn voids_will(&self) -> bool {
        matches!(self, Self::Disconnect)
    }
}

/// What follows `Client ID [ADDRESS]`.
impl fmt::Display for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnect => f.write_str("disconnected."),
            Self::Ended => f.write_str("closed its connection."),
            // Some say so with an error, because they did not read to the end.
            Self::Network(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                f.write_str("closed its connection.")
            }
            Self::Network(error) => write!(f, "disconnected: {error}."),
            Self::KeepAlive => f.write_str("has exceeded timeout, disconnecting."),
            Self::Malformed(error) => write!(f, "disconnected due to malformed packet: {error}."),
            Self::Protocol(violation) => {
                write!(f, "disconnected due to protocol error: {violation}.")
            }
            Self::NotConnect(name) => {
                write!(
                    f,
                    "disconnected due to protocol error: {name} before CONNECT."
                )
            }
            Self::TakenOver => f.write_str("already connected, closing old connection."),
            Self::Stopping => f.write_str("disconnected: the broker is stopping."),
        }
    }
}

/// A flag as 0 or 1, as the log has it.
pub(super) fn bit(flag: bool) -> u8 {
    flag.into()
}

/// The flags of a message, its topic and its size, as in "Received PUBLISH from ID (d0, q1, …)".
pub(super) struct Trace<'a> {
    pub(super) dup: bool,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) id: u16,
    pub(super) topic: &'a str,
    pub(super) size: usize,
}

impl fmt::Display for Trace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            dup,
            qos,
            retain,
            id,
            topic,
            size,
        } = self;
        write!(
            f,
            "(d{}, q{qos}, r{}, m{id}, '{topic}', ... ({size} bytes))",
            bit(*dup),
            bit(*retain)
        )
    }
}
