//! The wire format of MQTT: bytes in, packets out, and back.
//!
//! Nothing here does I/O. [`decode()`] takes complete packets from the front of a buffer and never reads past
//! the length that a packet's own header declares; texts and payloads it returns are slices of that buffer.
//! [`encode()`] appends packets to a buffer, and [`PublishFrame`] is the one form of a message that goes to
//! many subscribers.
//!
//! There is one [`Packet`] vocabulary for all versions of the protocol. What differs between 3.1 and 3.1.1 is
//! decided by [`Version`], in the few places that match on it: what version 5 alone has, properties and reason
//! codes, is empty or success in the others.

mod connect;
mod decode;
mod encode;
mod error;
mod frame;
mod packet;
mod properties;
mod property;
mod read;
mod reason;
mod text;
mod version;

pub use connect::announced_version;
pub use decode::{Limits, decode};
pub use encode::{encode, encode_remaining_length};
pub use error::{DecodeError, EncodeError};
pub use frame::{PublishFrame, PublishHead, TopicForm};
pub use packet::{
    Ack, Codes, ConnAck, Connect, Outcome, Packet, PacketId, Publish, QoS, RetainHandling,
    Subscribe, Subscription, SubscriptionOptions, Unsubscribe, Will,
};
pub use properties::{Forwarded, MessageProperties, Properties};
pub use property::Property;
pub use reason::Reason;
pub use text::Text;
pub use version::Version;
