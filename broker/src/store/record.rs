//! Messages and sessions as records of the file.

use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::format::{Context, FormatError, Reader, put_bytes, put_count, put_optional};
use crate::codec::{Forwarded, MessageProperties, RetainHandling, SubscriptionOptions, Text, Will};
use crate::router::{
    Delivery, Granted, Identity, Message, Numbers, PendingWill, SessionExpiry, SessionImage, Source,
};
use crate::session::{InFlight, Stage};

const AWAITS_PUBACK: u8 = 1;
const AWAITS_PUBREC: u8 = 2;
const AWAITS_PUBCOMP: u8 = 3;

const NO_LOCAL: u8 = 0x04;
const RETAIN_AS_PUBLISHED: u8 = 0x08;

fn put_text(text: &Text, out: &mut BytesMut) {
    put_bytes(text.as_bytes(), out);
}

fn put_identity(identity: &Identity, out: &mut BytesMut) {
    put_text(&identity.client_id, out);
    put_optional(identity.username.as_ref(), out, put_text);
}

/// Where the names are what they are is known when the listener is.
fn identity(reader: &mut Reader) -> Result<Identity, FormatError> {
    Ok(Identity {
        client_id: reader.text()?,
        username: reader.optional(Reader::text)?,
        scope: Arc::default(),
    })
}

fn came_by(identity: Identity, listener: usize, reader: &Reader) -> Identity {
    Identity {
        scope: reader.context.scope_of(listener),
        ..identity
    }
}

pub(super) fn put_listener(number: usize, out: &mut BytesMut) {
    // There are fewer ports than that.
    out.put_u16(u16::try_from(number).unwrap_or_default());
}

fn topic(reader: &mut Reader) -> Result<Text, FormatError> {
    let topic = reader.text()?;
    crate::topic::validate_name(&topic).map_err(|_invalid| FormatError::Value)?;
    Ok(topic)
}

fn forwarded(reader: &mut Reader) -> Result<Forwarded, FormatError> {
    Forwarded::new(reader.bytes()?).map_err(|_invalid| FormatError::Value)
}

pub(super) fn put_message(message: &Message, context: &Context, out: &mut BytesMut) {
    out.put_u8(message.qos().bits());
    out.put_u8(message.retain().into());
    put_text(message.topic(), out);
    put_bytes(message.payload(), out);
    put_bytes(message.frame().properties().as_bytes(), out);
    put_optional(message.expires(), out, |expires, out| {
        out.put_u64(context.unix(expires));
    });
    put_optional(message.source(), out, |source, out| {
        put_identity(&source.identity, out);
        put_listener(source.listener, out);
    });
}

pub(super) fn message(reader: &mut Reader) -> Result<Message, FormatError> {
    let qos = reader.qos()?;
    let retain = reader.flag()?;
    let topic = topic(reader)?;
    let payload = reader.bytes()?;
    let old = reader.format < 2;
    let properties = if old {
        Forwarded::default()
    } else {
        forwarded(reader)?
    };
    let message = Message::new(&topic, &properties, &payload, qos, retain);
    let message = message.ok_or(FormatError::Value)?;
    if old {
        return Ok(message);
    }
    let expires = reader.optional(Reader::moment)?;
    let source = reader.optional(|reader| {
        let identity = identity(reader)?;
        let listener = reader.listener()?;
        Ok(Source {
            identity: Arc::new(came_by(identity, listener, reader)),
            listener,
        })
    })?;
    Ok(message.expiring(expires).published_by(source))
}

fn put_delivery(delivery: &Delivery, context: &Context, out: &mut BytesMut) {
    out.put_u8(delivery.qos.bits());
    out.put_u8(delivery.retain.into());
    put_message(&delivery.message, context, out);
    let numbers = delivery.numbers.as_slice();
    put_count(numbers.len(), out);
    out.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
}

fn delivery(reader: &mut Reader) -> Result<Delivery, FormatError> {
    let qos = reader.qos()?;
    let retain = reader.flag()?;
    let message = Arc::new(message(reader)?);
    let numbers = if reader.format < 2 {
        Numbers::None
    } else {
        reader.list(Reader::u32)?.into_iter().collect()
    };
    Ok(Delivery {
        message,
        qos,
        retain,
        numbers,
    })
}

fn put_in_flight(entry: &InFlight, context: &Context, out: &mut BytesMut) {
    out.put_u16(entry.id.get());
    match &entry.stage {
        Stage::PubAck(delivery) => {
            out.put_u8(AWAITS_PUBACK);
            put_delivery(delivery, context, out);
        }
        Stage::PubRec(delivery) => {
            out.put_u8(AWAITS_PUBREC);
            put_delivery(delivery, context, out);
        }
        Stage::PubComp => out.put_u8(AWAITS_PUBCOMP),
    }
}

fn in_flight(reader: &mut Reader) -> Result<InFlight, FormatError> {
    let id = reader.packet_id()?;
    let stage = match reader.u8()? {
        AWAITS_PUBACK => Stage::PubAck(delivery(reader)?),
        AWAITS_PUBREC => Stage::PubRec(delivery(reader)?),
        AWAITS_PUBCOMP => Stage::PubComp,
        _ => return Err(FormatError::Value),
    };
    Ok(InFlight { id, stage })
}

/// The options in the byte that SUBSCRIBE has for them. Which retained messages were sent is in the past.
fn put_subscription(filter: &Text, granted: Granted, out: &mut BytesMut) {
    put_text(filter, out);
    let options = granted.options;
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    out.put_u8(
        options.qos.bits()
            | flag(options.no_local, NO_LOCAL)
            | flag(options.retain_as_published, RETAIN_AS_PUBLISHED),
    );
    out.put_u32(granted.number.map_or(0, NonZeroU32::get));
}

fn subscription(reader: &mut Reader) -> Result<(Text, Granted), FormatError> {
    let filter = reader.text()?;
    crate::topic::validate_filter(&filter).map_err(|_invalid| FormatError::Value)?;
    if reader.format < 2 {
        return Ok((filter, reader.qos()?.into()));
    }
    let byte = reader.u8()?;
    let qos = crate::codec::QoS::from_bits(byte & 0x03).ok_or(FormatError::Value)?;
    let granted = Granted {
        options: SubscriptionOptions {
            qos,
            no_local: byte & NO_LOCAL != 0,
            retain_as_published: byte & RETAIN_AS_PUBLISHED != 0,
            retain_handling: RetainHandling::default(),
        },
        number: NonZeroU32::new(reader.u32()?),
    };
    Ok((filter, granted))
}

fn put_will(pending: &PendingWill, context: &Context, out: &mut BytesMut) {
    let will = &pending.will;
    out.put_u64(context.unix(pending.due));
    put_text(&will.topic, out);
    put_bytes(&will.payload, out);
    out.put_u8(will.qos.bits());
    out.put_u8(will.retain.into());
    put_optional(will.properties.expiry, out, |seconds, out| {
        out.put_u32(seconds);
    });
    put_bytes(will.properties.forwarded.as_bytes(), out);
}

fn will(reader: &mut Reader) -> Result<PendingWill, FormatError> {
    let due = reader.moment()?;
    let topic = topic(reader)?;
    let payload = reader.bytes()?;
    let qos = reader.qos()?;
    let retain = reader.flag()?;
    let properties = MessageProperties {
        expiry: reader.optional(Reader::u32)?,
        forwarded: forwarded(reader)?,
        ..MessageProperties::default()
    };
    Ok(PendingWill {
        due,
        will: Will {
            topic,
            payload,
            qos,
            retain,
            properties,
        },
    })
}

pub(super) fn put_session(session: &SessionImage, context: &Context, out: &mut BytesMut) {
    put_identity(&session.identity, out);
    put_count(session.subscriptions.len(), out);
    for (filter, granted) in &session.subscriptions {
        put_subscription(filter, *granted, out);
    }
    put_count(session.in_flight.len(), out);
    for entry in &session.in_flight {
        put_in_flight(entry, context, out);
    }
    put_count(session.received.len(), out);
    for id in &session.received {
        out.put_u16(id.get());
    }
    put_count(session.queued.len(), out);
    for delivery in &session.queued {
        put_delivery(delivery, context, out);
    }
    out.put_u32(session.expiry.0);
    put_optional(session.away_since, out, |since, out| {
        out.put_u64(context.unix(since));
    });
    out.put_u8(session.bridge.into());
    put_listener(session.listener, out);
    put_bytes(session.identity.scope.mount_point.as_bytes(), out);
    put_bytes(session.identity.scope.authority.as_bytes(), out);
    put_optional(session.will.as_ref(), out, |will, out| {
        put_will(will, context, out);
    });
}

/// Reads a session; `None` is one that no client could come back to: it would be below another mount point, or another
/// password file would vouch for its name.
pub(super) fn session(reader: &mut Reader) -> Result<Option<SessionImage>, FormatError> {
    let mut session = SessionImage {
        identity: identity(reader)?,
        subscriptions: reader.list(subscription)?,
        in_flight: reader.list(in_flight)?,
        received: reader.list(Reader::packet_id)?,
        queued: reader.list(delivery)?,
        expiry: SessionExpiry::NEVER,
        away_since: None,
        bridge: false,
        listener: 0,
        will: None,
    };
    let (mut mount_point, mut authority) = (Bytes::new(), None);
    if reader.format >= 2 {
        session.expiry = SessionExpiry(reader.u32()?);
        let since = reader.optional(Reader::moment)?;
        session.away_since = since.map(|since| since.min(reader.context.now));
        session.bridge = reader.flag()?;
        session.listener = reader.listener()?;
        mount_point = reader.bytes()?;
        authority = Some(reader.bytes()?);
        session.will = reader.optional(will)?;
    }
    session.identity = came_by(session.identity, session.listener, reader);
    let scope = &session.identity.scope;
    let same = scope.mount_point.as_bytes() == mount_point
        && authority.is_none_or(|authority| scope.authority.as_bytes() == authority);
    Ok(Some(session).filter(|_| same))
}
