//! The packets of MQTT, one vocabulary for all versions.

use std::fmt;
use std::num::NonZeroU16;

use bytes::Bytes;

use super::properties::{MessageProperties, Properties};
use super::property::Property;
use super::reason::Reason;
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
    PubAck(Ack),
    /// Received, part 1 of the answer to a message of quality of service 2.
    PubRec(Ack),
    /// Released, part 2.
    PubRel(Ack),
    /// Complete, part 3.
    PubComp(Ack),
    /// A client wants messages.
    Subscribe(Subscribe),
    /// The answer to SUBSCRIBE.
    SubAck(Codes),
    /// A client no longer wants messages.
    Unsubscribe(Unsubscribe),
    /// The answer to UNSUBSCRIBE.
    UnsubAck(Codes),
    /// A sign of life.
    PingReq,
    /// The answer to it.
    PingResp,
    /// One side ends the connection; before version 5 only a client says so.
    Disconnect(Outcome),
    /// Authentication beyond name and password; version 5 alone has it.
    Auth(Outcome),
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
            Self::Disconnect(_) => "DISCONNECT",
            Self::Auth(_) => "AUTH",
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
    /// Begin with no session, and before version 5 leave none behind.
    pub clean_start: bool,
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
    /// The properties.
    pub properties: Properties,
}

impl fmt::Debug for Connect {
    /// Leaves out what the password is, and what may be another secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            version,
            bridge,
            clean_start,
            keep_alive,
            client_id,
            will,
            username,
            password,
            properties,
        } = self;
        let secret = properties.find(|property| match property {
            Property::AuthenticationData(_) => Some(".."),
            _ => None,
        });
        let properties: Vec<_> = properties
            .iter()
            .filter(|property| !matches!(property, Property::AuthenticationData(_)))
            .collect();
        f.debug_struct("Connect")
            .field("version", version)
            .field("bridge", bridge)
            .field("clean_start", clean_start)
            .field("keep_alive", keep_alive)
            .field("client_id", client_id)
            .field("will", will)
            .field("username", username)
            .field("password", &password.as_ref().map(|_secret| ".."))
            .field("properties", &properties)
            .field("authentication_data", &secret)
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
    /// Its properties, and how long it waits.
    pub properties: MessageProperties,
}

/// CONNACK (section 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnAck {
    /// The broker still has the client's session. Version 3.1 does not know this and sends 0.
    pub session_present: bool,
    /// Accepted, or why not. Before version 5 there are six codes (see [`Reason::connect_code`]).
    pub reason: Reason,
    /// The properties.
    pub properties: Properties,
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
    /// The topic name; empty if an alias stands for it.
    pub topic: Text,
    /// The packet identifier; `None` exactly with quality of service 0.
    pub id: Option<PacketId>,
    /// The message itself.
    pub payload: Bytes,
    /// The properties.
    pub properties: MessageProperties,
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP (sections 3.4 to 3.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// The packet identifier.
    pub id: PacketId,
    /// What became of the message. Before version 5 it is not said, and read as success.
    pub reason: Reason,
    /// The properties.
    pub properties: Properties,
}

impl Ack {
    /// One without properties.
    pub const fn new(id: PacketId, reason: Reason) -> Self {
        Self {
            id,
            reason,
            properties: Properties::NONE,
        }
    }
}

impl From<PacketId> for Ack {
    fn from(id: PacketId) -> Self {
        Self::new(id, Reason::Success)
    }
}

/// SUBSCRIBE (section 3.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// The packet identifier.
    pub id: PacketId,
    /// What is wanted; at least one.
    pub subscriptions: Vec<Subscription>,
    /// The number that messages for these subscriptions carry.
    pub identifier: Option<u32>,
    /// The user properties.
    pub properties: Properties,
}

/// A topic filter and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The topic filter.
    pub filter: Text,
    /// The options. Before version 5 there is only the quality of service.
    pub options: SubscriptionOptions,
}

/// How messages for a subscription are sent (section 3.8.3.1 of version 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SubscriptionOptions {
    /// The highest quality of service of what is sent.
    pub qos: QoS,
    /// What the client published itself is not sent.
    pub no_local: bool,
    /// Live messages keep the retain flag they were published with.
    pub retain_as_published: bool,
    /// Which retained messages are sent.
    pub retain_handling: RetainHandling,
}

impl From<QoS> for SubscriptionOptions {
    fn from(qos: QoS) -> Self {
        Self {
            qos,
            ..Self::default()
        }
    }
}

/// When a subscription is answered with the retained messages it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetainHandling {
    /// 0: always, as before version 5.
    #[default]
    Send = 0,
    /// 1: if the subscription is new.
    SendIfNew = 1,
    /// 2: never.
    DoNotSend = 2,
}

/// SUBACK or UNSUBACK (sections 3.9 and 3.11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codes {
    /// The identifier of the SUBSCRIBE or UNSUBSCRIBE.
    pub id: PacketId,
    /// One for each of its topic filters. UNSUBACK has none before version 5, and SUBACK but one for failure.
    pub reasons: Vec<Reason>,
    /// The properties.
    pub properties: Properties,
}

/// UNSUBSCRIBE (section 3.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsubscribe {
    /// The packet identifier.
    pub id: PacketId,
    /// The topic filters; at least one.
    pub filters: Vec<Text>,
    /// The user properties.
    pub properties: Properties,
}

/// DISCONNECT or AUTH (sections 3.14 and 3.15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Why the connection ends, or how the authentication goes on.
    pub reason: Reason,
    /// The properties.
    pub properties: Properties,
}

impl From<Reason> for Outcome {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            properties: Properties::NONE,
        }
    }
}
