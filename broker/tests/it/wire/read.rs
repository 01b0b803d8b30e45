//! What a broker sends, read strictly and told as a line of text.

use std::fmt;

use super::Version;
use super::property::{Property, Value, decode_all};

/// The types of packets.
pub(crate) mod kind {
    pub(crate) const CONNECT: u8 = 1;
    pub(crate) const CONNACK: u8 = 2;
    pub(crate) const PUBLISH: u8 = 3;
    pub(crate) const PUBACK: u8 = 4;
    pub(crate) const PUBREC: u8 = 5;
    pub(crate) const PUBREL: u8 = 6;
    pub(crate) const PUBCOMP: u8 = 7;
    pub(crate) const SUBSCRIBE: u8 = 8;
    pub(crate) const SUBACK: u8 = 9;
    pub(crate) const UNSUBSCRIBE: u8 = 10;
    pub(crate) const UNSUBACK: u8 = 11;
    pub(crate) const PINGREQ: u8 = 12;
    pub(crate) const PINGRESP: u8 = 13;
    pub(crate) const DISCONNECT: u8 = 14;
    pub(crate) const AUTH: u8 = 15;
}

const NAMES: [&str; 16] = [
    "RESERVED",
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
];

/// Bytes that are taken from the front.
#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(super) fn two(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    pub(super) fn four(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A variable byte integer, in the fewest bytes [MQTT-1.5.5-1].
    pub(super) fn variable(&mut self) -> Option<u32> {
        let mut number = 0;
        for place in 0..4 {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7F) << (7 * place);
            if byte & 0x80 == 0 {
                return (place == 0 || byte != 0).then_some(number);
            }
        }
        None
    }

    pub(super) fn binary(&mut self) -> Option<&'a [u8]> {
        let length = self.two()?;
        self.take(length.into())
    }

    pub(super) fn string(&mut self) -> Option<String> {
        String::from_utf8(self.binary()?.to_vec()).ok()
    }

    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}

/// A packet that a broker sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) kind: u8,
    /// The lower half of the first byte.
    pub(crate) flags: u8,
    pub(crate) session_present: bool,
    pub(crate) id: Option<u16>,
    /// Return codes or reason codes; none where the packet ends before them.
    pub(crate) codes: Vec<u8>,
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    /// `None` where the packet has no place for them, or ends before it.
    pub(crate) properties: Option<Vec<Property>>,
}

impl Packet {
    /// Takes a packet from the front of `bytes`, if there is a whole one.
    pub(crate) fn take(bytes: &mut Vec<u8>, version: Version) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let first = reader.byte()?;
        let length = match reader.variable() {
            Some(length) => usize::try_from(length).unwrap(),
            None if bytes.len() < 5 => return None,
            None => panic!("a remaining length that is none: {bytes:02x?}"),
        };
        let body = reader.take(length)?;
        let packet = Self::read(first, &mut Reader::new(body), version);
        let packet = packet.unwrap_or_else(|| {
            panic!("{first:02x} is no packet of {version:?} with {body:02x?} behind it")
        });
        let taken = bytes.len() - reader.0.len();
        bytes.drain(..taken);
        Some(packet)
    }

    fn read(first: u8, body: &mut Reader<'_>, version: Version) -> Option<Self> {
        let mut packet = Self {
            kind: first >> 4,
            flags: first & 0x0F,
            session_present: false,
            id: None,
            codes: Vec::new(),
            topic: String::new(),
            payload: Vec::new(),
            properties: None,
        };
        let five = version == Version::V5;
        match packet.kind {
            kind::CONNACK => {
                let flags = body.byte()?;
                packet.session_present = flags == 1;
                let code = body.byte()?;
                packet.codes.push(code);
                // Who asks for a version that nobody speaks is told so in the words of the oldest.
                let old = code == 1 && body.is_empty();
                packet.properties = if five && !old {
                    Some(decode_all(body)?)
                } else {
                    None
                };
                (flags <= 1).then_some(())?;
            }
            kind::PUBLISH => {
                packet.topic = body.string()?;
                packet.id = if packet.qos() > 0 {
                    Some(body.two()?)
                } else {
                    None
                };
                packet.properties = if five { Some(decode_all(body)?) } else { None };
                packet.payload = body.rest().to_vec();
            }
            kind::SUBACK | kind::UNSUBACK => {
                packet.id = Some(body.two()?);
                packet.properties = if five { Some(decode_all(body)?) } else { None };
                packet.codes = body.rest().to_vec();
            }
            kind::PUBACK | kind::PUBREC | kind::PUBREL | kind::PUBCOMP => {
                packet.id = Some(body.two()?);
                packet.reason(body, five)?;
            }
            kind::DISCONNECT | kind::AUTH if five => packet.reason(body, five)?,
            kind::PINGRESP => {}
            _ => return None,
        }
        let reserved = if packet.kind == kind::PUBREL { 2 } else { 0 };
        let sound = packet.kind == kind::PUBLISH || packet.flags == reserved;
        (sound && body.is_empty()).then_some(packet)
    }

    fn reason(&mut self, body: &mut Reader<'_>, five: bool) -> Option<()> {
        if five && !body.is_empty() {
            self.codes.push(body.byte()?);
            self.properties = if body.is_empty() {
                None
            } else {
                Some(decode_all(body)?)
            };
        }
        Some(())
    }

    pub(crate) fn qos(&self) -> u8 {
        self.flags >> 1 & 3
    }

    /// The one return code or reason code; 0 where it may be left out and is.
    pub(crate) fn code(&self) -> u8 {
        self.codes.first().copied().unwrap_or(0)
    }

    /// The value of a property that is there once.
    pub(crate) fn property(&self, id: u8) -> Option<&Value> {
        let mut found = self
            .properties
            .iter()
            .flatten()
            .filter(|property| property.id == id);
        let value = found.next().map(|property| &property.value);
        assert!(found.next().is_none(), "a property twice in {self}");
        value
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAMES[usize::from(self.kind)])?;
        match self.kind {
            kind::CONNACK => write!(f, " s{}", u8::from(self.session_present))?,
            kind::PUBLISH => {
                let (dup, retain) = (self.flags >> 3, self.flags & 1);
                write!(f, " d{dup} q{} r{retain}", self.qos())?;
            }
            _ => {}
        }
        if let Some(id) = self.id {
            write!(f, " m{id}")?;
        }
        for code in &self.codes {
            write!(f, " {code:#04x}")?;
        }
        if self.kind == kind::PUBLISH {
            write!(f, " {:?} \"{}\"", self.topic, Shortened(&self.payload))?;
        }
        if let Some(properties) = &self.properties {
            f.write_str(" {")?;
            for (index, property) in properties.iter().enumerate() {
                write!(f, "{}{property}", if index > 0 { " " } else { "" })?;
            }
            f.write_str("}")?;
        }
        Ok(())
    }
}

/// A payload, the middle of a long one left out.
struct Shortened<'a>(&'a [u8]);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.0.len();
        if length <= 60 {
            return write!(f, "{}", self.0.escape_ascii());
        }
        let (begin, end) = (&self.0[..20], &self.0[length - 20..]);
        write!(
            f,
            "{}..{length}..{}",
            begin.escape_ascii(),
            end.escape_ascii()
        )
    }
}
