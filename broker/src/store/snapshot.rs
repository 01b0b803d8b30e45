//! All durable state at one moment, as a value and as bytes.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use sha2::{Digest, Sha256};

use super::format::{Context, FormatError, Reader, put_bytes, put_count};
use super::record::{message, put_listener, put_message, put_session, session};
use crate::router::{Message, Router, SessionImage};

/// What the file begins with. The line break shows a transfer that changed line ends.
const MAGIC: &[u8] = b"mqtt-broker state\r\n";

/// The format that is written.
///
/// Format 1, of brokers that did not know version 5, is read as well: it has no properties, identifiers,
/// expiries, listeners and wills.
pub(super) const FORMAT: u16 = 2;

/// Bytes of the checksum at the end: SHA-256 of all before it.
const CHECKSUM: usize = 32;

/// All durable state at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The retained messages.
    pub retained: Vec<Arc<Message>>,
    /// The sessions that outlive their connections.
    pub sessions: Vec<SessionImage>,
}

impl Snapshot {
    /// Takes a picture of `router`. Messages are shared, not copied, and each session is locked for itself,
    /// so that clients hardly notice. `$SYS` is made anew at each start and not saved.
    pub fn of(router: &Router) -> Self {
        let mut retained = router.retained_now();
        retained.retain(|message| !message.topic().starts_with("$SYS/"));
        let clients = router.clients_now();
        let mut sessions: Vec<_> = clients
            .iter()
            .filter_map(|client| SessionImage::of(client))
            .collect();
        retained.sort_unstable_by(|a, b| a.topic().cmp(b.topic()));
        sessions.sort_unstable_by(|a, b| a.identity.client_id.cmp(&b.identity.client_id));
        Self { retained, sessions }
    }

    /// The bytes of the file.
    pub fn encode(&self, context: &Context) -> Bytes {
        let mut out = BytesMut::new();
        out.put_slice(MAGIC);
        out.put_u16(FORMAT);
        out.put_u64(context.seconds);
        put_count(context.listeners.len(), &mut out);
        for listener in &context.listeners {
            put_listener(listener.number, &mut out);
            put_bytes(listener.name.as_bytes(), &mut out);
        }
        put_count(self.retained.len(), &mut out);
        for message in &self.retained {
            put_message(message, context, &mut out);
        }
        put_count(self.sessions.len(), &mut out);
        for session in &self.sessions {
            put_session(session, context, &mut out);
        }
        sealed(out)
    }

    /// Reads the bytes of a file.
    ///
    /// Who came by a listener that is gone is under the rules of the first one, until it comes back.
    ///
    /// # Errors
    ///
    /// They are no snapshot, not a whole one, or one of a later version.
    pub fn decode(mut bytes: Bytes, context: &Context) -> Result<Self, FormatError> {
        if !bytes.starts_with(MAGIC) {
            return Err(FormatError::Magic);
        }
        let length = bytes
            .len()
            .checked_sub(CHECKSUM)
            .ok_or(FormatError::Checksum)?;
        let checksum = bytes.split_off(length);
        if Sha256::digest(&bytes)[..] != checksum[..] {
            return Err(FormatError::Checksum);
        }
        let mut reader = Reader::new(bytes.slice(MAGIC.len()..), context.clone());
        reader.format = reader.u16()?;
        if !(1..=FORMAT).contains(&reader.format) {
            return Err(FormatError::Version(reader.format));
        }
        if reader.format >= 2 {
            let saved = reader.u64()?;
            reader.context = context.no_earlier_than(saved);
            reader.listeners = reader.list(|reader| {
                let number = usize::from(reader.u16()?);
                let name = reader.text()?;
                Ok((number, reader.context.number_of(&name)))
            })?;
        }
        let retained = reader.list(|reader| message(reader).map(Arc::new))?;
        let sessions = reader.list(session)?;
        reader.end()?;
        Ok(Self {
            retained,
            sessions: sessions.into_iter().flatten().collect(),
        })
    }
}

/// With the checksum of all of it behind it.
pub(super) fn sealed(mut out: BytesMut) -> Bytes {
    let checksum = Sha256::digest(&out);
    out.put_slice(&checksum);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::super::format::ListenerName;
    use super::*;
    use crate::codec::{
        Forwarded, MessageProperties, PacketId, Property, QoS, RetainHandling, SubscriptionOptions,
        Text, Will,
    };
    use crate::router::{Delivery, Granted, Identity, Numbers, PendingWill, Scope, SessionExpiry};
    use crate::session::{InFlight, Stage};

    fn text(text: &str) -> Text {
        Text::new(text).unwrap()
    }

    fn listener(number: usize, name: &str) -> ListenerName {
        ListenerName {
            number,
            name: name.to_owned(),
            scope: Arc::new(Scope {
                authority: "passwd".to_owned(),
                mount_point: "cabin/".to_owned(),
            }),
        }
    }

    fn context() -> Context {
        Context::now(vec![listener(0, "port 1883"), listener(1, "port 8883")])
    }

    fn message(topic: &str, qos: QoS) -> Message {
        let name = Property::UserProperty(text("name"), text("value"));
        let properties: Forwarded = [name].into_iter().collect();
        let payload = Bytes::from_static(b"\0payload");
        Message::new(&text(topic), &properties, &payload, qos, true).unwrap()
    }

    fn delivery(qos: QoS, numbers: &[u32]) -> Delivery {
        Delivery {
            message: Arc::new(message("a/b", qos)),
            qos,
            retain: false,
            numbers: numbers.iter().copied().collect(),
        }
    }

    /// Whole seconds before and after now are told exactly.
    fn example(context: &Context) -> Snapshot {
        let in_flight = |id, stage| InFlight {
            id: PacketId::new(id).unwrap(),
            stage,
        };
        let minute = Duration::from_secs(60);
        let identity = Identity {
            client_id: text("c"),
            username: Some(text("fred")),
            scope: context.scope_of(1),
        };
        let source = crate::router::Source {
            identity: Arc::new(identity.clone()),
            listener: 1,
        };
        let options = SubscriptionOptions {
            qos: QoS::ExactlyOnce,
            no_local: true,
            retain_as_published: true,
            retain_handling: RetainHandling::Send,
        };
        let granted = Granted {
            options,
            number: NonZeroU32::new(7),
        };
        Snapshot {
            retained: vec![
                Arc::new(
                    message("a/b", QoS::AtLeastOnce)
                        .expiring(Some(context.now + minute))
                        .published_by(Some(source)),
                ),
                Arc::new(message("ü", QoS::AtMostOnce)),
            ],
            sessions: vec![SessionImage {
                identity,
                expiry: SessionExpiry(3600),
                away_since: Some(context.now),
                bridge: true,
                listener: 1,
                subscriptions: vec![
                    (text("$share/g/x"), QoS::AtMostOnce.into()),
                    (text("a/+/#"), granted),
                ],
                in_flight: vec![
                    in_flight(7, Stage::PubAck(delivery(QoS::AtLeastOnce, &[]))),
                    in_flight(8, Stage::PubRec(delivery(QoS::ExactlyOnce, &[7]))),
                    in_flight(9, Stage::PubComp),
                ],
                received: vec![PacketId::new(3).unwrap()],
                queued: vec![delivery(QoS::AtLeastOnce, &[7, 8])],
                will: Some(PendingWill {
                    due: context.now + minute,
                    will: Will {
                        topic: text("will"),
                        payload: Bytes::from_static(b"gone"),
                        qos: QoS::AtLeastOnce,
                        retain: true,
                        properties: MessageProperties {
                            expiry: Some(5),
                            ..MessageProperties::default()
                        },
                    },
                }),
            }],
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let context = context();
        for snapshot in [example(&context), Snapshot::default()] {
            let bytes = snapshot.encode(&context);
            assert_eq!(Snapshot::decode(bytes, &context), Ok(snapshot));
        }
    }

    #[test]
    fn a_file_cut_anywhere_or_with_any_byte_changed_is_refused() {
        let context = context();
        let bytes = example(&context).encode(&context);
        for length in 0..bytes.len() {
            assert!(
                Snapshot::decode(bytes.slice(..length), &context).is_err(),
                "cut after {length}"
            );
        }
        for index in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[index] ^= 0x10;
            assert!(
                Snapshot::decode(changed.into(), &context).is_err(),
                "changed at {index}"
            );
        }
    }

    #[test]
    fn a_router_has_the_same_state_after_it_was_saved_and_restored() {
        let router = Router::default();
        let context = context();
        let snapshot = example(&context);
        for message in &snapshot.retained {
            router.restore_retained(Arc::clone(message));
        }
        for session in snapshot.sessions.clone() {
            router.restore_session(session);
        }
        assert_eq!(Snapshot::of(&router), snapshot);
    }

    #[test]
    fn time_passes_and_listeners_move_while_the_broker_is_down() {
        let before = context();
        let bytes = example(&before).encode(&before);
        let after = Context {
            now: before.now,
            seconds: before.seconds + 20,
            listeners: vec![listener(5, "port 8883")],
        };
        let read = Snapshot::decode(bytes, &after).unwrap();
        let left = read.retained[0].remaining(after.now);
        assert_eq!(left, Some(40));
        assert_eq!(read.retained[0].source().unwrap().listener, 5);
        let session = &read.sessions[0];
        assert_eq!(session.listener, 5);
        let will = session.will.as_ref().unwrap();
        assert_eq!(will.due, after.now + Duration::from_secs(40));
    }

    #[test]
    fn a_clock_that_starts_too_early_prolongs_nothing() {
        let before = context();
        let bytes = example(&before).encode(&before);
        let after = Context {
            seconds: 5,
            ..before
        };
        let read = Snapshot::decode(bytes, &after).unwrap();
        assert_eq!(read.retained[0].remaining(after.now), Some(60));
        let will = read.sessions[0].will.as_ref().unwrap();
        assert_eq!(will.due, after.now + Duration::from_secs(60));
    }

    #[test]
    fn a_session_below_another_mount_point_is_not_resumed() {
        let before = context();
        let bytes = example(&before).encode(&before);
        let mut after = before;
        after.listeners[1].scope = Arc::default();
        let read = Snapshot::decode(bytes, &after).unwrap();
        assert_eq!((read.retained.len(), read.sessions.len()), (2, 0));
    }

    #[test]
    fn a_file_of_format_1_is_read() {
        let mut out = BytesMut::new();
        let put_old_message = |out: &mut BytesMut| {
            out.put_slice(&[1, 1]);
            put_bytes(b"a/b", out);
            put_bytes(b"payload", out);
        };
        out.put_slice(MAGIC);
        out.put_u16(1);
        put_count(1, &mut out);
        put_old_message(&mut out);
        put_count(1, &mut out);
        put_bytes(b"c", &mut out);
        out.put_u8(0);
        put_count(1, &mut out);
        put_bytes(b"a/#", &mut out);
        out.put_u8(2);
        put_count(0, &mut out);
        put_count(0, &mut out);
        put_count(1, &mut out);
        out.put_slice(&[1, 0]);
        put_old_message(&mut out);
        let mut context = context();
        context.listeners[0].scope = Arc::default();
        let read = Snapshot::decode(sealed(out), &context).unwrap();
        assert_eq!(*read.retained[0].topic(), "a/b");
        let session = &read.sessions[0];
        assert_eq!(session.expiry, SessionExpiry::NEVER);
        assert_eq!(
            session.subscriptions,
            [(text("a/#"), QoS::ExactlyOnce.into())]
        );
        assert_eq!(session.queued[0].numbers, Numbers::None);
        assert_eq!(&session.queued[0].message.payload()[..], b"payload");
    }
}
