//! Packets from bytes.

use bytes::{Buf, BytesMut};

use super::connect;
use super::error::DecodeError;
use super::packet::{
    ConnAck, ConnectCode, Packet, Publish, QoS, SubAck, SubAckCode, Subscribe, Subscription,
    Unsubscribe,
};
use super::read::Body;
use super::version::Version;
use crate::topic;

/// The bit of a fixed header that marks a repeated message.
pub(super) const DUP: u8 = 0x08;
/// The bit that marks a message to be kept.
pub(super) const RETAIN: u8 = 0x01;

/// What is taken from a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest packet in bytes, fixed header included.
    pub max_packet_size: usize,
}

impl Default for Limits {
    /// The default of Mosquitto 2.1.
    fn default() -> Self {
        Self {
            max_packet_size: 2_000_000,
        }
    }
}

/// A fixed header (section 2.2).
struct Header {
    first: u8,
    /// Bytes of the header itself.
    size: usize,
    /// Bytes that follow it.
    remaining: usize,
}

/// Takes one packet from the front of `buffer`, or returns `None` if it isn't there as a whole yet.
///
/// `version` is the one that the connection's CONNECT announced; a CONNECT packet itself is read by what it
/// says of itself. A packet that is too large is refused as soon as its header is there.
///
/// # Errors
///
/// The bytes are no packet. The place of the next one is then unknown, and the connection is to be closed.
pub fn decode(
    buffer: &mut BytesMut,
    limits: Limits,
    version: Version,
) -> Result<Option<Packet>, DecodeError> {
    let Some(header) = header(buffer)? else {
        return Ok(None);
    };
    check_flags(header.first, version)?;
    let size = header.size + header.remaining;
    if size > limits.max_packet_size {
        return Err(DecodeError::TooLarge {
            size,
            limit: limits.max_packet_size,
        });
    }
    if buffer.len() < size {
        return Ok(None);
    }
    buffer.advance(header.size);
    let body = Body::new(buffer.split_to(header.remaining).freeze());
    packet(header.first, body).map(Some)
}

fn header(buffer: &[u8]) -> Result<Option<Header>, DecodeError> {
    let Some((&first, rest)) = buffer.split_first() else {
        return Ok(None);
    };
    let mut remaining = 0;
    for (index, &byte) in rest.iter().take(4).enumerate() {
        remaining |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some(Header {
                first,
                size: index + 2,
                remaining,
            }));
        }
    }
    if rest.len() < 4 {
        Ok(None)
    } else {
        Err(DecodeError::RemainingLength)
    }
}

/// Checks type and flags, which are known before the packet is there as a whole.
fn check_flags(first: u8, version: Version) -> Result<(), DecodeError> {
    let expected = match first >> 4 {
        kind @ (0 | 15) => return Err(DecodeError::PacketType(kind)),
        3 => return check_publish_flags(first),
        6 | 8 | 10 => 0x02,
        // The version is known only after it; a CONNECT of any version has no flags.
        _ => 0x00,
    };
    let strict = version.reserves_unused_bits() || first >> 4 == 1;
    if strict && first & 0x0F != expected {
        return Err(DecodeError::Flags(first));
    }
    Ok(())
}

fn check_publish_flags(first: u8) -> Result<(), DecodeError> {
    match (first >> 1) & 0x03 {
        0 if first & DUP != 0 => Err(DecodeError::DupAtQoS0),
        0..=2 => Ok(()),
        bits => Err(DecodeError::QoS(bits)),
    }
}

fn packet(first: u8, mut body: Body) -> Result<Packet, DecodeError> {
    let packet = match first >> 4 {
        1 => return Ok(Packet::Connect(Box::new(connect::decode(body)?))),
        2 => Packet::ConnAck(connack(&mut body)?),
        3 => return Ok(Packet::Publish(publish(first, body)?)),
        4 => Packet::PubAck(body.packet_id()?),
        5 => Packet::PubRec(body.packet_id()?),
        6 => Packet::PubRel(body.packet_id()?),
        7 => Packet::PubComp(body.packet_id()?),
        8 => Packet::Subscribe(subscribe(&mut body)?),
        9 => Packet::SubAck(suback(&mut body)?),
        10 => Packet::Unsubscribe(unsubscribe(&mut body)?),
        11 => Packet::UnsubAck(body.packet_id()?),
        12 => Packet::PingReq,
        13 => Packet::PingResp,
        14 => Packet::Disconnect,
        kind => return Err(DecodeError::PacketType(kind)),
    };
    body.end()?;
    Ok(packet)
}

fn connack(body: &mut Body) -> Result<ConnAck, DecodeError> {
    let flags = body.byte()?;
    if flags > 1 {
        return Err(DecodeError::ConnectFlags(flags));
    }
    let code = body.byte()?;
    let code = ConnectCode::from_byte(code).ok_or(DecodeError::ReturnCode(code))?;
    Ok(ConnAck {
        session_present: flags == 1,
        code,
    })
}

fn publish(first: u8, mut body: Body) -> Result<Publish, DecodeError> {
    let bits = (first >> 1) & 0x03;
    let qos = QoS::from_bits(bits).ok_or(DecodeError::QoS(bits))?;
    let topic = body.text()?;
    topic::validate_name(&topic)?;
    let id = if qos == QoS::AtMostOnce {
        None
    } else {
        Some(body.packet_id()?)
    };
    Ok(Publish {
        dup: first & DUP != 0,
        qos,
        retain: first & RETAIN != 0,
        topic,
        id,
        payload: body.rest(),
    })
}

fn subscribe(body: &mut Body) -> Result<Subscribe, DecodeError> {
    let id = body.packet_id()?;
    let mut subscriptions = Vec::new();
    while !body.is_empty() {
        let filter = body.text()?;
        topic::validate_filter(&filter)?;
        subscriptions.push(Subscription {
            filter,
            qos: body.requested_qos()?,
        });
    }
    if subscriptions.is_empty() {
        return Err(DecodeError::NoFilter);
    }
    Ok(Subscribe { id, subscriptions })
}

fn suback(body: &mut Body) -> Result<SubAck, DecodeError> {
    let id = body.packet_id()?;
    let mut codes = Vec::new();
    while !body.is_empty() {
        let byte = body.byte()?;
        codes.push(SubAckCode::from_byte(byte).ok_or(DecodeError::ReturnCode(byte))?);
    }
    if codes.is_empty() {
        return Err(DecodeError::Short);
    }
    Ok(SubAck { id, codes })
}

fn unsubscribe(body: &mut Body) -> Result<Unsubscribe, DecodeError> {
    let id = body.packet_id()?;
    let mut filters = Vec::new();
    while !body.is_empty() {
        let filter = body.text()?;
        topic::validate_filter(&filter)?;
        filters.push(filter);
    }
    if filters.is_empty() {
        return Err(DecodeError::NoFilter);
    }
    Ok(Unsubscribe { id, filters })
}
