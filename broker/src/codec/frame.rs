//! A message made ready for many subscribers.

use bytes::{BufMut, Bytes, BytesMut};

use super::encode::{MAX_REMAINING, encode_remaining_length, publish_flags};
use super::packet::{PacketId, QoS};
use super::properties::Forwarded;
use super::property::Property;
use super::text::Text;
use super::version::Version;

/// Messages up to this many bytes are copied once, into an allocation of their own size.
///
/// A larger one stays a slice of the buffer it was read into. The copy is what keeps a small message that is
/// stored for long from holding a whole read buffer in memory.
const COPY_BELOW: usize = 4096;

/// The most bytes before a payload that are not topic or forwarded properties: fixed header, length of the
/// topic, packet identifier, length of the properties, expiry and alias.
const MAX_OVERHEAD: usize = 5 + 2 + 2 + 4 + 5 + 3;

/// Topic, properties and payload of a message as they go out, shared by all who receive it.
///
/// Between two subscribers differ only flags, lengths, packet identifier, and the few properties that are a
/// subscriber's own: those bytes are written for each, the rest is the same memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishFrame {
    topic: Text,
    properties: Forwarded,
    payload: Bytes,
}

/// What is a subscriber's own in a message.
#[derive(Debug, Clone, Copy)]
pub struct PublishHead<'a> {
    /// The version the subscriber speaks.
    pub version: Version,
    /// It may have been sent before.
    pub dup: bool,
    /// The quality of service.
    pub qos: QoS,
    /// The retain flag.
    pub retain: bool,
    /// Present exactly with quality of service 1 and 2.
    pub id: Option<PacketId>,
    /// Seconds until the message is of no use. From version 5 on.
    pub expiry: Option<u32>,
    /// The identifiers of the subscriptions it is sent for. From version 5 on.
    pub subscriptions: &'a [u32],
    /// How the topic is written.
    pub topic: TopicForm,
}

/// How a topic is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicForm {
    /// As it is, without so many bytes at its front.
    Name {
        /// Bytes of the mount point, which subscribers don't see.
        skip: usize,
    },
    /// As it is, and from now on to be known by an alias.
    NameWithAlias {
        /// Bytes of the mount point.
        skip: usize,
        /// The alias.
        alias: u16,
    },
    /// By an alias that the subscriber knows.
    Alias(u16),
}

impl PublishFrame {
    /// Makes a message ready, or returns `None` if it is too large for a packet.
    pub fn new(topic: &Text, properties: &Forwarded, payload: &Bytes) -> Option<Self> {
        let length = topic.len() + properties.as_bytes().len() + payload.len();
        if length + MAX_OVERHEAD > MAX_REMAINING {
            return None;
        }
        if length > COPY_BELOW {
            return Some(Self {
                topic: topic.clone(),
                properties: properties.clone(),
                payload: payload.clone(),
            });
        }
        let mut all = BytesMut::with_capacity(length);
        all.put_slice(topic.as_bytes());
        all.put_slice(properties.as_bytes());
        all.put_slice(payload);
        let mut all = all.freeze();
        let topic = Text::try_from(all.split_to(topic.len())).ok()?;
        let properties = Forwarded::trusted(all.split_to(properties.as_bytes().len()));
        Some(Self {
            topic,
            properties,
            payload: all,
        })
    }

    /// The topic name.
    pub fn topic(&self) -> &Text {
        &self.topic
    }

    /// The properties that go to every subscriber.
    pub fn properties(&self) -> &Forwarded {
        &self.properties
    }

    /// The message itself.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The bytes it takes to keep it.
    pub fn size(&self) -> usize {
        self.topic.len() + self.properties.as_bytes().len() + self.payload.len()
    }

    /// The bytes of the packet on the wire.
    pub fn packet_size(&self, head: &PublishHead<'_>) -> usize {
        let remaining = self.remaining(head, &own_properties(head));
        1 + length_of_length(remaining) + remaining
    }

    /// Appends the packet to `out` as far as its payload, which is to follow.
    pub fn put_head(&self, head: &PublishHead<'_>, out: &mut BytesMut) {
        let own = own_properties(head);
        let topic = self.written_topic(head.topic);
        out.reserve(MAX_OVERHEAD + topic.len() + own.len() + self.properties.as_bytes().len());
        out.put_u8(publish_flags(head.dup, head.qos, head.retain));
        encode_remaining_length(self.remaining(head, &own), out);
        // A part of a text is no longer than the text.
        out.put_u16(u16::try_from(topic.len()).unwrap_or(u16::MAX));
        out.put_slice(topic.as_bytes());
        if let Some(id) = head.id {
            out.put_u16(id.get());
        }
        if head.version.has_properties() {
            encode_remaining_length(own.len() + self.properties.as_bytes().len(), out);
            out.put_slice(&own);
            out.put_slice(self.properties.as_bytes());
        }
    }

    fn written_topic(&self, form: TopicForm) -> &str {
        match form {
            TopicForm::Name { skip } | TopicForm::NameWithAlias { skip, .. } => {
                self.topic.get(skip..).unwrap_or_default()
            }
            TopicForm::Alias(_) => "",
        }
    }

    fn remaining(&self, head: &PublishHead<'_>, own: &[u8]) -> usize {
        let id_length = if head.id.is_some() { 2 } else { 0 };
        let properties = if head.version.has_properties() {
            let length = own.len() + self.properties.as_bytes().len();
            length + length_of_length(length)
        } else {
            0
        };
        2 + self.written_topic(head.topic).len() + id_length + properties + self.payload.len()
    }
}

/// The properties that are a subscriber's own; none before version 5.
fn own_properties(head: &PublishHead<'_>) -> BytesMut {
    let mut own = BytesMut::new();
    if !head.version.has_properties() {
        return own;
    }
    if let TopicForm::NameWithAlias { alias, .. } | TopicForm::Alias(alias) = head.topic {
        Property::TopicAlias(alias).write(&mut own);
    }
    if let Some(seconds) = head.expiry {
        Property::MessageExpiryInterval(seconds).write(&mut own);
    }
    for number in head.subscriptions {
        Property::SubscriptionIdentifier(*number).write(&mut own);
    }
    own
}

/// How many bytes of seven bits a length takes.
const fn length_of_length(length: usize) -> usize {
    match length {
        0..=0x7F => 1,
        0x80..=0x3FFF => 2,
        0x4000..=0x1F_FFFF => 3,
        _ => 4,
    }
}
