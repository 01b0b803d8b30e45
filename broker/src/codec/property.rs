//! The properties of version 5 (section 2.2.2): what there is, where it may stand, and its form on the wire.

use bytes::{BufMut, Bytes, BytesMut};

use super::encode::{encode_remaining_length, put_binary, put_text};
use super::error::DecodeError;
use super::packet::QoS;
use super::read::Body;
use super::text::Text;

/// The packets that have properties, as bits; a will has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u16);

impl Place {
    pub(super) const CONNECT: Self = Self(1);
    pub(super) const WILL: Self = Self(1 << 1);
    pub(super) const CONNACK: Self = Self(1 << 2);
    pub(super) const PUBLISH: Self = Self(1 << 3);
    /// PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK.
    pub(super) const ANSWER: Self = Self(1 << 4);
    pub(super) const SUBSCRIBE: Self = Self(1 << 5);
    pub(super) const UNSUBSCRIBE: Self = Self(1 << 6);
    pub(super) const DISCONNECT: Self = Self(1 << 7);
    pub(super) const AUTH: Self = Self(1 << 8);
    const ALL: Self = Self(u16::MAX);

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A property (table 2-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// Whether the payload is UTF-8 text.
    PayloadFormatIndicator(bool),
    /// Seconds that a message is of use.
    MessageExpiryInterval(u32),
    /// What the payload is.
    ContentType(Text),
    /// Where an answer is expected.
    ResponseTopic(Text),
    /// What an answer is to be recognized by.
    CorrelationData(Bytes),
    /// The number that a subscriber gave its subscription.
    SubscriptionIdentifier(u32),
    /// Seconds that a session outlives its connection; all bits set is for ever.
    SessionExpiryInterval(u32),
    /// The client identifier that the broker chose.
    AssignedClientIdentifier(Text),
    /// Seconds between packets that the broker insists on.
    ServerKeepAlive(u16),
    /// How to authenticate.
    AuthenticationMethod(Text),
    /// With what to authenticate.
    AuthenticationData(Bytes),
    /// Whether reason strings and user properties are welcome in every packet.
    RequestProblemInformation(bool),
    /// Seconds that a will waits.
    WillDelayInterval(u32),
    /// Whether the broker may send response information.
    RequestResponseInformation(bool),
    /// What to build response topics of.
    ResponseInformation(Text),
    /// The broker to use instead.
    ServerReference(Text),
    /// For people who look for the cause.
    ReasonString(Text),
    /// The most messages of quality of service 1 and 2 in flight.
    ReceiveMaximum(u16),
    /// The highest topic alias.
    TopicAliasMaximum(u16),
    /// A number that stands for a topic name.
    TopicAlias(u16),
    /// The highest quality of service, 0 or 1.
    MaximumQoS(QoS),
    /// Whether messages are retained.
    RetainAvailable(bool),
    /// Anything else, a name and a value.
    UserProperty(Text, Text),
    /// The most bytes of a packet.
    MaximumPacketSize(u32),
    /// Whether filters may have wildcards.
    WildcardSubscriptionAvailable(bool),
    /// Whether subscriptions may have identifiers.
    SubscriptionIdentifierAvailable(bool),
    /// Whether there are shared subscriptions.
    SharedSubscriptionAvailable(bool),
}

/// Identifier, name and places of each property.
const TABLE: [(u8, &str, Place); 27] = [
    (
        0x01,
        "Payload Format Indicator",
        Place::PUBLISH.or(Place::WILL),
    ),
    (
        0x02,
        "Message Expiry Interval",
        Place::PUBLISH.or(Place::WILL),
    ),
    (0x03, "Content Type", Place::PUBLISH.or(Place::WILL)),
    (0x08, "Response Topic", Place::PUBLISH.or(Place::WILL)),
    (0x09, "Correlation Data", Place::PUBLISH.or(Place::WILL)),
    (
        0x0B,
        "Subscription Identifier",
        Place::PUBLISH.or(Place::SUBSCRIBE),
    ),
    (
        0x11,
        "Session Expiry Interval",
        Place::CONNECT.or(Place::CONNACK).or(Place::DISCONNECT),
    ),
    (0x12, "Assigned Client Identifier", Place::CONNACK),
    (0x13, "Server Keep Alive", Place::CONNACK),
    (
        0x15,
        "Authentication Method",
        Place::CONNECT.or(Place::CONNACK).or(Place::AUTH),
    ),
    (
        0x16,
        "Authentication Data",
        Place::CONNECT.or(Place::CONNACK).or(Place::AUTH),
    ),
    (0x17, "Request Problem Information", Place::CONNECT),
    (0x18, "Will Delay Interval", Place::WILL),
    (0x19, "Request Response Information", Place::CONNECT),
    (0x1A, "Response Information", Place::CONNACK),
    (
        0x1C,
        "Server Reference",
        Place::CONNACK.or(Place::DISCONNECT),
    ),
    (
        0x1F,
        "Reason String",
        Place::CONNACK
            .or(Place::ANSWER)
            .or(Place::DISCONNECT)
            .or(Place::AUTH),
    ),
    (0x21, "Receive Maximum", Place::CONNECT.or(Place::CONNACK)),
    (
        0x22,
        "Topic Alias Maximum",
        Place::CONNECT.or(Place::CONNACK),
    ),
    (0x23, "Topic Alias", Place::PUBLISH),
    (0x24, "Maximum QoS", Place::CONNACK),
    (0x25, "Retain Available", Place::CONNACK),
    (0x26, "User Property", Place::ALL),
    (
        0x27,
        "Maximum Packet Size",
        Place::CONNECT.or(Place::CONNACK),
    ),
    (0x28, "Wildcard Subscription Available", Place::CONNACK),
    (0x29, "Subscription Identifier Available", Place::CONNACK),
    (0x2A, "Shared Subscription Available", Place::CONNACK),
];

const USER_PROPERTY: u8 = 0x26;
const SUBSCRIPTION_IDENTIFIER: u8 = 0x0B;

/// The largest number that four bytes of seven bits hold.
pub(super) const MAX_VARIABLE: u32 = 268_435_455;

impl Property {
    /// Reads one property of a packet of this kind. `seen` has a bit for each identifier that came before.
    pub(super) fn read(body: &mut Body, place: Place, seen: &mut u64) -> Result<Self, DecodeError> {
        // An identifier is a variable byte integer, but all that exist fit in one byte.
        let id = body.byte()?;
        let &(_, name, places) = TABLE
            .iter()
            .find(|entry| entry.0 == id)
            .ok_or(DecodeError::Property(id))?;
        if !places.has(place) {
            return Err(DecodeError::Property(id));
        }
        let repeats =
            id == USER_PROPERTY || (id == SUBSCRIPTION_IDENTIFIER && place == Place::PUBLISH);
        let bit = 1_u64 << id;
        if *seen & bit != 0 && !repeats {
            return Err(DecodeError::PropertyTwice(name));
        }
        *seen |= bit;
        Self::value(id, body)?.ok_or(DecodeError::PropertyValue(name))
    }

    /// `None` is a value that the property must not have.
    fn value(id: u8, body: &mut Body) -> Result<Option<Self>, DecodeError> {
        let flag = |body: &mut Body| {
            body.byte().map(|byte| match byte {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            })
        };
        let above_zero = |number: u16| Some(number).filter(|number| *number > 0);
        Ok(match id {
            0x01 => flag(body)?.map(Self::PayloadFormatIndicator),
            0x02 => Some(Self::MessageExpiryInterval(body.four_bytes()?)),
            0x03 => Some(Self::ContentType(body.text()?)),
            0x08 => Some(body.text()?)
                // [MQTT-3.3.2-14], and a name has at least one character.
                .filter(|topic| crate::topic::validate_name(topic).is_ok())
                .map(Self::ResponseTopic),
            0x09 => Some(Self::CorrelationData(body.binary()?)),
            0x0B => Some(body.variable()?)
                .filter(|number| *number > 0)
                .map(Self::SubscriptionIdentifier),
            0x11 => Some(Self::SessionExpiryInterval(body.four_bytes()?)),
            0x12 => Some(Self::AssignedClientIdentifier(body.text()?)),
            0x13 => Some(Self::ServerKeepAlive(body.two_bytes()?)),
            0x15 => Some(Self::AuthenticationMethod(body.text()?)),
            0x16 => Some(Self::AuthenticationData(body.binary()?)),
            0x17 => flag(body)?.map(Self::RequestProblemInformation),
            0x18 => Some(Self::WillDelayInterval(body.four_bytes()?)),
            0x19 => flag(body)?.map(Self::RequestResponseInformation),
            0x1A => Some(Self::ResponseInformation(body.text()?)),
            0x1C => Some(Self::ServerReference(body.text()?)),
            0x1F => Some(Self::ReasonString(body.text()?)),
            0x21 => above_zero(body.two_bytes()?).map(Self::ReceiveMaximum),
            0x22 => Some(Self::TopicAliasMaximum(body.two_bytes()?)),
            // [MQTT-3.3.2-8]
            0x23 => match body.two_bytes()? {
                0 => return Err(DecodeError::TopicAliasZero),
                alias => Some(Self::TopicAlias(alias)),
            },
            0x24 => match body.byte()? {
                0 => Some(Self::MaximumQoS(QoS::AtMostOnce)),
                1 => Some(Self::MaximumQoS(QoS::AtLeastOnce)),
                _ => None,
            },
            0x25 => flag(body)?.map(Self::RetainAvailable),
            0x26 => Some(Self::UserProperty(body.text()?, body.text()?)),
            0x27 => Some(body.four_bytes()?)
                .filter(|number| *number > 0)
                .map(Self::MaximumPacketSize),
            0x28 => flag(body)?.map(Self::WildcardSubscriptionAvailable),
            0x29 => flag(body)?.map(Self::SubscriptionIdentifierAvailable),
            0x2A => flag(body)?.map(Self::SharedSubscriptionAvailable),
            _ => return Err(DecodeError::Property(id)),
        })
    }

    const fn id(&self) -> u8 {
        match self {
            Self::PayloadFormatIndicator(_) => 0x01,
            Self::MessageExpiryInterval(_) => 0x02,
            Self::ContentType(_) => 0x03,
            Self::ResponseTopic(_) => 0x08,
            Self::CorrelationData(_) => 0x09,
            Self::SubscriptionIdentifier(_) => SUBSCRIPTION_IDENTIFIER,
            Self::SessionExpiryInterval(_) => 0x11,
            Self::AssignedClientIdentifier(_) => 0x12,
            Self::ServerKeepAlive(_) => 0x13,
            Self::AuthenticationMethod(_) => 0x15,
            Self::AuthenticationData(_) => 0x16,
            Self::RequestProblemInformation(_) => 0x17,
            Self::WillDelayInterval(_) => 0x18,
            Self::RequestResponseInformation(_) => 0x19,
            Self::ResponseInformation(_) => 0x1A,
            Self::ServerReference(_) => 0x1C,
            Self::ReasonString(_) => 0x1F,
            Self::ReceiveMaximum(_) => 0x21,
            Self::TopicAliasMaximum(_) => 0x22,
            Self::TopicAlias(_) => 0x23,
            Self::MaximumQoS(_) => 0x24,
            Self::RetainAvailable(_) => 0x25,
            Self::UserProperty(..) => USER_PROPERTY,
            Self::MaximumPacketSize(_) => 0x27,
            Self::WildcardSubscriptionAvailable(_) => 0x28,
            Self::SubscriptionIdentifierAvailable(_) => 0x29,
            Self::SharedSubscriptionAvailable(_) => 0x2A,
        }
    }

    /// Appends it. Texts and numbers that could be made are ones that fit; a longer byte string is cut.
    pub(super) fn write(&self, out: &mut BytesMut) {
        out.put_u8(self.id());
        match self {
            Self::PayloadFormatIndicator(flag)
            | Self::RequestProblemInformation(flag)
            | Self::RequestResponseInformation(flag)
            | Self::RetainAvailable(flag)
            | Self::WildcardSubscriptionAvailable(flag)
            | Self::SubscriptionIdentifierAvailable(flag)
            | Self::SharedSubscriptionAvailable(flag) => out.put_u8((*flag).into()),
            Self::MaximumQoS(qos) => out.put_u8(qos.bits()),
            Self::ServerKeepAlive(number)
            | Self::ReceiveMaximum(number)
            | Self::TopicAliasMaximum(number)
            | Self::TopicAlias(number) => out.put_u16(*number),
            Self::MessageExpiryInterval(number)
            | Self::SessionExpiryInterval(number)
            | Self::WillDelayInterval(number)
            | Self::MaximumPacketSize(number) => out.put_u32(*number),
            Self::SubscriptionIdentifier(number) => {
                encode_remaining_length((*number).min(MAX_VARIABLE) as usize, out);
            }
            Self::CorrelationData(bytes) | Self::AuthenticationData(bytes) => {
                put_binary(bytes, out);
            }
            Self::ContentType(text)
            | Self::ResponseTopic(text)
            | Self::AssignedClientIdentifier(text)
            | Self::AuthenticationMethod(text)
            | Self::ResponseInformation(text)
            | Self::ServerReference(text)
            | Self::ReasonString(text) => put_text(text, out),
            Self::UserProperty(name, value) => {
                put_text(name, out);
                put_text(value, out);
            }
        }
    }
}
