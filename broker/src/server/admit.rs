//! From the first byte of a connection to its CONNACK.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::auth::{self, Refusal};
use super::closing::{Closing, bit};
use super::settings::{ListenerRules, Settings};
use super::shared::Shared;
use super::stream::{Event, Stream};
use crate::codec::{
    ConnAck, Connect, ConnectCode, DecodeError, Limits, Packet, Text, Version, Will,
};
use crate::log::LogType;
use crate::router::{Client, Identity, Opening, OwnerToken};
use crate::session::{Admission, KeepAlive, review};

/// How long a peer may take from the end of its TLS handshake to the end of its CONNECT.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest CONNECT there can be: five fields of 65,535 bytes with their lengths, and what is around them.
///
/// Nobody gets more memory than this before it is known who it is.
const MAX_CONNECT: usize = 5 * (2 + 65_535) + 32;

/// A peer, before it is known who it is.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    /// The number of the listener it came by.
    pub(super) listener: usize,
    /// Where it comes from, as the log says it.
    pub(super) address: Arc<str>,
    /// The name in its certificate, where that counts.
    pub(super) certified: Option<Text>,
}

/// A client that was let in.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) client: Arc<Client>,
    pub(super) token: OwnerToken,
    pub(super) caller: Arc<Notify>,
    pub(super) version: Version,
    pub(super) keep_alive: KeepAlive,
    pub(super) will: Option<Box<Will>>,
    pub(super) resumed: bool,
}

/// Waits for the CONNECT and judges it. `None`: the peer was refused, or gave up.
pub(super) async fn admit(shared: &Shared, stream: &mut Stream, peer: &Peer) -> Option<Admitted> {
    let connect = match receive_connect(shared, stream).await {
        Ok(connect) => connect,
        Err(closing) => {
            if let Closing::Malformed(DecodeError::ProtocolLevel(_)) = closing {
                // [MQTT-3.1.2-2]
                refuse(stream, ConnectCode::UnacceptableProtocolVersion);
            }
            let address = &peer.address;
            shared.notice(format_args!("Client <unknown> [{address}] {closing}"));
            return None;
        }
    };
    shared.counters.connects.fetch_add(1, Ordering::Relaxed);
    let settings = shared.settings();
    match judge(shared, &settings, &connect, peer).await {
        Ok((admission, username)) => Some(open(
            shared, &settings, stream, peer, &connect, admission, username,
        )),
        Err(Refusal { code, reason }) => {
            shared.counters.refused.fetch_add(1, Ordering::Relaxed);
            refuse(stream, code);
            let (id, address) = (&connect.client_id, &peer.address);
            let name = connect
                .username
                .as_deref()
                .map(|name| format!(" (u'{name}')"))
                .unwrap_or_default();
            let what = if code == ConnectCode::NotAuthorized {
                "not authorised"
            } else {
                "refused"
            };
            shared.notice(format_args!(
                "Client {id} [{address}] disconnected, {what}: {reason}{name}."
            ));
            None
        }
    }
}

async fn receive_connect(shared: &Shared, stream: &mut Stream) -> Result<Box<Connect>, Closing> {
    let max_packet_size = shared.settings().codec.max_packet_size.min(MAX_CONNECT);
    let limits = Limits { max_packet_size };
    let deadline = Some(Instant::now() + CONNECT_TIMEOUT);
    let nobody = Notify::new();
    loop {
        match stream
            .next(limits, Version::V311)
            .map_err(Closing::Malformed)?
        {
            Some(Packet::Connect(connect)) => return Ok(connect),
            // [MQTT-3.1.0-1]
            Some(other) => return Err(Closing::NotConnect(other.name())),
            None => {}
        }
        match stream
            .wait(&nobody, deadline, false)
            .await
            .map_err(Closing::Network)?
        {
            Event::Ended => return Err(Closing::Ended),
            Event::Due => return Err(Closing::KeepAlive),
            Event::Received | Event::Room | Event::Called => {}
        }
    }
}

fn refuse(stream: &mut Stream, code: ConnectCode) {
    let refusal = ConnAck {
        session_present: false,
        code,
    };
    // Four bytes always fit.
    let _ = stream.outbox.packet(&Packet::ConnAck(refusal));
}

/// Finds out whether a client may connect, and as whom.
async fn judge(
    shared: &Shared,
    settings: &Settings,
    connect: &Connect,
    peer: &Peer,
) -> Result<(Admission, Option<Text>), Refusal> {
    let Some(rules) = settings.listeners.get(peer.listener) else {
        return Err(Refusal::new(
            ConnectCode::ServerUnavailable,
            "its listener is gone",
        ));
    };
    let admission = review(connect, &rules.policy, &unique())
        .map_err(|code| Refusal::new(code, "its client identifier is not allowed"))?;
    let too_long = |limit: u16| connect.keep_alive == 0 || connect.keep_alive > limit;
    if settings.max_keep_alive.is_some_and(too_long) {
        // Before version 5 there is no way to tell a client a shorter time.
        let reason = "its keep-alive is longer than max_keepalive";
        return Err(Refusal::new(ConnectCode::IdentifierRejected, reason));
    }
    let username =
        auth::authenticate(connect, peer.certified.clone(), rules, &shared.passwords).await?;
    let identity = Identity {
        client_id: admission.client_id.clone(),
        username: username.clone(),
    };
    if belongs_to_another(shared, rules, &identity) {
        let reason = "its client identifier belongs to another user";
        return Err(Refusal::new(ConnectCode::NotAuthorized, reason));
    }
    let may_leave = |will: &Will| settings.may_write(peer.listener, &identity, &will.topic);
    if !connect.will.as_ref().is_none_or(may_leave) {
        return Err(Refusal::new(
            ConnectCode::NotAuthorized,
            "it may not publish to the topic of its will",
        ));
    }
    Ok((admission, username))
}

/// Whether somebody else, who still may log in, has the session of this client identifier.
///
/// Identifiers are easily guessed: without this, anybody could end the connections of others and lose them
/// what waits in their sessions.
fn belongs_to_another(shared: &Shared, rules: &ListenerRules, identity: &Identity) -> bool {
    let Some(owner) = shared.router.user_of(&identity.client_id) else {
        return false;
    };
    let passwords = rules.access.passwords.as_ref();
    let is_known = passwords.is_none_or(|file| file.lookup(&owner).is_some());
    is_known && identity.username.as_ref() != Some(&owner)
}

/// Gives the client its session and says so.
fn open(
    shared: &Shared,
    settings: &Settings,
    stream: &mut Stream,
    peer: &Peer,
    connect: &Connect,
    admission: Admission,
    username: Option<Text>,
) -> Admitted {
    let caller = Arc::new(Notify::new());
    let opening = Opening {
        identity: Identity {
            client_id: admission.client_id,
            username,
        },
        clean: connect.clean_session,
        bridge: connect.bridge,
        listener: peer.listener,
        reader: Arc::clone(&caller),
    };
    let opened = shared.router.open(opening, settings.delivery);
    if opened.present {
        // What was queued was meant for this user, but what it may read may have changed since.
        use crate::router::AccessCheck as _;
        let client = &opened.client;
        client
            .inbox()
            .filter(|delivery| settings.may_read(client, delivery.message.topic()));
    }
    shared.counters.changes.fetch_add(1, Ordering::Relaxed);
    welcome(shared, settings, &opened.client, peer, connect);
    // Version 3.1 has no such flag: the byte is reserved.
    let session_present = opened.present && connect.version != Version::V31;
    let accepted = ConnAck {
        session_present,
        code: ConnectCode::Accepted,
    };
    // Four bytes always fit.
    let _ = stream.outbox.packet(&Packet::ConnAck(accepted));
    let id = &opened.client.identity().client_id;
    shared.debug(format_args!(
        "Sending CONNACK to {id} ({}, 0)",
        bit(session_present)
    ));
    Admitted {
        client: opened.client,
        token: opened.token,
        caller,
        version: connect.version,
        keep_alive: KeepAlive::new(connect.keep_alive, Instant::now()),
        will: connect.will.as_ref().map(|will| Box::new(detach(will))),
        resumed: opened.present,
    }
}

fn welcome(shared: &Shared, settings: &Settings, client: &Client, peer: &Peer, connect: &Connect) {
    let Identity {
        client_id,
        username,
    } = client.identity();
    if settings.connection_messages {
        let name = username
            .as_deref()
            .map(|name| format!(", u'{name}'"))
            .unwrap_or_default();
        shared.notice(format_args!(
            "New client connected from {} as {client_id} (p{}, c{}, k{}{name}).",
            peer.address,
            connect.version.level(),
            bit(connect.clean_session),
            connect.keep_alive,
        ));
    }
    if !shared.log.enabled(LogType::Debug) {
        return;
    }
    match &connect.will {
        None => shared.debug("No will message specified."),
        Some(will) => {
            let (size, retain, qos) = (will.payload.len(), bit(will.retain), will.qos);
            shared.debug(format_args!(
                "Will message specified ({size} bytes) (r{retain}, q{qos})."
            ));
            shared.debug(format_args!("\t{}", will.topic));
        }
    }
}

/// A will waits as long as the connection: it has memory of its own.
fn detach(will: &Will) -> Will {
    let payload = bytes::Bytes::copy_from_slice(&will.payload);
    Will {
        topic: will.topic.detach(),
        payload,
        qos: will.qos,
        retain: will.retain,
    }
}

/// A text that no other client has been given: 128 random bits written like a UUID, as Mosquitto has it.
fn unique() -> String {
    let mut bytes = [0_u8; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // Without a source of randomness there is still a counter; identifiers need only differ.
        static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        bytes[8..].copy_from_slice(&COUNTER.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    }
    let number = u128::from_be_bytes(bytes);
    let mut text = format!("{number:032X}");
    for place in [20, 16, 12, 8] {
        text.insert(place, '-');
    }
    text
}
