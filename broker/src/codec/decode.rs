//! Packets from bytes.

use bytes::{Buf, BytesMut};

use super::connect;
use super::error::DecodeError;
use super::packet::{
    Ack, Codes, ConnAck, Outcome, Packet, Publish, QoS, RetainHandling, Subscribe, Subscription,
    SubscriptionOptions, Unsubscribe,
};
use super::properties::{MessageProperties, Properties};
use super::property::{Place, Property};
use super::read::Body;
use super::reason::Reason;
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
    let Some(header) = header(buffer, version)? else {
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
    packet(header.first, body, version).map(Some)
}

fn header(buffer: &[u8], version: Version) -> Result<Option<Header>, DecodeError> {
    let Some((&first, rest)) = buffer.split_first() else {
        return Ok(None);
    };
    let mut remaining = 0;
    for (index, &byte) in rest.iter().take(4).enumerate() {
        remaining |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            // [MQTT-1.5.5-1]
            if byte == 0 && index > 0 && version.has_properties() {
                return Err(DecodeError::VariableLength);
            }
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
        0 => return Err(DecodeError::PacketType(0)),
        15 if !version.has_properties() => return Err(DecodeError::PacketType(15)),
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

fn packet(first: u8, mut body: Body, version: Version) -> Result<Packet, DecodeError> {
    let five = version.has_properties();
    let packet = match first >> 4 {
        1 => return Ok(Packet::Connect(Box::new(connect::decode(body)?))),
        2 => Packet::ConnAck(connack(&mut body, five)?),
        3 => return Ok(Packet::Publish(publish(first, body, five)?)),
        4 => Packet::PubAck(ack(&mut body, five, &RECEIVED)?),
        5 => Packet::PubRec(ack(&mut body, five, &RECEIVED)?),
        6 => Packet::PubRel(ack(&mut body, five, &RELEASED)?),
        7 => Packet::PubComp(ack(&mut body, five, &RELEASED)?),
        8 => Packet::Subscribe(subscribe(&mut body, five)?),
        9 => Packet::SubAck(suback(&mut body, five)?),
        10 => Packet::Unsubscribe(unsubscribe(&mut body, five)?),
        11 => Packet::UnsubAck(unsuback(&mut body, five)?),
        12 => Packet::PingReq,
        13 => Packet::PingResp,
        14 => Packet::Disconnect(disconnect(&mut body, five)?),
        15 => Packet::Auth(outcome(&mut body, Place::AUTH, &AUTHENTICATION)?),
        kind => return Err(DecodeError::PacketType(kind)),
    };
    body.end()?;
    Ok(packet)
}

/// The reasons of PUBACK and PUBREC (tables 3-4 and 3-5 of version 5).
const RECEIVED: [Reason; 9] = [
    Reason::Success,
    Reason::NoMatchingSubscribers,
    Reason::Unspecified,
    Reason::ImplementationSpecific,
    Reason::NotAuthorized,
    Reason::TopicNameInvalid,
    Reason::PacketIdentifierInUse,
    Reason::QuotaExceeded,
    Reason::PayloadFormatInvalid,
];

/// The reasons of PUBREL and PUBCOMP (tables 3-6 and 3-7).
const RELEASED: [Reason; 2] = [Reason::Success, Reason::PacketIdentifierNotFound];

/// The reasons of AUTH (table 3-11).
const AUTHENTICATION: [Reason; 3] = [
    Reason::Success,
    Reason::ContinueAuthentication,
    Reason::ReAuthenticate,
];

/// Those of DISCONNECT (table 3-10) are success, the will, and every error that has to do with a connection.
fn ends_connection(reason: Reason) -> bool {
    use Reason as R;
    matches!(reason, R::Success | R::DisconnectWithWill)
        || reason.is_error()
            && !matches!(
                reason,
                R::UnsupportedProtocolVersion
                    | R::ClientIdentifierNotValid
                    | R::BadUserNameOrPassword
                    | R::ServerUnavailable
                    | R::Banned
                    | R::BadAuthenticationMethod
                    | R::PacketIdentifierInUse
                    | R::PacketIdentifierNotFound
            )
}

fn reason(body: &mut Body) -> Result<Reason, DecodeError> {
    let byte = body.byte()?;
    Reason::from_byte(byte).ok_or(DecodeError::ReturnCode(byte))
}

fn reason_of(body: &mut Body, allowed: &[Reason]) -> Result<Reason, DecodeError> {
    let reason = reason(body)?;
    if allowed.contains(&reason) {
        Ok(reason)
    } else {
        Err(DecodeError::ReturnCode(reason.byte()))
    }
}

fn properties(body: &mut Body, place: Place, five: bool) -> Result<Properties, DecodeError> {
    if five {
        Properties::read(body, place)
    } else {
        Ok(Properties::NONE)
    }
}

fn connack(body: &mut Body, five: bool) -> Result<ConnAck, DecodeError> {
    let flags = body.byte()?;
    if flags > 1 {
        return Err(DecodeError::ConnectFlags(flags));
    }
    let reason = if five {
        reason(body)?
    } else {
        let code = body.byte()?;
        Reason::from_connect_code(code).ok_or(DecodeError::ReturnCode(code))?
    };
    Ok(ConnAck {
        session_present: flags == 1,
        reason,
        properties: properties(body, Place::CONNACK, five)?,
    })
}

fn publish(first: u8, mut body: Body, five: bool) -> Result<Publish, DecodeError> {
    let bits = (first >> 1) & 0x03;
    let qos = QoS::from_bits(bits).ok_or(DecodeError::QoS(bits))?;
    let topic = body.text()?;
    let id = if qos == QoS::AtMostOnce {
        None
    } else {
        Some(body.packet_id()?)
    };
    let properties = if five {
        MessageProperties::read(&mut body, Place::PUBLISH)?
    } else {
        MessageProperties::default()
    };
    // Only an alias can stand for a name.
    if !(topic.is_empty() && properties.alias.is_some()) {
        topic::validate_name(&topic)?;
    }
    Ok(Publish {
        dup: first & DUP != 0,
        qos,
        retain: first & RETAIN != 0,
        topic,
        id,
        payload: body.rest(),
        properties,
    })
}

/// What is left out at the end of an answer is success, and no properties (section 3.4.2.1).
fn ack(body: &mut Body, five: bool, allowed: &[Reason]) -> Result<Ack, DecodeError> {
    let id = body.packet_id()?;
    let mut ack = Ack::from(id);
    if five && !body.is_empty() {
        ack.reason = reason_of(body, allowed)?;
        if !body.is_empty() {
            ack.properties = Properties::read(body, Place::ANSWER)?;
        }
    }
    Ok(ack)
}

fn subscribe(body: &mut Body, five: bool) -> Result<Subscribe, DecodeError> {
    let id = body.packet_id()?;
    let properties = properties(body, Place::SUBSCRIBE, five)?;
    let identifier = properties.find(|property| match property {
        Property::SubscriptionIdentifier(number) => Some(*number),
        _ => None,
    });
    let mut subscriptions = Vec::new();
    while !body.is_empty() {
        let filter = body.text()?;
        topic::validate_filter(&filter).map_err(DecodeError::Filter)?;
        let options = if five {
            options(body, &filter)?
        } else {
            body.requested_qos()?.into()
        };
        subscriptions.push(Subscription { filter, options });
    }
    if subscriptions.is_empty() {
        return Err(DecodeError::NoFilter);
    }
    Ok(Subscribe {
        id,
        subscriptions,
        identifier,
        properties: properties.without_identifier(),
    })
}

fn options(body: &mut Body, filter: &str) -> Result<SubscriptionOptions, DecodeError> {
    let byte = body.byte()?;
    let invalid = DecodeError::SubscriptionOptions(byte);
    let retain_handling = match (byte >> 4) & 0x03 {
        0 => RetainHandling::Send,
        1 => RetainHandling::SendIfNew,
        2 => RetainHandling::DoNotSend,
        _ => return Err(invalid),
    };
    // [MQTT-3.8.3-5]
    if byte & 0xC0 != 0 {
        return Err(DecodeError::ReservedOptions(byte));
    }
    let qos = QoS::from_bits(byte & 0x03).ok_or(invalid)?;
    let no_local = byte & 0x04 != 0;
    if no_local && topic::shared(filter).is_some() {
        return Err(DecodeError::NoLocalShared);
    }
    Ok(SubscriptionOptions {
        qos,
        no_local,
        retain_as_published: byte & 0x08 != 0,
        retain_handling,
    })
}

fn suback(body: &mut Body, five: bool) -> Result<Codes, DecodeError> {
    let id = body.packet_id()?;
    let properties = properties(body, Place::ANSWER, five)?;
    let mut reasons = Vec::new();
    while !body.is_empty() {
        let reason = reason(body)?;
        if !five && !matches!(reason.byte(), 0..=2 | 0x80) {
            return Err(DecodeError::ReturnCode(reason.byte()));
        }
        reasons.push(reason);
    }
    if reasons.is_empty() {
        return Err(DecodeError::Short);
    }
    Ok(Codes {
        id,
        reasons,
        properties,
    })
}

fn unsubscribe(body: &mut Body, five: bool) -> Result<Unsubscribe, DecodeError> {
    let id = body.packet_id()?;
    let properties = properties(body, Place::UNSUBSCRIBE, five)?;
    let mut filters = Vec::new();
    while !body.is_empty() {
        let filter = body.text()?;
        topic::validate_filter(&filter).map_err(DecodeError::Filter)?;
        filters.push(filter);
    }
    if filters.is_empty() {
        return Err(DecodeError::NoFilter);
    }
    Ok(Unsubscribe {
        id,
        filters,
        properties,
    })
}

fn unsuback(body: &mut Body, five: bool) -> Result<Codes, DecodeError> {
    let mut ack = Codes {
        id: body.packet_id()?,
        reasons: Vec::new(),
        properties: properties(body, Place::ANSWER, five)?,
    };
    while five && !body.is_empty() {
        ack.reasons.push(reason(body)?);
    }
    if five && ack.reasons.is_empty() {
        return Err(DecodeError::Short);
    }
    Ok(ack)
}

fn disconnect(body: &mut Body, five: bool) -> Result<Outcome, DecodeError> {
    if !five {
        return Ok(Reason::Success.into());
    }
    let outcome = outcome(body, Place::DISCONNECT, Reason::ALL)?;
    if ends_connection(outcome.reason) {
        Ok(outcome)
    } else {
        Err(DecodeError::ReturnCode(outcome.reason.byte()))
    }
}

/// A reason and properties, each of them left out at the end if there is nothing to say.
fn outcome(body: &mut Body, place: Place, allowed: &[Reason]) -> Result<Outcome, DecodeError> {
    let mut outcome = Outcome::from(Reason::Success);
    if !body.is_empty() {
        outcome.reason = reason_of(body, allowed)?;
        if !body.is_empty() {
            outcome.properties = Properties::read(body, place)?;
        }
    }
    Ok(outcome)
}
