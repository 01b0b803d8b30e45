//! Bytes from packets.

use bytes::{BufMut, Bytes, BytesMut};

use super::connect::flag;
use super::decode::{DUP, RETAIN};
use super::error::EncodeError;
use super::packet::{Connect, Packet, PacketId, Publish, QoS, Subscribe, Unsubscribe};
use super::text::Text;
use super::version::Version;

/// The most bytes that can follow a fixed header: four times seven bits (section 2.2.3).
pub(super) const MAX_REMAINING: usize = 268_435_455;

/// Appends `packet` to `out`.
///
/// # Errors
///
/// The packet can't be expressed; `out` is then as it was.
pub fn encode(packet: &Packet, out: &mut BytesMut) -> Result<(), EncodeError> {
    match packet {
        Packet::Connect(connect) => encode_connect(connect, out),
        Packet::ConnAck(ack) => {
            out.put_slice(&[0x20, 2, u8::from(ack.session_present), ack.code as u8]);
            Ok(())
        }
        Packet::Publish(publish) => encode_publish(publish, out),
        Packet::PubAck(id) => numbered(0x40, *id, out),
        Packet::PubRec(id) => numbered(0x50, *id, out),
        Packet::PubRel(id) => numbered(0x62, *id, out),
        Packet::PubComp(id) => numbered(0x70, *id, out),
        Packet::Subscribe(subscribe) => encode_subscribe(subscribe, out),
        Packet::SubAck(ack) => {
            header(0x90, 2 + ack.codes.len(), out)?;
            out.put_u16(ack.id.get());
            out.extend(ack.codes.iter().map(|code| code.byte()));
            Ok(())
        }
        Packet::Unsubscribe(unsubscribe) => encode_unsubscribe(unsubscribe, out),
        Packet::UnsubAck(id) => numbered(0xB0, *id, out),
        Packet::PingReq => bare(0xC0, out),
        Packet::PingResp => bare(0xD0, out),
        Packet::Disconnect => bare(0xE0, out),
    }
}

/// Appends a remaining length: seven bits a byte, the lowest first, bit 7 says that there is more.
pub fn encode_remaining_length(mut length: usize, out: &mut BytesMut) {
    loop {
        // Masked to seven bits, it fits.
        let byte = u8::try_from(length & 0x7F).unwrap_or_default();
        length >>= 7;
        if length == 0 {
            return out.put_u8(byte);
        }
        out.put_u8(byte | 0x80);
    }
}

fn header(first: u8, remaining: usize, out: &mut BytesMut) -> Result<(), EncodeError> {
    if remaining > MAX_REMAINING {
        return Err(EncodeError::TooLarge(remaining));
    }
    out.reserve(5 + remaining);
    out.put_u8(first);
    encode_remaining_length(remaining, out);
    Ok(())
}

fn bare(first: u8, out: &mut BytesMut) -> Result<(), EncodeError> {
    header(first, 0, out)
}

fn numbered(first: u8, id: PacketId, out: &mut BytesMut) -> Result<(), EncodeError> {
    header(first, 2, out)?;
    out.put_u16(id.get());
    Ok(())
}

fn text(text: &Text, out: &mut BytesMut) {
    out.put_u16(text.wire_length());
    out.put_slice(text.as_bytes());
}

fn binary(bytes: &Bytes, length: u16, out: &mut BytesMut) {
    out.put_u16(length);
    out.put_slice(bytes);
}

fn field_length(bytes: &Bytes) -> Result<u16, EncodeError> {
    u16::try_from(bytes.len()).map_err(|_large| EncodeError::FieldTooLong(bytes.len()))
}

fn encode_connect(connect: &Connect, out: &mut BytesMut) -> Result<(), EncodeError> {
    let will_length = connect
        .will
        .as_ref()
        .map(|will| field_length(&will.payload))
        .transpose()?;
    let password_length = connect.password.as_ref().map(field_length).transpose()?;
    let mut body = BytesMut::new();
    let name = connect.version.name();
    body.put_u16(u16::try_from(name.len()).unwrap_or_default());
    body.put_slice(name.as_bytes());
    body.put_u8(
        connect.version.level()
            | if connect.bridge {
                Version::BRIDGE_BIT
            } else {
                0
            },
    );
    body.put_u8(connect_flags(connect));
    body.put_u16(connect.keep_alive);
    text(&connect.client_id, &mut body);
    if let (Some(will), Some(length)) = (&connect.will, will_length) {
        text(&will.topic, &mut body);
        binary(&will.payload, length, &mut body);
    }
    if let Some(username) = &connect.username {
        text(username, &mut body);
    }
    if let (Some(password), Some(length)) = (&connect.password, password_length) {
        binary(password, length, &mut body);
    }
    header(0x10, body.len(), out)?;
    out.put_slice(&body);
    Ok(())
}

fn connect_flags(connect: &Connect) -> u8 {
    let mut flags = if connect.clean_session {
        flag::CLEAN_SESSION
    } else {
        0
    };
    if let Some(will) = &connect.will {
        flags |= flag::WILL | will.qos.bits() << flag::WILL_QOS_SHIFT;
        if will.retain {
            flags |= flag::WILL_RETAIN;
        }
    }
    if connect.username.is_some() {
        flags |= flag::USERNAME;
    }
    if connect.password.is_some() {
        flags |= flag::PASSWORD;
    }
    flags
}

/// The first byte of a PUBLISH.
pub(super) fn publish_flags(dup: bool, qos: QoS, retain: bool) -> u8 {
    0x30 | if dup { DUP } else { 0 } | qos.bits() << 1 | if retain { RETAIN } else { 0 }
}

fn encode_publish(publish: &Publish, out: &mut BytesMut) -> Result<(), EncodeError> {
    if publish.id.is_some() == (publish.qos == QoS::AtMostOnce) {
        return Err(EncodeError::PacketId(publish.id));
    }
    let id_length = if publish.id.is_some() { 2 } else { 0 };
    let remaining = 2 + publish.topic.len() + id_length + publish.payload.len();
    header(
        publish_flags(publish.dup, publish.qos, publish.retain),
        remaining,
        out,
    )?;
    text(&publish.topic, out);
    if let Some(id) = publish.id {
        out.put_u16(id.get());
    }
    out.put_slice(&publish.payload);
    Ok(())
}

fn encode_subscribe(subscribe: &Subscribe, out: &mut BytesMut) -> Result<(), EncodeError> {
    let fields = subscribe
        .subscriptions
        .iter()
        .map(|subscription| 3 + subscription.filter.len());
    header(0x82, 2 + fields.sum::<usize>(), out)?;
    out.put_u16(subscribe.id.get());
    for subscription in &subscribe.subscriptions {
        text(&subscription.filter, out);
        out.put_u8(subscription.qos.bits());
    }
    Ok(())
}

fn encode_unsubscribe(unsubscribe: &Unsubscribe, out: &mut BytesMut) -> Result<(), EncodeError> {
    let fields = unsubscribe.filters.iter().map(|filter| 2 + filter.len());
    header(0xA2, 2 + fields.sum::<usize>(), out)?;
    out.put_u16(unsubscribe.id.get());
    for filter in &unsubscribe.filters {
        text(filter, out);
    }
    Ok(())
}
