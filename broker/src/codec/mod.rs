//! The wire format of MQTT: bytes in, packets out, and back.
//!
//! Nothing here does I/O. [`decode()`] takes complete packets from the front of a buffer and never reads past
//! the length that a packet's own header declares; texts and payloads it returns are slices of that buffer.
//! [`encode()`] appends packets to a buffer, and [`PublishFrame`] is the one form of a message that goes to
//! many subscribers.
//!
//! There is one [`Packet`] vocabulary for all versions of the protocol. What differs between 3.1 and 3.1.1 is
//! decided by [`Version`], in the few places that match on it; version 5 is to be its third variant.

mod connect;
mod decode;
mod encode;
mod error;
mod frame;
mod packet;
mod read;
mod text;
mod version;

pub use decode::{Limits, decode};
pub use encode::{encode, encode_remaining_length};
pub use error::{DecodeError, EncodeError};
pub use frame::PublishFrame;
pub use packet::{
    ConnAck, Connect, ConnectCode, Packet, PacketId, Publish, QoS, SubAck, SubAckCode, Subscribe,
    Subscription, Unsubscribe, Will,
};
pub use text::Text;
pub use version::Version;
