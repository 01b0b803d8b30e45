//! The properties of a packet, and those of a message.

use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};

use super::encode::encode_remaining_length;
use super::error::DecodeError;
use super::property::{Place, Property};
use super::read::Body;

/// The properties of a packet.
///
/// User properties stand for themselves, as the bytes that they are on the wire: a broker does nothing with those
/// of most packets, and a peer could have thousands of them, each of a few bytes, take memory for a text of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    known: Vec<Property>,
    user: Vec<u8>,
}

impl Properties {
    /// No properties.
    pub const NONE: Self = Self {
        known: Vec::new(),
        user: Vec::new(),
    };

    /// Reads all properties of a packet of this kind, with their length before them.
    pub(super) fn read(body: &mut Body, place: Place) -> Result<Self, DecodeError> {
        let mut part = body.part()?;
        let all = part.clone().rest();
        let mut seen = 0;
        let mut properties = Self::NONE;
        while !part.is_empty() {
            let start = all.len() - part.len();
            match Property::read(&mut part, place, &mut seen)? {
                Property::UserProperty(..) => {
                    let bytes = &all[start..all.len() - part.len()];
                    properties.user.extend_from_slice(bytes);
                }
                property => properties.known.push(property),
            }
        }
        Ok(properties)
    }

    /// Appends the length and the properties.
    pub(super) fn write(&self, out: &mut BytesMut) {
        let mut part = BytesMut::new();
        self.iter().for_each(|property| property.write(&mut part));
        encode_remaining_length(part.len() + self.user.len(), out);
        out.put_slice(&part);
        out.put_slice(&self.user);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.user.is_empty()
    }

    /// The properties in order, without user properties.
    pub fn iter(&self) -> impl Iterator<Item = &Property> {
        self.known.iter()
    }

    /// The user properties in order.
    pub fn user(&self) -> impl Iterator<Item = Property> {
        let mut body = Body::new(Bytes::copy_from_slice(&self.user));
        std::iter::from_fn(move || Property::read(&mut body, Place::PUBLISH, &mut 0).ok())
    }

    /// Puts one at the end.
    pub fn push(&mut self, property: Property) {
        if matches!(property, Property::UserProperty(..)) {
            let mut bytes = BytesMut::new();
            property.write(&mut bytes);
            self.user.extend_from_slice(&bytes);
        } else {
            self.known.push(property);
        }
    }

    /// What `wanted` makes of the first property that it makes something of, user properties aside.
    pub fn find<T>(&self, wanted: impl FnMut(&Property) -> Option<T>) -> Option<T> {
        self.known.iter().find_map(wanted)
    }

    /// Without subscription identifiers, which have a field of their own.
    pub(super) fn without_identifier(mut self) -> Self {
        self.known
            .retain(|property| !matches!(property, Property::SubscriptionIdentifier(_)));
        self
    }

    /// The first number that is a [`Property::SessionExpiryInterval`].
    pub fn session_expiry(&self) -> Option<u32> {
        self.find(|property| match property {
            Property::SessionExpiryInterval(seconds) => Some(*seconds),
            _ => None,
        })
    }
}

impl FromIterator<Property> for Properties {
    fn from_iter<I: IntoIterator<Item = Property>>(properties: I) -> Self {
        let mut all = Self::NONE;
        properties
            .into_iter()
            .for_each(|property| all.push(property));
        all
    }
}

impl From<Vec<Property>> for Properties {
    fn from(properties: Vec<Property>) -> Self {
        properties.into_iter().collect()
    }
}

/// The properties of a message that go to its subscribers unchanged and in order [MQTT-3.3.2-4],
/// [MQTT-3.3.2-15], [MQTT-3.3.2-16], [MQTT-3.3.2-18], [MQTT-3.3.2-20], in the form they have on the wire.
///
/// They are checked once and never taken apart again: all subscribers get the same bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forwarded(Bytes);

impl Forwarded {
    /// The properties as bytes, checked.
    ///
    /// # Errors
    ///
    /// They are not the properties that a message carries to its subscribers.
    pub fn new(bytes: Bytes) -> Result<Self, DecodeError> {
        let MessageProperties {
            expiry: None,
            alias: None,
            forwarded,
            ..
        } = MessageProperties::take(Body::new(bytes), Place::WILL)?
        else {
            return Err(DecodeError::Property(0x02));
        };
        Ok(forwarded)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// A copy with memory of its own.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    /// One property after the other.
    pub fn iter(&self) -> impl Iterator<Item = Property> {
        let mut body = Body::new(self.0.clone());
        std::iter::from_fn(move || Property::read(&mut body, Place::PUBLISH, &mut 0).ok())
    }

    /// Of bytes that were checked before.
    pub(super) fn trusted(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl FromIterator<Property> for Forwarded {
    /// Those that are not for subscribers are left out.
    fn from_iter<I: IntoIterator<Item = Property>>(properties: I) -> Self {
        let mut bytes = BytesMut::new();
        for property in properties {
            if is_forwarded(&property) {
                property.write(&mut bytes);
            }
        }
        Self(bytes.freeze())
    }
}

fn is_forwarded(property: &Property) -> bool {
    matches!(
        property,
        Property::PayloadFormatIndicator(_)
            | Property::ContentType(_)
            | Property::ResponseTopic(_)
            | Property::CorrelationData(_)
            | Property::UserProperty(..)
    )
}

/// The properties of a PUBLISH or a will.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageProperties {
    /// Seconds until the message is of no use; `None` is never.
    pub expiry: Option<u32>,
    /// The alias of the topic; for PUBLISH alone.
    pub alias: Option<u16>,
    /// The subscriptions it is sent for; for PUBLISH alone, and set by the broker.
    pub subscriptions: Vec<u32>,
    /// The seconds a will waits; for a will alone.
    pub will_delay: u32,
    /// What goes to subscribers as it is.
    pub forwarded: Forwarded,
}

impl MessageProperties {
    /// When the message is of no use any more, if it came at this moment.
    pub fn expires(&self, now: Instant) -> Option<Instant> {
        now.checked_add(Duration::from_secs(self.expiry?.into()))
    }

    /// Reads the properties with their length before them.
    pub(super) fn read(body: &mut Body, place: Place) -> Result<Self, DecodeError> {
        Self::take(body.part()?, place)
    }

    fn take(mut part: Body, place: Place) -> Result<Self, DecodeError> {
        let mut taken = Self::default();
        let all = part.clone().rest();
        let mut kept = BytesMut::new();
        let (mut seen, mut moved) = (0, false);
        while !part.is_empty() {
            let start = all.len() - part.len();
            match Property::read(&mut part, place, &mut seen)? {
                Property::MessageExpiryInterval(seconds) => taken.expiry = Some(seconds),
                Property::TopicAlias(alias) => taken.alias = Some(alias),
                Property::SubscriptionIdentifier(id) => taken.subscriptions.push(id),
                Property::WillDelayInterval(seconds) => taken.will_delay = seconds,
                _ => {
                    if moved {
                        kept.put_slice(&all[start..all.len() - part.len()]);
                    }
                    continue;
                }
            }
            if !moved {
                // From here on what is to be kept has to be copied together.
                kept.put_slice(&all[..start]);
                moved = true;
            }
        }
        taken.forwarded = Forwarded(if moved { kept.freeze() } else { all });
        Ok(taken)
    }

    /// Appends the length and the properties.
    pub(super) fn write(&self, out: &mut BytesMut) {
        let mut part = BytesMut::new();
        if let Some(alias) = self.alias {
            Property::TopicAlias(alias).write(&mut part);
        }
        if let Some(seconds) = self.expiry {
            Property::MessageExpiryInterval(seconds).write(&mut part);
        }
        if self.will_delay > 0 {
            Property::WillDelayInterval(self.will_delay).write(&mut part);
        }
        for id in &self.subscriptions {
            Property::SubscriptionIdentifier(*id).write(&mut part);
        }
        encode_remaining_length(part.len() + self.forwarded.0.len(), out);
        out.put_slice(&part);
        out.put_slice(&self.forwarded.0);
    }
}
