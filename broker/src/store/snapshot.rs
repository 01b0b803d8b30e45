//! All durable state at one moment, as a value and as bytes.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use sha2::{Digest, Sha256};

use super::format::{FormatError, Reader, put_bytes, put_count};
use crate::router::{Delivery, Identity, Message, Router, SessionImage};
use crate::session::{InFlight, Stage};

/// What the file begins with. The line break shows a transfer that changed line ends.
const MAGIC: &[u8] = b"mqtt-broker state\r\n";

/// The format that is written.
pub(super) const FORMAT: u16 = 1;

/// Bytes of the checksum at the end: SHA-256 of all before it.
const CHECKSUM: usize = 32;

const AWAITS_PUBACK: u8 = 1;
const AWAITS_PUBREC: u8 = 2;
const AWAITS_PUBCOMP: u8 = 3;

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
    pub fn encode(&self) -> Bytes {
        self.encode_as(FORMAT)
    }

    pub(super) fn encode_as(&self, format: u16) -> Bytes {
        let mut out = BytesMut::new();
        out.put_slice(MAGIC);
        out.put_u16(format);
        put_count(self.retained.len(), &mut out);
        for message in &self.retained {
            put_message(message, &mut out);
        }
        put_count(self.sessions.len(), &mut out);
        for session in &self.sessions {
            put_session(session, &mut out);
        }
        let checksum = Sha256::digest(&out);
        out.put_slice(&checksum);
        out.freeze()
    }

    /// Reads the bytes of a file.
    ///
    /// # Errors
    ///
    /// They are no snapshot, not a whole one, or one of a later version.
    pub fn decode(mut bytes: Bytes) -> Result<Self, FormatError> {
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
        let mut reader = Reader(bytes.slice(MAGIC.len()..));
        let version = reader.u16()?;
        if version != FORMAT {
            return Err(FormatError::Version(version));
        }
        let retained = reader.list(|reader| message(reader).map(Arc::new))?;
        let sessions = reader.list(session)?;
        reader.end()?;
        Ok(Self { retained, sessions })
    }
}

fn put_message(message: &Message, out: &mut BytesMut) {
    out.put_u8(message.qos().bits());
    out.put_u8(message.retain().into());
    put_bytes(message.topic().as_bytes(), out);
    put_bytes(message.payload(), out);
}

fn message(reader: &mut Reader) -> Result<Message, FormatError> {
    let qos = reader.qos()?;
    let retain = reader.flag()?;
    let topic = reader.text()?;
    crate::topic::validate_name(&topic).map_err(|_invalid| FormatError::Value)?;
    Message::new(&topic, &reader.bytes()?, qos, retain).ok_or(FormatError::Value)
}

fn put_delivery(delivery: &Delivery, out: &mut BytesMut) {
    out.put_u8(delivery.qos.bits());
    out.put_u8(delivery.retain.into());
    put_message(&delivery.message, out);
}

fn delivery(reader: &mut Reader) -> Result<Delivery, FormatError> {
    let qos = reader.qos()?;
    let retain = reader.flag()?;
    Ok(Delivery {
        message: Arc::new(message(reader)?),
        qos,
        retain,
    })
}

fn put_in_flight(entry: &InFlight, out: &mut BytesMut) {
    out.put_u16(entry.id.get());
    match &entry.stage {
        Stage::PubAck(delivery) => {
            out.put_u8(AWAITS_PUBACK);
            put_delivery(delivery, out);
        }
        Stage::PubRec(delivery) => {
            out.put_u8(AWAITS_PUBREC);
            put_delivery(delivery, out);
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

fn put_session(session: &SessionImage, out: &mut BytesMut) {
    put_bytes(session.identity.client_id.as_bytes(), out);
    out.put_u8(session.identity.username.is_some().into());
    if let Some(username) = &session.identity.username {
        put_bytes(username.as_bytes(), out);
    }
    put_count(session.subscriptions.len(), out);
    for (filter, qos) in &session.subscriptions {
        put_bytes(filter.as_bytes(), out);
        out.put_u8(qos.bits());
    }
    put_count(session.in_flight.len(), out);
    for entry in &session.in_flight {
        put_in_flight(entry, out);
    }
    put_count(session.received.len(), out);
    for id in &session.received {
        out.put_u16(id.get());
    }
    put_count(session.queued.len(), out);
    for delivery in &session.queued {
        put_delivery(delivery, out);
    }
}

fn session(reader: &mut Reader) -> Result<SessionImage, FormatError> {
    let client_id = reader.text()?;
    let username = if reader.flag()? {
        Some(reader.text()?)
    } else {
        None
    };
    let subscriptions = reader.list(|reader| {
        let filter = reader.text()?;
        crate::topic::validate_filter(&filter).map_err(|_invalid| FormatError::Value)?;
        Ok((filter, reader.qos()?))
    })?;
    Ok(SessionImage {
        identity: Identity {
            client_id,
            username,
        },
        subscriptions,
        in_flight: reader.list(in_flight)?,
        received: reader.list(Reader::packet_id)?,
        queued: reader.list(delivery)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{PacketId, QoS, Text};

    fn text(text: &str) -> Text {
        Text::new(text).unwrap()
    }

    fn example() -> Snapshot {
        let message = |topic: &str, qos| {
            Arc::new(
                Message::new(&text(topic), &Bytes::from_static(b"\0payload"), qos, true).unwrap(),
            )
        };
        let delivery = |qos| Delivery {
            message: message("a/b", qos),
            qos,
            retain: false,
        };
        let in_flight = |id, stage| InFlight {
            id: PacketId::new(id).unwrap(),
            stage,
        };
        Snapshot {
            retained: vec![
                message("a/b", QoS::AtLeastOnce),
                message("ü", QoS::AtMostOnce),
            ],
            sessions: vec![SessionImage {
                identity: Identity {
                    client_id: text("c"),
                    username: Some(text("fred")),
                },
                subscriptions: vec![(text("a/+/#"), QoS::ExactlyOnce)],
                in_flight: vec![
                    in_flight(7, Stage::PubAck(delivery(QoS::AtLeastOnce))),
                    in_flight(8, Stage::PubRec(delivery(QoS::ExactlyOnce))),
                    in_flight(9, Stage::PubComp),
                ],
                received: vec![PacketId::new(3).unwrap()],
                queued: vec![delivery(QoS::AtLeastOnce)],
            }],
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        for snapshot in [example(), Snapshot::default()] {
            assert_eq!(Snapshot::decode(snapshot.encode()), Ok(snapshot));
        }
    }

    #[test]
    fn a_file_cut_anywhere_or_with_any_byte_changed_is_refused() {
        let bytes = example().encode();
        for length in 0..bytes.len() {
            assert!(
                Snapshot::decode(bytes.slice(..length)).is_err(),
                "cut after {length}"
            );
        }
        for index in 0..bytes.len() {
            let mut changed = bytes.to_vec();
            changed[index] ^= 0x10;
            assert!(
                Snapshot::decode(changed.into()).is_err(),
                "changed at {index}"
            );
        }
    }

    #[test]
    fn a_router_has_the_same_state_after_it_was_saved_and_restored() {
        let router = Router::default();
        let limits = crate::router::DeliveryRules {
            messages: 10,
            bytes: 1000,
            qos0_offline: false,
            upgrade_qos: false,
            duplicates: false,
        };
        let snapshot = example();
        for message in &snapshot.retained {
            router.restore_retained(Arc::clone(message));
        }
        for session in snapshot.sessions.clone() {
            router.restore_session(session, limits);
        }
        assert_eq!(Snapshot::of(&router), snapshot);
    }
}
