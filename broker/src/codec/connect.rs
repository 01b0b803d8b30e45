//! The body of a CONNECT packet, which alone says which version it is in.

use bytes::Bytes;

use super::error::DecodeError;
use super::packet::{Connect, QoS, Will};
use super::properties::{MessageProperties, Properties};
use super::property::{Place, Property};
use super::read::Body;
use super::text::Text;
use super::version::Version;
use crate::topic;

/// The connect flags (section 3.1.2.3).
pub(super) mod flag {
    pub(in crate::codec) const RESERVED: u8 = 0x01;
    pub(in crate::codec) const CLEAN_START: u8 = 0x02;
    pub(in crate::codec) const WILL: u8 = 0x04;
    pub(in crate::codec) const WILL_QOS: u8 = 0x18;
    pub(in crate::codec) const WILL_QOS_SHIFT: u8 = 3;
    pub(in crate::codec) const WILL_RETAIN: u8 = 0x20;
    pub(in crate::codec) const PASSWORD: u8 = 0x40;
    pub(in crate::codec) const USERNAME: u8 = 0x80;
}

pub(super) fn decode(mut body: Body) -> Result<Connect, DecodeError> {
    let name = body.text()?;
    let level = body.byte()?;
    let version = version(&name, level)?;
    let flags = body.byte()?;
    check_flags(flags, version)?;
    let keep_alive = body.two_bytes()?;
    let properties = properties(version, &mut body)?;
    let client_id = body.text()?;
    let will = will(flags, version, &mut body)?;
    let (username, password) = credentials(flags, version, &mut body)?;
    body.end()?;
    Ok(Connect {
        version,
        bridge: level & Version::BRIDGE_BIT != 0,
        clean_start: flags & flag::CLEAN_START != 0,
        keep_alive,
        client_id,
        will,
        username,
        password,
        properties,
    })
}

/// The version that the CONNECT at the front of `buffer` announces, as far as it is there: what else is wrong
/// with it can be answered in that version then.
pub fn announced_version(buffer: &[u8]) -> Option<Version> {
    let length = buffer
        .iter()
        .skip(1)
        .take(4)
        .take_while(|byte| **byte & 0x80 != 0)
        .count()
        + 1;
    let body = buffer.get(1 + length..)?;
    let name_length = usize::from(u16::from_be_bytes([*body.first()?, *body.get(1)?]));
    let name = std::str::from_utf8(body.get(2..2 + name_length)?).ok()?;
    let level = *body.get(2 + name_length)?;
    let is_connect = buffer.first().is_some_and(|first| first >> 4 == 1);
    Version::announced(name, level & !Version::BRIDGE_BIT).filter(|_| is_connect)
}

fn properties(version: Version, body: &mut Body) -> Result<Properties, DecodeError> {
    if !version.has_properties() {
        return Ok(Properties::NONE);
    }
    let properties = Properties::read(body, Place::CONNECT)?;
    let has = |wanted: fn(&Property) -> bool| properties.iter().any(wanted);
    if has(|property| matches!(property, Property::AuthenticationData(_)))
        && !has(|property| matches!(property, Property::AuthenticationMethod(_)))
    {
        return Err(DecodeError::DataWithoutMethod);
    }
    Ok(properties)
}

fn version(name: &Text, level: u8) -> Result<Version, DecodeError> {
    if !Version::ALL.iter().any(|version| *name == version.name()) {
        return Err(DecodeError::ProtocolName);
    }
    Version::announced(name, level & !Version::BRIDGE_BIT).ok_or(DecodeError::ProtocolLevel(level))
}

fn check_flags(flags: u8, version: Version) -> Result<(), DecodeError> {
    let strict = version.reserves_unused_bits();
    // [MQTT-3.1.2-3]
    let reserved = strict && flags & flag::RESERVED != 0;
    // [MQTT-3.1.2-11], [MQTT-3.1.2-13], [MQTT-3.1.2-15]
    let will_details =
        strict && flags & flag::WILL == 0 && flags & (flag::WILL_QOS | flag::WILL_RETAIN) != 0;
    // [MQTT-3.1.2-22] of 3.1.1, and section 3.1 of MQTT 3.1. Version 5 has no such rule.
    let nameless_password =
        !version.has_properties() && flags & flag::USERNAME == 0 && flags & flag::PASSWORD != 0;
    if reserved || will_details || nameless_password {
        return Err(DecodeError::ConnectFlags(flags));
    }
    Ok(())
}

fn will(flags: u8, version: Version, body: &mut Body) -> Result<Option<Will>, DecodeError> {
    if flags & flag::WILL == 0 {
        return Ok(None);
    }
    let bits = (flags & flag::WILL_QOS) >> flag::WILL_QOS_SHIFT;
    // [MQTT-3.1.2-14]
    let qos = QoS::from_bits(bits).ok_or(DecodeError::QoS(bits))?;
    let properties = if version.has_properties() {
        MessageProperties::read(body, Place::WILL)?
    } else {
        MessageProperties::default()
    };
    let topic = body.text()?;
    topic::validate_name(&topic)?;
    let payload = body.binary()?;
    Ok(Some(Will {
        topic,
        payload,
        qos,
        retain: flags & flag::WILL_RETAIN != 0,
        properties,
    }))
}

/// User name and password.
///
/// In version 3.1 "the Remaining Length field takes precedence over the User Name flag" (its section 3.1):
/// a flag without its field is as if the flag were not set.
fn credentials(
    flags: u8,
    version: Version,
    body: &mut Body,
) -> Result<(Option<Text>, Option<Bytes>), DecodeError> {
    let present =
        |bit: u8, body: &Body| flags & bit != 0 && !(version == Version::V31 && body.is_empty());
    let username = if present(flag::USERNAME, body) {
        Some(body.text()?)
    } else {
        None
    };
    let password = if present(flag::PASSWORD, body) {
        Some(body.binary()?)
    } else {
        None
    };
    Ok((username, password))
}
