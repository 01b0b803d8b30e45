//! The packets of MQTT, one vocabulary for all versions.

use std::fmt;
use std::num::NonZeroU16;

use bytes::Bytes;

use super::text::Text;
use super::version::Version;

/// A packet identifier; never 0 [MQTT-2.3.1-1].
pub type PacketId = NonZeroU16;

/// Quality of service (section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum QoS {
    /// 0: delivered once or not at all.
    #[default]
    AtMostOnce = 0,
    /// 1: acknowledged; may arrive more than once.
    AtLeastOnce = 1,
    /// 2: acknowledged in two steps; arrives once.
    ExactlyOnce = 2,
}

impl QoS {
    /// The quality of service that two bits stand for, if any.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }

    /// The two bits.
    pub const fn bits(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for QoS {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.bits(), f)
    }
}

/// A control packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// A client asks to be connected.
    Connect(Box<Connect>),
    /// The answer to CONNECT.
    ConnAck(ConnAck),
    /// A message.
    Publish(Publish),
    /// Received: the answer to a message of quality of service 1.
    PubAck(PacketId),
    /// Received, part 1 of the answer to a message of quality of service 2.
    PubRec(PacketId),
    /// Released, part 2.
    PubRel(PacketId),
    /// Complete, part 3.
    PubComp(PacketId),
    /// A client wants messages.
    Subscribe(Subscribe),
    /// The answer to SUBSCRIBE.
    SubAck(SubAck),
    /// A client no longer wants messages.
    Unsubscribe(Unsubscribe),
    /// The answer to UNSUBSCRIBE.
    UnsubAck(PacketId),
    /// A sign of life.
    PingReq,
    /// The answer to it.
    PingResp,
    /// A client ends the connection.
    Disconnect,
}

impl Packet {
    /// The name that the standard and the broker's log have for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connect(_) => "CONNECT",
            Self::ConnAck(_) => "CONNACK",
            Self::Publish(_) => "PUBLISH",
            Self::PubAck(_) => "PUBACK",
            Self::PubRec(_) => "PUBREC",
            Self::PubRel(_) => "PUBREL",
            Self::PubComp(_) => "PUBCOMP",
            Self::Subscribe(_) => "SUBSCRIBE",
            Self::SubAck(_) => "SUBACK",
            Self::Unsubscribe(_) => "UNSUBSCRIBE",
            Self::UnsubAck(_) => "UNSUBACK",
            Self::PingReq => "PINGREQ",
            Self::PingResp => "PINGRESP",
            Self::Disconnect => "DISCONNECT",
        }
    }
}

/// CONNECT (section 3.1).
#[derive(Clone, PartialEq, Eq)]
pub struct Connect {
    /// The version spoken from here on.
    pub version: Version,
    /// The client is a bridge: bit 0x80 of the level was set.
    pub bridge: bool,
    /// Begin with no session and leave none behind.
    pub clean_session: bool,
    /// Seconds between packets; 0 turns the check off.
    pub keep_alive: u16,
    /// The client identifier; may be empty.
    pub client_id: Text,
    /// What to publish if the client goes without a word.
    pub will: Option<Will>,
    /// The user name.
    pub username: Option<Text>,
    /// The password.
    pub password: Option<Bytes>,
}

impl fmt::Debug for Connect {
    /// Leaves out what the password is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("bridge", &self.bridge)
            .field("clean_session", &self.clean_session)
            .field("keep_alive", &self.keep_alive)
            .field("client_id", &self.client_id)
            .field("will", &self.will)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_secret| ".."))
            .finish()
    }
}

/// The message that a CONNECT leaves with the broker (section 3.1.2.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    /// Where to publish.
    pub topic: Text,
    /// What to publish.
    pub payload: Bytes,
    /// With which quality of service.
    pub qos: QoS,
    /// As a retained message.
    pub retain: bool,
}

/// CONNACK (section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnAck {
    /// The broker still has the client's session. Version 3.1 does not know this and sends 0.
    pub session_present: bool,
    /// Accepted, or why not.
    pub code: ConnectCode,
}

/// The return code of a CONNACK (table 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectCode {
    /// The connection is accepted.
    Accepted = 0,
    /// The level of the protocol is not supported.
    UnacceptableProtocolVersion = 1,
    /// The client identifier is not allowed.
    IdentifierRejected = 2,
    /// The broker can't serve at the moment.
    ServerUnavailable = 3,
    /// User name or password are wrong.
    BadUsernameOrPassword = 4,
    /// The client may not connect.
    NotAuthorized = 5,
}

impl ConnectCode {
    /// The code that a byte stands for, if any.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Accepted),
            1 => Some(Self::UnacceptableProtocolVersion),
            2 => Some(Self::IdentifierRejected),
            3 => Some(Self::ServerUnavailable),
            4 => Some(Self::BadUsernameOrPassword),
            5 => Some(Self::NotAuthorized),
            _ => None,
        }
    }
}

/// PUBLISH (section 3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// It may have been sent before.
    pub dup: bool,
    /// Quality of service.
    pub qos: QoS,
    /// To be kept for later subscribers, or kept from earlier.
    pub retain: bool,
    /// The topic name.
    pub topic: Text,
    /// The packet identifier; `None` exactly with quality of service 0.
    pub id: Option<PacketId>,
    /// The message itself.
    pub payload: Bytes,
}

/// SUBSCRIBE (section 3.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// The packet identifier.
    pub id: PacketId,
    /// What is wanted; at least one.
    pub subscriptions: Vec<Subscription>,
}

/// A topic filter and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The topic filter.
    pub filter: Text,
    /// The highest quality of service of what is sent.
    pub qos: QoS,
}

/// SUBACK (section 3.9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubAck {
    /// The identifier of the SUBSCRIBE.
    pub id: PacketId,
    /// One for each of its topic filters.
    pub codes: Vec<SubAckCode>,
}

/// The answer to one topic filter of a SUBSCRIBE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubAckCode {
    /// Granted, with this highest quality of service.
    Granted(QoS),
    /// Refused.
    Failure,
}

impl SubAckCode {
    /// The code that a byte stands for, if any.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match (QoS::from_bits(byte), byte) {
            (Some(qos), _) => Some(Self::Granted(qos)),
            (None, 0x80) => Some(Self::Failure),
            (None, _) => None,
        }
    }

    /// The byte that stands for the code.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Granted(qos) => qos.bits(),
            Self::Failure => 0x80,
        }
    }
}

/// UNSUBSCRIBE (section 3.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// The packet identifier.
    pub id: PacketId,
    /// The topic filters; at least one.
    pub filters: Vec<Text>,
}
