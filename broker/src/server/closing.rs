//! Why a connection ends, and what the log says of it.

use std::fmt;
use std::io;

use super::standing::Lost;
use crate::codec::{DecodeError, Reason};
use crate::session::Violation;

/// Why a client's connection ends.
#[derive(Debug)]
pub(super) enum Closing {
    /// The client said so, and why.
    Disconnect(Reason),
    /// The client is gone without a word.
    Ended,
    /// The network says so.
    Network(io::Error),
    /// No packet came for too long.
    KeepAlive,
    /// Its CONNECT is large, and so are too many others at the moment.
    Busy,
    /// What it sent is no packet.
    Malformed(DecodeError),
    /// Its first packet is not a CONNECT.
    NotConnect(&'static str),
    /// It breaks the protocol.
    Protocol(Violation),
    /// Another connection came with its identifier.
    TakenOver,
    /// An answer is larger than what it takes.
    Unanswered,
    /// Its session was ended by whoever runs the broker.
    SessionEnded,
    /// Under new settings it would not be let in.
    Lost(Lost),
    /// The broker ends.
    Stopping,
}

impl Closing {
    /// Whether the will is void [MQTT-3.1.2-8], [MQTT-3.14.4-3].
    pub(super) fn voids_will(&self) -> bool {
        matches!(self, Self::Disconnect(Reason::Success))
    }

    /// What a client of version 5 is told; nothing if it is gone, or if it is not known which version it speaks.
    pub(super) fn reason(&self) -> Option<Reason> {
        Some(match self {
            Self::Disconnect(_) | Self::Ended | Self::Network(_) | Self::NotConnect(_) => {
                return None;
            }
            Self::Busy => Reason::ServerBusy,
            Self::KeepAlive => Reason::KeepAliveTimeout,
            Self::Malformed(error) => error.reason(),
            Self::Protocol(violation) => violation.reason(),
            Self::TakenOver => Reason::SessionTakenOver,
            Self::Unanswered => Reason::PacketTooLarge,
            Self::SessionEnded | Self::Lost(Lost::Listener) => Reason::AdministrativeAction,
            Self::Lost(_) => Reason::NotAuthorized,
            Self::Stopping => Reason::ServerShuttingDown,
        })
    }
}

impl Closing {
    /// What a client of version 5 is told in words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Malformed(error) => error.to_string(),
            Self::Protocol(violation) => violation.to_string(),
            Self::TakenOver => "another connection came with this client identifier".to_owned(),
            Self::Unanswered => "the answer is larger than the Maximum Packet Size".to_owned(),
            Self::SessionEnded => "the session was ended".to_owned(),
            Self::Lost(_) => "it may no longer be connected".to_owned(),
            Self::KeepAlive => "no packet came for one and a half times the keep alive".to_owned(),
            Self::Stopping => "the broker is stopping".to_owned(),
            other => other.to_string(),
        }
    }
}

/// What follows `Client ID [ADDRESS]`.
impl fmt::Display for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disconnect(Reason::Success) => f.write_str("disconnected."),
            Self::Disconnect(reason) => write!(f, "disconnected: {reason}."),
            Self::Ended => f.write_str("closed its connection."),
            // Some say so with an error, because they did not read to the end.
            Self::Network(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                f.write_str("closed its connection.")
            }
            Self::Network(error) => write!(f, "disconnected: {error}."),
            Self::Busy => {
                f.write_str("disconnected: too many clients send a large CONNECT at the same time.")
            }
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
            Self::Unanswered => {
                f.write_str("disconnected: an answer is larger than its Maximum Packet Size.")
            }
            Self::SessionEnded => f.write_str("disconnected: its session was ended."),
            Self::Lost(lost) => lost.fmt(f),
            Self::Stopping => f.write_str("disconnected: the broker is stopping."),
        }
    }
}

/// A flag as 0 or 1, as the log has it.
pub(super) fn bit(flag: bool) -> u8 {
    flag.into()
}
