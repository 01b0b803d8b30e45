//! Why bytes are no packet, or a packet can't be put into bytes.

use thiserror::Error;

use super::packet::PacketId;
use super::reason::Reason;
use crate::topic::TopicError;

/// Why bytes are no packet. The connection they came from has to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The packet type is 0, or one that only version 5 has.
    #[error("packet type {0} does not exist")]
    PacketType(u8),
    /// Reserved bits of the fixed header are set [MQTT-2.2.2-2].
    #[error("the fixed header 0x{0:02x} has invalid flags")]
    Flags(u8),
    /// The remaining length has more than four bytes (section 2.2.3).
    #[error("the remaining length has more than four bytes")]
    RemainingLength,
    /// The packet is larger than this broker takes.
    #[error("the packet has {size} bytes, at most {limit} are taken")]
    TooLarge {
        /// Bytes of the whole packet.
        size: usize,
        /// Bytes that are taken.
        limit: usize,
    },
    /// The packet ends before its fields do.
    #[error("the packet is shorter than its fields")]
    Short,
    /// The packet goes on after its last field.
    #[error("the packet has {0} bytes after its last field")]
    Trailing(usize),
    /// A text is no UTF-8, or has a null character [MQTT-1.5.3-1], [MQTT-1.5.3-2].
    #[error("a text is not well-formed UTF-8 or contains the null character")]
    Text,
    /// Quality of service 3 [MQTT-3.3.1-4], [MQTT-3-8.3-4].
    #[error("quality of service {0} does not exist")]
    QoS(u8),
    /// The duplicate flag on a message with quality of service 0 [MQTT-3.3.1-2].
    #[error("a message of quality of service 0 is marked as duplicate")]
    DupAtQoS0,
    /// A packet identifier of 0 [MQTT-2.3.1-1].
    #[error("the packet identifier is 0")]
    PacketIdZero,
    /// A topic name that breaks the rules of section 4.7.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// A topic filter that does.
    #[error(transparent)]
    Filter(TopicError),
    /// A SUBSCRIBE or UNSUBSCRIBE without a topic filter [MQTT-3.8.3-3], [MQTT-3.10.3-2].
    #[error("the packet has no topic filter")]
    NoFilter,
    /// The protocol name is neither `MQTT` nor `MQIsdp` [MQTT-3.1.2-1].
    #[error("the protocol name is not known")]
    ProtocolName,
    /// The protocol is known but not this level of it. Answered with a CONNACK first [MQTT-3.1.2-2].
    #[error("protocol level {0} is not supported")]
    ProtocolLevel(u8),
    /// The flags of a CONNECT contradict each other or the reserved one is set [MQTT-3.1.2-3].
    #[error("the connect flags 0x{0:02x} are invalid")]
    ConnectFlags(u8),
    /// A return code that the standard does not define.
    #[error("return code 0x{0:02x} does not exist")]
    ReturnCode(u8),
    /// A number of one to four bytes has more, or more than it needs [MQTT-1.5.5-1].
    #[error("a variable byte integer has more bytes than it needs")]
    VariableLength,
    /// A property that does not exist, or not in this packet.
    #[error("property 0x{0:02x} does not exist in this packet")]
    Property(u8),
    /// A property that may stand once stands twice.
    #[error("the property {0} is there twice")]
    PropertyTwice(&'static str),
    /// A property has a value that it must not have.
    #[error("the property {0} has an impossible value")]
    PropertyValue(&'static str),
    /// A topic alias of 0 [MQTT-3.3.2-8].
    #[error("the topic alias is 0")]
    TopicAliasZero,
    /// The quality of service or the retain handling of a subscription is 3 (section 3.8.3.1).
    #[error("the subscription options 0x{0:02x} are invalid")]
    SubscriptionOptions(u8),
    /// Reserved bits of a subscription's options are set [MQTT-3.8.3-5].
    #[error("the subscription options 0x{0:02x} have reserved bits set")]
    ReservedOptions(u8),
    /// No Local on a shared subscription [MQTT-3.8.3-4].
    #[error("a shared subscription has the option No Local")]
    NoLocalShared,
    /// Authentication data without a method (section 3.1.2.11.10).
    #[error("there is authentication data without a method")]
    DataWithoutMethod,
}

impl DecodeError {
    /// What a peer that speaks version 5 is told (sections 2.4 and 4.13).
    pub const fn reason(self) -> Reason {
        match self {
            Self::TooLarge { .. } => Reason::PacketTooLarge,
            Self::ProtocolName | Self::ProtocolLevel(_) => Reason::UnsupportedProtocolVersion,
            Self::TopicAliasZero => Reason::TopicAliasInvalid,
            Self::PropertyTwice(_)
            | Self::PropertyValue(_)
            | Self::NoFilter
            | Self::NoLocalShared
            | Self::DataWithoutMethod
            | Self::PacketIdZero
            | Self::SubscriptionOptions(_)
            | Self::Topic(TopicError::Empty)
            | Self::Filter(TopicError::Empty) => Reason::ProtocolError,
            // Well-formed, and not taken here.
            Self::Topic(TopicError::TooDeep(_)) => Reason::TopicNameInvalid,
            Self::Filter(TopicError::TooDeep(_)) => Reason::TopicFilterInvalid,
            _ => Reason::MalformedPacket,
        }
    }
}

/// Why a packet can't be put into bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// It would have more bytes after its fixed header than the remaining length can say.
    #[error("the packet has {0} bytes, at most 268,435,455 fit")]
    TooLarge(usize),
    /// A password or will message is longer than 65,535 bytes.
    #[error("a field has {0} bytes, at most 65,535 fit")]
    FieldTooLong(usize),
    /// A quality of service that doesn't fit the packet identifier.
    #[error(
        "a message of quality of service 1 or 2 has a packet identifier, one of 0 has none (this one: {0:?})"
    )]
    PacketId(Option<PacketId>),
}
