//! Packets as bytes, by the rules or against them.

use super::property::{Property, encode_all, variable};
use super::{Version, kind};

/// A text with its length before it.
pub(crate) fn string(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    let mut bytes = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(text);
    bytes
}

/// A packet of a first byte and what follows the remaining length.
pub(crate) fn frame(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    variable(u32::try_from(body.len()).unwrap(), &mut bytes);
    bytes.extend(body);
    bytes
}

/// A will.
#[derive(Debug, Clone)]
pub(crate) struct Will {
    topic: Vec<u8>,
    payload: Vec<u8>,
    qos: u8,
    retain: bool,
    properties: Vec<Property>,
}

impl Will {
    pub(crate) fn new(topic: impl AsRef<[u8]>, payload: &str) -> Self {
        Self {
            topic: topic.as_ref().to_vec(),
            payload: payload.into(),
            qos: 0,
            retain: false,
            properties: Vec::new(),
        }
    }

    pub(crate) fn qos(mut self, qos: u8) -> Self {
        self.qos = qos;
        self
    }

    pub(crate) fn retain(mut self) -> Self {
        self.retain = true;
        self
    }

    pub(crate) fn with(mut self, property: Property) -> Self {
        self.properties.push(property);
        self
    }
}

/// A CONNECT.
#[derive(Debug, Clone)]
pub(crate) struct Connect {
    version: Version,
    name: String,
    level: u8,
    clean: bool,
    keep_alive: u16,
    id: Vec<u8>,
    will: Option<Will>,
    user: Option<Vec<u8>>,
    password: Option<Vec<u8>>,
    properties: Vec<Property>,
    flipped: u8,
}

/// A CONNECT that begins a clean session with a keep-alive of a minute.
pub(crate) fn connect(version: Version, id: impl AsRef<[u8]>) -> Connect {
    Connect {
        version,
        name: version.name().to_owned(),
        level: version.level(),
        clean: true,
        keep_alive: 60,
        id: id.as_ref().to_vec(),
        will: None,
        user: None,
        password: None,
        properties: Vec::new(),
        flipped: 0,
    }
}

impl Connect {
    /// With a session that was there before, or stays (before version 5).
    pub(crate) fn resume(mut self) -> Self {
        self.clean = false;
        self
    }

    pub(crate) fn keep_alive(mut self, seconds: u16) -> Self {
        self.keep_alive = seconds;
        self
    }

    pub(crate) fn will(mut self, will: Will) -> Self {
        self.will = Some(will);
        self
    }

    pub(crate) fn user(mut self, name: impl AsRef<[u8]>) -> Self {
        self.user = Some(name.as_ref().to_vec());
        self
    }

    pub(crate) fn password(mut self, password: &str) -> Self {
        self.password = Some(password.into());
        self
    }

    pub(crate) fn with(mut self, property: Property) -> Self {
        self.properties.push(property);
        self
    }

    /// With another protocol name and level than the version's.
    pub(crate) fn protocol(mut self, name: &str, level: u8) -> Self {
        name.clone_into(&mut self.name);
        self.level = level;
        self
    }

    /// With some of the connect flags flipped, after everything was written as they were.
    pub(crate) fn flip(mut self, flags: u8) -> Self {
        self.flipped = flags;
        self
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        frame(kind::CONNECT << 4, &self.body())
    }

    /// Everything behind the fixed header.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut body = string(&self.name);
        body.push(self.level);
        body.push(self.flags() ^ self.flipped);
        body.extend(self.keep_alive.to_be_bytes());
        let five = self.version == Version::V5;
        if five {
            encode_all(&self.properties, &mut body);
        }
        body.extend(string(&self.id));
        if let Some(will) = &self.will {
            if five {
                encode_all(&will.properties, &mut body);
            }
            body.extend(string(&will.topic));
            body.extend(string(&will.payload));
        }
        for field in [&self.user, &self.password].into_iter().flatten() {
            body.extend(string(field));
        }
        body
    }

    fn flags(&self) -> u8 {
        let will = self.will.as_ref();
        u8::from(self.clean) << 1
            | will.map_or(0, |will| 0x04 | will.qos << 3 | u8::from(will.retain) << 5)
            | u8::from(self.password.is_some()) << 6
            | u8::from(self.user.is_some()) << 7
    }
}

/// A PUBLISH.
#[derive(Debug, Clone)]
pub(crate) struct Publish {
    version: Version,
    topic: Vec<u8>,
    payload: Vec<u8>,
    qos: u8,
    id: u16,
    flags: u8,
    properties: Vec<Property>,
}

/// A PUBLISH of quality of service 0.
pub(crate) fn publish(
    version: Version,
    topic: impl AsRef<[u8]>,
    payload: impl AsRef<[u8]>,
) -> Publish {
    Publish {
        version,
        topic: topic.as_ref().to_vec(),
        payload: payload.as_ref().to_vec(),
        qos: 0,
        id: 0,
        flags: 0,
        properties: Vec::new(),
    }
}

impl Publish {
    pub(crate) fn qos(mut self, qos: u8, id: u16) -> Self {
        self.qos = qos;
        self.id = id;
        self
    }

    pub(crate) fn retain(mut self) -> Self {
        self.flags |= 0x01;
        self
    }

    pub(crate) fn dup(mut self) -> Self {
        self.flags |= 0x08;
        self
    }

    pub(crate) fn with(mut self, property: Property) -> Self {
        self.properties.push(property);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut body = string(&self.topic);
        if self.qos > 0 {
            body.extend(self.id.to_be_bytes());
        }
        if self.version == Version::V5 {
            encode_all(&self.properties, &mut body);
        }
        body.extend(&self.payload);
        frame(kind::PUBLISH << 4 | self.qos << 1 | self.flags, &body)
    }
}

/// A PUBACK, PUBREC, PUBREL or PUBCOMP in its shortest form.
pub(crate) fn ack(kind: u8, id: u16) -> Vec<u8> {
    frame(first(kind), &id.to_be_bytes())
}

/// The same with a reason code, and properties if there are any.
pub(crate) fn ack_with(kind: u8, id: u16, code: u8, properties: &[Property]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    body.push(code);
    if !properties.is_empty() {
        encode_all(properties, &mut body);
    }
    frame(first(kind), &body)
}

fn first(packet: u8) -> u8 {
    let flags = matches!(packet, kind::PUBREL | kind::SUBSCRIBE | kind::UNSUBSCRIBE);
    packet << 4 | u8::from(flags) << 1
}

/// A SUBSCRIBE.
#[derive(Debug, Clone)]
pub(crate) struct Subscribe {
    version: Version,
    id: u16,
    filters: Vec<u8>,
    properties: Vec<Property>,
}

/// A SUBSCRIBE without a topic filter yet.
pub(crate) fn subscribe(version: Version, id: u16) -> Subscribe {
    Subscribe {
        version,
        id,
        filters: Vec::new(),
        properties: Vec::new(),
    }
}

impl Subscribe {
    /// With a topic filter, and the byte behind it.
    pub(crate) fn to(mut self, filter: impl AsRef<[u8]>, options: u8) -> Self {
        self.filters.extend(string(filter));
        self.filters.push(options);
        self
    }

    pub(crate) fn with(mut self, property: Property) -> Self {
        self.properties.push(property);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut body = self.id.to_be_bytes().to_vec();
        if self.version == Version::V5 {
            encode_all(&self.properties, &mut body);
        }
        body.extend(&self.filters);
        frame(first(kind::SUBSCRIBE), &body)
    }
}

/// An UNSUBSCRIBE.
pub(crate) fn unsubscribe(version: Version, id: u16, filters: &[&str]) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if version == Version::V5 {
        body.push(0);
    }
    for filter in filters {
        body.extend(string(filter));
    }
    frame(first(kind::UNSUBSCRIBE), &body)
}

/// A PINGREQ.
pub(crate) fn ping() -> Vec<u8> {
    frame(kind::PINGREQ << 4, &[])
}

/// A DISCONNECT in its shortest form.
pub(crate) fn disconnect() -> Vec<u8> {
    frame(kind::DISCONNECT << 4, &[])
}

/// A DISCONNECT of version 5 with a reason code, and properties if there are any.
pub(crate) fn disconnect_with(code: u8, properties: &[Property]) -> Vec<u8> {
    reasoned(kind::DISCONNECT, code, properties)
}

/// An AUTH.
pub(crate) fn auth(code: u8, properties: &[Property]) -> Vec<u8> {
    reasoned(kind::AUTH, code, properties)
}

fn reasoned(packet: u8, code: u8, properties: &[Property]) -> Vec<u8> {
    let mut body = vec![code];
    if !properties.is_empty() {
        encode_all(properties, &mut body);
    }
    frame(packet << 4, &body)
}
