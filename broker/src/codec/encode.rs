//! Bytes from packets.

use bytes::{BufMut, Bytes, BytesMut};

use super::connect::flag;
use super::decode::{DUP, RETAIN};
use super::error::EncodeError;
use super::packet::{
    Ack, Codes, ConnAck, Connect, Outcome, Packet, Publish, QoS, Subscribe, SubscriptionOptions,
    Unsubscribe,
};
use super::properties::Properties;
use super::property::Property;
use super::reason::Reason;
use super::text::Text;
use super::version::Version;

/// The most bytes that can follow a fixed header: four times seven bits (section 2.2.3).
pub(super) const MAX_REMAINING: usize = 268_435_455;

/// Appends `packet` to `out` in the form of `version`; a CONNECT is in the one that it announces.
///
/// What a version can't say is left out: properties before version 5, and most reasons.
///
/// # Errors
///
/// The packet can't be expressed; `out` is then as it was.
pub fn encode(packet: &Packet, version: Version, out: &mut BytesMut) -> Result<(), EncodeError> {
    let five = version.has_properties();
    match packet {
        Packet::Connect(connect) => encode_connect(connect, out),
        Packet::ConnAck(ack) => encode_connack(ack, five, out),
        Packet::Publish(publish) => encode_publish(publish, five, out),
        Packet::PubAck(ack) => encode_ack(0x40, ack, five, out),
        Packet::PubRec(ack) => encode_ack(0x50, ack, five, out),
        Packet::PubRel(ack) => encode_ack(0x62, ack, five, out),
        Packet::PubComp(ack) => encode_ack(0x70, ack, five, out),
        Packet::Subscribe(subscribe) => encode_subscribe(subscribe, five, out),
        Packet::SubAck(ack) => encode_codes(0x90, ack, five, out),
        Packet::Unsubscribe(unsubscribe) => encode_unsubscribe(unsubscribe, five, out),
        Packet::UnsubAck(ack) => encode_codes(0xB0, ack, five, out),
        Packet::PingReq => bare(0xC0, out),
        Packet::PingResp => bare(0xD0, out),
        Packet::Disconnect(outcome) => encode_outcome(0xE0, outcome, five, out),
        Packet::Auth(outcome) => encode_outcome(0xF0, outcome, five, out),
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

/// A packet whose body was put together first, since its length comes before it.
fn whole(first: u8, body: &[u8], out: &mut BytesMut) -> Result<(), EncodeError> {
    header(first, body.len(), out)?;
    out.put_slice(body);
    Ok(())
}

/// Appends a text with its length before it.
pub(super) fn put_text(text: &Text, out: &mut BytesMut) {
    out.put_u16(text.wire_length());
    out.put_slice(text.as_bytes());
}

/// Appends at most 65,535 bytes with their number before them.
pub(super) fn put_binary(bytes: &[u8], out: &mut BytesMut) {
    let bytes = &bytes[..bytes.len().min(u16::MAX.into())];
    out.put_u16(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
    out.put_slice(bytes);
}

fn encode_connack(ack: &ConnAck, five: bool, out: &mut BytesMut) -> Result<(), EncodeError> {
    if !five {
        out.put_slice(&[
            0x20,
            2,
            u8::from(ack.session_present),
            ack.reason.connect_code(),
        ]);
        return Ok(());
    }
    let mut body = BytesMut::new();
    body.put_slice(&[ack.session_present.into(), ack.reason.byte()]);
    ack.properties.write(&mut body);
    whole(0x20, &body, out)
}

fn encode_ack(first: u8, ack: &Ack, five: bool, out: &mut BytesMut) -> Result<(), EncodeError> {
    if !five || (ack.reason == Reason::Success && ack.properties.is_empty()) {
        header(first, 2, out)?;
        out.put_u16(ack.id.get());
        return Ok(());
    }
    let mut body = BytesMut::new();
    body.put_u16(ack.id.get());
    put_outcome(ack.reason, &ack.properties, &mut body);
    whole(first, &body, out)
}

/// Properties may be left out altogether where they are the last field.
fn put_outcome(reason: Reason, properties: &Properties, body: &mut BytesMut) {
    body.put_u8(reason.byte());
    if !properties.is_empty() {
        properties.write(body);
    }
}

fn encode_outcome(
    first: u8,
    outcome: &Outcome,
    five: bool,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    if !five || (outcome.reason == Reason::Success && outcome.properties.is_empty()) {
        return bare(first, out);
    }
    let mut body = BytesMut::new();
    put_outcome(outcome.reason, &outcome.properties, &mut body);
    whole(first, &body, out)
}

fn encode_codes(first: u8, ack: &Codes, five: bool, out: &mut BytesMut) -> Result<(), EncodeError> {
    let mut body = BytesMut::new();
    body.put_u16(ack.id.get());
    if five {
        ack.properties.write(&mut body);
        body.extend(ack.reasons.iter().map(|reason| reason.byte()));
    } else if first == 0x90 {
        body.extend(ack.reasons.iter().map(|reason| reason.sub_ack_code()));
    }
    whole(first, &body, out)
}

fn field_length(bytes: &Bytes) -> Result<(), EncodeError> {
    if bytes.len() > usize::from(u16::MAX) {
        return Err(EncodeError::FieldTooLong(bytes.len()));
    }
    Ok(())
}

fn encode_connect(connect: &Connect, out: &mut BytesMut) -> Result<(), EncodeError> {
    let five = connect.version.has_properties();
    if let Some(will) = &connect.will {
        field_length(&will.payload)?;
    }
    connect.password.as_ref().map(field_length).transpose()?;
    let mut body = BytesMut::new();
    put_binary(connect.version.name().as_bytes(), &mut body);
    let bridge = if connect.bridge {
        Version::BRIDGE_BIT
    } else {
        0
    };
    body.put_u8(connect.version.level() | bridge);
    body.put_u8(connect_flags(connect));
    body.put_u16(connect.keep_alive);
    if five {
        connect.properties.write(&mut body);
    }
    put_text(&connect.client_id, &mut body);
    if let Some(will) = &connect.will {
        if five {
            will.properties.write(&mut body);
        }
        put_text(&will.topic, &mut body);
        put_binary(&will.payload, &mut body);
    }
    if let Some(username) = &connect.username {
        put_text(username, &mut body);
    }
    if let Some(password) = &connect.password {
        put_binary(password, &mut body);
    }
    whole(0x10, &body, out)
}

fn connect_flags(connect: &Connect) -> u8 {
    let mut flags = if connect.clean_start {
        flag::CLEAN_START
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

fn encode_publish(publish: &Publish, five: bool, out: &mut BytesMut) -> Result<(), EncodeError> {
    if publish.id.is_some() == (publish.qos == QoS::AtMostOnce) {
        return Err(EncodeError::PacketId(publish.id));
    }
    let mut properties = BytesMut::new();
    if five {
        publish.properties.write(&mut properties);
    }
    let id_length = if publish.id.is_some() { 2 } else { 0 };
    let remaining = 2 + publish.topic.len() + id_length + properties.len() + publish.payload.len();
    header(
        publish_flags(publish.dup, publish.qos, publish.retain),
        remaining,
        out,
    )?;
    put_text(&publish.topic, out);
    if let Some(id) = publish.id {
        out.put_u16(id.get());
    }
    out.put_slice(&properties);
    out.put_slice(&publish.payload);
    Ok(())
}

fn encode_subscribe(
    subscribe: &Subscribe,
    five: bool,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let mut body = BytesMut::new();
    body.put_u16(subscribe.id.get());
    if five {
        let mut properties = subscribe.properties.clone();
        if let Some(number) = subscribe.identifier {
            properties.push(Property::SubscriptionIdentifier(number));
        }
        properties.write(&mut body);
    }
    for subscription in &subscribe.subscriptions {
        put_text(&subscription.filter, &mut body);
        let options = subscription.options;
        body.put_u8(if five {
            options_byte(options)
        } else {
            options.qos.bits()
        });
    }
    whole(0x82, &body, out)
}

fn options_byte(options: SubscriptionOptions) -> u8 {
    options.qos.bits()
        | u8::from(options.no_local) << 2
        | u8::from(options.retain_as_published) << 3
        | (options.retain_handling as u8) << 4
}

fn encode_unsubscribe(
    unsubscribe: &Unsubscribe,
    five: bool,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let mut body = BytesMut::new();
    body.put_u16(unsubscribe.id.get());
    if five {
        unsubscribe.properties.write(&mut body);
    }
    for filter in &unsubscribe.filters {
        put_text(filter, &mut body);
    }
    whole(0xA2, &body, out)
}
