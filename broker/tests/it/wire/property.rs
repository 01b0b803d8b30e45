//! Properties of version 5 (section 2.2.2.2).

use std::fmt;

use super::build::string;
use super::read::Reader;

/// The identifiers.
pub(crate) mod id {
    pub(crate) const PAYLOAD_FORMAT: u8 = 0x01;
    pub(crate) const MESSAGE_EXPIRY: u8 = 0x02;
    pub(crate) const CONTENT_TYPE: u8 = 0x03;
    pub(crate) const RESPONSE_TOPIC: u8 = 0x08;
    pub(crate) const CORRELATION_DATA: u8 = 0x09;
    pub(crate) const SUBSCRIPTION_ID: u8 = 0x0B;
    pub(crate) const SESSION_EXPIRY: u8 = 0x11;
    pub(crate) const ASSIGNED_CLIENT_ID: u8 = 0x12;
    pub(crate) const SERVER_KEEP_ALIVE: u8 = 0x13;
    pub(crate) const AUTH_METHOD: u8 = 0x15;
    pub(crate) const AUTH_DATA: u8 = 0x16;
    pub(crate) const REQUEST_PROBLEM_INFO: u8 = 0x17;
    pub(crate) const WILL_DELAY: u8 = 0x18;
    pub(crate) const REQUEST_RESPONSE_INFO: u8 = 0x19;
    pub(crate) const RESPONSE_INFO: u8 = 0x1A;
    pub(crate) const SERVER_REFERENCE: u8 = 0x1C;
    pub(crate) const REASON_STRING: u8 = 0x1F;
    pub(crate) const RECEIVE_MAXIMUM: u8 = 0x21;
    pub(crate) const TOPIC_ALIAS_MAXIMUM: u8 = 0x22;
    pub(crate) const TOPIC_ALIAS: u8 = 0x23;
    pub(crate) const MAXIMUM_QOS: u8 = 0x24;
    pub(crate) const RETAIN_AVAILABLE: u8 = 0x25;
    pub(crate) const USER_PROPERTY: u8 = 0x26;
    pub(crate) const MAXIMUM_PACKET_SIZE: u8 = 0x27;
    pub(crate) const WILDCARD_AVAILABLE: u8 = 0x28;
    pub(crate) const SUBSCRIPTION_IDS_AVAILABLE: u8 = 0x29;
    pub(crate) const SHARED_AVAILABLE: u8 = 0x2A;
}

/// What a property holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Byte(u8),
    Two(u16),
    Four(u32),
    Variable(u32),
    Text(String),
    Binary(Vec<u8>),
    Pair(String, String),
}

/// The kinds of [`Value`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Byte,
    Two,
    Four,
    Variable,
    Text,
    Binary,
    Pair,
}

/// Identifier, name and kind of every property there is.
const TABLE: [(u8, &str, Kind); 27] = [
    (id::PAYLOAD_FORMAT, "payload-format", Kind::Byte),
    (id::MESSAGE_EXPIRY, "message-expiry", Kind::Four),
    (id::CONTENT_TYPE, "content-type", Kind::Text),
    (id::RESPONSE_TOPIC, "response-topic", Kind::Text),
    (id::CORRELATION_DATA, "correlation-data", Kind::Binary),
    (id::SUBSCRIPTION_ID, "subscription-id", Kind::Variable),
    (id::SESSION_EXPIRY, "session-expiry", Kind::Four),
    (id::ASSIGNED_CLIENT_ID, "assigned-client-id", Kind::Text),
    (id::SERVER_KEEP_ALIVE, "server-keep-alive", Kind::Two),
    (id::AUTH_METHOD, "auth-method", Kind::Text),
    (id::AUTH_DATA, "auth-data", Kind::Binary),
    (id::REQUEST_PROBLEM_INFO, "request-problem-info", Kind::Byte),
    (id::WILL_DELAY, "will-delay", Kind::Four),
    (
        id::REQUEST_RESPONSE_INFO,
        "request-response-info",
        Kind::Byte,
    ),
    (id::RESPONSE_INFO, "response-info", Kind::Text),
    (id::SERVER_REFERENCE, "server-reference", Kind::Text),
    (id::REASON_STRING, "reason-string", Kind::Text),
    (id::RECEIVE_MAXIMUM, "receive-maximum", Kind::Two),
    (id::TOPIC_ALIAS_MAXIMUM, "topic-alias-maximum", Kind::Two),
    (id::TOPIC_ALIAS, "topic-alias", Kind::Two),
    (id::MAXIMUM_QOS, "maximum-qos", Kind::Byte),
    (id::RETAIN_AVAILABLE, "retain-available", Kind::Byte),
    (id::USER_PROPERTY, "user-property", Kind::Pair),
    (id::MAXIMUM_PACKET_SIZE, "maximum-packet-size", Kind::Four),
    (id::WILDCARD_AVAILABLE, "wildcard-available", Kind::Byte),
    (
        id::SUBSCRIPTION_IDS_AVAILABLE,
        "subscription-ids-available",
        Kind::Byte,
    ),
    (id::SHARED_AVAILABLE, "shared-available", Kind::Byte),
];

/// A property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Property {
    pub(crate) id: u8,
    pub(crate) value: Value,
}

/// A property with the value that its identifier asks for.
pub(crate) fn property(id: u8, value: impl Into<Value>) -> Property {
    let value = match (value.into(), kind(id).map(|(_, kind)| kind)) {
        // Literals are written as what they look like, and become what the table says.
        (Value::Four(number), Some(Kind::Byte)) => Value::Byte(u8::try_from(number).unwrap()),
        (Value::Four(number), Some(Kind::Two)) => Value::Two(u16::try_from(number).unwrap()),
        (Value::Four(number), Some(Kind::Variable)) => Value::Variable(number),
        (Value::Text(text), Some(Kind::Binary)) => Value::Binary(text.into_bytes()),
        (value, _) => value,
    };
    Property { id, value }
}

fn kind(id: u8) -> Option<(&'static str, Kind)> {
    let row = TABLE.iter().find(|row| row.0 == id)?;
    Some((row.1, row.2))
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Four(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<(&str, &str)> for Value {
    fn from((name, value): (&str, &str)) -> Self {
        Self::Pair(name.to_owned(), value.to_owned())
    }
}

impl Property {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.id);
        match &self.value {
            Value::Byte(byte) => out.push(*byte),
            Value::Two(number) => out.extend(number.to_be_bytes()),
            Value::Four(number) => out.extend(number.to_be_bytes()),
            Value::Variable(number) => variable(*number, out),
            Value::Text(text) => out.extend(string(text)),
            Value::Binary(bytes) => {
                out.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
                out.extend(bytes);
            }
            Value::Pair(name, value) => {
                out.extend(string(name));
                out.extend(string(value));
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Option<Self> {
        let id = reader.byte()?;
        let value = match kind(id)?.1 {
            Kind::Byte => Value::Byte(reader.byte()?),
            Kind::Two => Value::Two(reader.two()?),
            Kind::Four => Value::Four(reader.four()?),
            Kind::Variable => Value::Variable(reader.variable()?),
            Kind::Text => Value::Text(reader.string()?),
            Kind::Binary => Value::Binary(reader.binary()?.to_vec()),
            Kind::Pair => Value::Pair(reader.string()?, reader.string()?),
        };
        Some(Self { id, value })
    }
}

/// Appends a variable byte integer.
pub(super) fn variable(mut number: u32, out: &mut Vec<u8>) {
    loop {
        let byte = u8::try_from(number & 0x7F).unwrap();
        number >>= 7;
        if number == 0 {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}

/// Appends properties with their length.
pub(super) fn encode_all(properties: &[Property], out: &mut Vec<u8>) {
    let mut bytes = Vec::new();
    for property in properties {
        property.encode(&mut bytes);
    }
    variable(u32::try_from(bytes.len()).unwrap(), out);
    out.extend(bytes);
}

/// Reads properties with their length.
pub(super) fn decode_all(reader: &mut Reader<'_>) -> Option<Vec<Property>> {
    let length = reader.variable()?;
    let mut inner = Reader::new(reader.take(usize::try_from(length).ok()?)?);
    let mut properties = Vec::new();
    while !inner.is_empty() {
        properties.push(Property::decode(&mut inner)?);
    }
    Some(properties)
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = kind(self.id).map_or("unknown", |(name, _)| name);
        match &self.value {
            Value::Byte(number) => write!(f, "{name}={number}"),
            Value::Two(number) => write!(f, "{name}={number}"),
            Value::Four(number) | Value::Variable(number) => write!(f, "{name}={number}"),
            Value::Text(text) => write!(f, "{name}={text:?}"),
            Value::Binary(bytes) => write!(f, "{name}=\"{}\"", bytes.escape_ascii()),
            Value::Pair(key, value) => write!(f, "{name}={key:?}:{value:?}"),
        }
    }
}
