//! A message made ready for many subscribers.

use bytes::{BufMut, Bytes, BytesMut};

use super::encode::{MAX_REMAINING, encode_remaining_length, publish_flags};
use super::packet::{PacketId, QoS};
use super::text::Text;

/// Messages up to this many bytes are copied once, into an allocation of their own size.
///
/// A larger one stays a slice of the buffer it was read into. The copy is what keeps a small message that is
/// stored for long from holding a whole read buffer in memory.
const COPY_BELOW: usize = 4096;

/// Topic and payload of a message as they go out, shared by all who receive it.
///
/// Between two subscribers differ only flags, remaining length and packet identifier: those at most seven
/// bytes are written for each, the rest is the same memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishFrame {
    topic: Text,
    payload: Bytes,
}

impl PublishFrame {
    /// Makes a message ready, or returns `None` if it is too large for a packet.
    pub fn new(topic: &Text, payload: &Bytes) -> Option<Self> {
        let length = topic.len() + payload.len();
        if length + 4 > MAX_REMAINING {
            return None;
        }
        if length > COPY_BELOW {
            return Some(Self {
                topic: topic.clone(),
                payload: payload.clone(),
            });
        }
        let mut both = BytesMut::with_capacity(length);
        both.put_slice(topic.as_bytes());
        both.put_slice(payload);
        let mut both = both.freeze();
        let topic = Text::try_from(both.split_to(topic.len())).ok()?;
        Some(Self {
            topic,
            payload: both,
        })
    }

    /// The topic name.
    pub fn topic(&self) -> &Text {
        &self.topic
    }

    /// The message itself.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The bytes it takes to keep it.
    pub fn size(&self) -> usize {
        self.topic.len() + self.payload.len()
    }

    /// Appends the packet to `out` as far as its payload, which is to follow.
    ///
    /// `id` decides whether there is one: quality of service 0 has none.
    pub fn put_head(
        &self,
        dup: bool,
        qos: QoS,
        retain: bool,
        id: Option<PacketId>,
        out: &mut BytesMut,
    ) {
        let id_length = if id.is_some() { 2 } else { 0 };
        out.reserve(9 + self.topic.len());
        out.put_u8(publish_flags(dup, qos, retain));
        encode_remaining_length(2 + self.topic.len() + id_length + self.payload.len(), out);
        out.put_u16(self.topic.wire_length());
        out.put_slice(self.topic.as_bytes());
        if let Some(id) = id {
            out.put_u16(id.get());
        }
    }
}
