//! From the first byte of a connection to its CONNACK.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::auth::{self, Refusal};
use super::closing::Closing;
use super::mount::mounted;
use super::settings::{ListenerRules, Settings};
use super::shared::Shared;
use super::standing;
use super::stream::{Event, Stream};
use super::welcome::open;
use crate::codec::{
    ConnAck, Connect, DecodeError, Limits, Outcome, Packet, Properties, Property, Reason, Text,
    Version, Will,
};
use crate::router::{Client, Identity, OwnerToken};
use crate::session::{Admission, ClientLimits, KeepAlive, review};

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
    /// The generation of the settings that it was secured under.
    pub(super) generation: u64,
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
    pub(super) limits: ClientLimits,
    pub(super) keep_alive: KeepAlive,
    pub(super) will: Option<Box<Will>>,
    pub(super) resumed: bool,
}

impl Admitted {
    /// A reason with what it means in words, if the client has room for them [MQTT-3.14.2-3].
    pub(super) fn explained(&self, reason: Reason, why: &Closing) -> Outcome {
        let words = Text::new(&why.words()).filter(|words| {
            words.len() + EXPLANATION_OVERHEAD <= self.limits.max_packet_size as usize
        });
        Outcome {
            reason,
            properties: words.map(Property::ReasonString).into_iter().collect(),
        }
    }
}

/// The bytes of a DISCONNECT around its reason string: header, reason, lengths and identifier.
const EXPLANATION_OVERHEAD: usize = 5 + 1 + 4 + 1 + 2;

/// Waits for the CONNECT and judges it. `None`: the peer was refused, or gave up.
pub(super) async fn admit(shared: &Shared, stream: &mut Stream, peer: &Peer) -> Option<Admitted> {
    let mut announced = None;
    let connect = match receive_connect(shared, stream, &mut announced).await {
        Ok(connect) => connect,
        Err(closing) => {
            if let Closing::Malformed(error) = &closing {
                refuse_malformed(stream, *error, announced);
            }
            let address = &peer.address;
            shared.notice(format_args!("Client <unknown> [{address}] {closing}"));
            return None;
        }
    };
    shared.counters.connects.fetch_add(1, Ordering::Relaxed);
    let settings = shared.settings();
    let judged = judge(shared, &settings, &connect, peer).await;
    match judged.and_then(|judged| still_good(judged, &settings, stream, peer)) {
        Ok(admission) => Some(open(shared, &settings, stream, peer, &connect, admission)),
        Err(Refusal { code, reason }) => {
            shared.counters.refused.fetch_add(1, Ordering::Relaxed);
            refuse(stream, connect.version, code);
            let (id, address) = (&connect.client_id, &peer.address);
            let name = connect
                .username
                .as_deref()
                .map(|name| format!(" (u'{name}')"))
                .unwrap_or_default();
            let what = if code == Reason::NotAuthorized {
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

/// `announced` becomes the version of the CONNECT as soon as it is there, so that what else is wrong with it
/// can be answered.
async fn receive_connect(
    shared: &Shared,
    stream: &mut Stream,
    announced: &mut Option<Version>,
) -> Result<Box<Connect>, Closing> {
    let max_packet_size = shared.settings().codec.max_packet_size.min(MAX_CONNECT);
    let limits = Limits { max_packet_size };
    let deadline = Some(Instant::now() + CONNECT_TIMEOUT);
    let nobody = Notify::new();
    loop {
        *announced = stream.announced_version();
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

/// Answers a CONNECT that is none: in the version that it announces, if that is known [MQTT-3.1.2-2].
///
/// Before version 5 a malformed one gets no answer (section 4.8 of 3.1.1).
fn refuse_malformed(stream: &mut Stream, error: DecodeError, announced: Option<Version>) {
    match (error, announced) {
        (DecodeError::ProtocolLevel(_), _) => {
            refuse(stream, Version::V311, Reason::UnsupportedProtocolVersion);
        }
        (_, Some(version)) if version.has_properties() => refuse(stream, version, error.reason()),
        _ => {}
    }
}

fn refuse(stream: &mut Stream, version: Version, reason: Reason) {
    let refusal = ConnAck {
        session_present: false,
        reason,
        properties: Properties::NONE,
    };
    // So few bytes always fit.
    let _ = stream.outbox.packet(&Packet::ConnAck(refusal), version);
}

/// A client that may come in.
pub(super) struct Judged {
    pub(super) admission: Admission,
    pub(super) username: Option<Text>,
}

/// Finds out whether a client may connect, and as whom.
async fn judge(
    shared: &Shared,
    settings: &Settings,
    connect: &Connect,
    peer: &Peer,
) -> Result<Judged, Refusal> {
    let Some(rules) = settings.listeners.get(peer.listener) else {
        return Err(Refusal::new(
            Reason::ServerUnavailable,
            "its listener is gone",
        ));
    };
    if !rules.versions.allows(connect.version.level()) {
        let reason = "its version of MQTT is not spoken on this listener";
        return Err(Refusal::new(Reason::UnsupportedProtocolVersion, reason));
    }
    let mut admission = review(connect, &rules.policy, &unique())
        .map_err(|code| Refusal::new(code, unfit(code)))?;
    let too_long = |limit: u16| connect.keep_alive == 0 || connect.keep_alive > limit;
    if settings.max_keep_alive.is_some_and(too_long) && !connect.version.has_properties() {
        // Before version 5 there is no way to tell a client a shorter time.
        let reason = "its keep-alive is longer than max_keepalive";
        return Err(Refusal::new(Reason::ClientIdentifierNotValid, reason));
    }
    let username = auth::authenticate(shared, connect, peer, rules).await?;
    admission.client_id = rules
        .client_ids
        .apply(admission.client_id, username.as_ref())
        .map_err(|reason| Refusal::new(Reason::NotAuthorized, reason))?;
    let identity = Identity {
        client_id: admission.client_id.clone(),
        username: username.clone(),
    };
    if belongs_to_another(shared, rules, &identity) {
        let reason = "its client identifier belongs to another user";
        return Err(Refusal::new(Reason::NotAuthorized, reason));
    }
    // A session from before is one of those that there may be.
    if !shared.router.has_session(&identity.client_id)
        && shared.router.session_count() >= settings.max_clients
    {
        let reason = "there are global_max_clients already";
        return Err(Refusal::new(Reason::QuotaExceeded, reason));
    }
    if let Some(will) = &connect.will {
        judge_will(settings, rules, peer, &identity, (will, connect.version))?;
    }
    Ok(Judged {
        admission,
        username,
    })
}

/// Whether what was decided since the peer's TLS handshake lets it in as well.
fn still_good(
    judged: Judged,
    settings: &Settings,
    stream: &Stream,
    peer: &Peer,
) -> Result<Judged, Refusal> {
    let identity = Identity {
        client_id: judged.admission.client_id.clone(),
        username: judged.username.clone(),
    };
    if peer.generation == settings.generation {
        return Ok(judged);
    }
    match standing::lost(settings, peer.listener, &identity, stream) {
        Some(lost) => Err(Refusal::new(Reason::NotAuthorized, lost.words())),
        None => Ok(judged),
    }
}

const fn unfit(reason: Reason) -> &'static str {
    match reason {
        Reason::BadAuthenticationMethod => "it wants an authentication method, and there is none",
        _ => "its client identifier is not allowed",
    }
}

/// Whether a client may leave this will (sections 3.1.2.5 to 3.1.2.7 and 3.2.2.3 of version 5).
fn judge_will(
    settings: &Settings,
    rules: &ListenerRules,
    peer: &Peer,
    identity: &Identity,
    (will, version): (&Will, Version),
) -> Result<(), Refusal> {
    let Some(topic) = mounted(&rules.mount_point, &will.topic) else {
        return Err(Refusal::new(
            Reason::TopicNameInvalid,
            "the topic of its will is too long",
        ));
    };
    if !settings.may_write(peer.listener, identity, &topic) {
        return Err(Refusal::new(
            Reason::NotAuthorized,
            "it may not publish to the topic of its will",
        ));
    }
    // [MQTT-3.2.2-12]
    if will.qos > rules.max_qos {
        return Err(Refusal::new(
            Reason::QoSNotSupported,
            "its will has a higher QoS than is served",
        ));
    }
    // [MQTT-3.2.2-13]
    if version.has_properties() && will.retain && !settings.retain_available {
        return Err(Refusal::new(
            Reason::RetainNotSupported,
            "its will is to be retained, which is not done here",
        ));
    }
    Ok(())
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
