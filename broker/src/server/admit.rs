//! From the first byte of a connection to its CONNACK.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::auth::{self, Refusal};
use super::closing::Closing;
use super::mount::mounted;
use super::settings::{ListenerRules, Settings};
use super::shared::Shared;
use super::standing;
use super::stream::{Event, Stream};
use super::terms::Terms;
use super::welcome::open;
use crate::codec::{
    ConnAck, Connect, DecodeError, Limits, Outcome, Packet, Properties, Property, Reason, Text,
    Version, Will,
};
use crate::router::{Client, Identity, OwnerToken};
use crate::session::{ClientLimits, KeepAlive, review};

/// How long a peer may take from the end of its TLS handshake to the end of its CONNECT.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest CONNECT there can be: five fields of 65,535 bytes with their lengths, and what is around them.
///
const MAX_CONNECT: usize = 5 * (2 + 65_535) + 32;

/// The largest CONNECT that any number of peers may send at a time. Nearly all have some hundred bytes; a will of a
/// photo's size or a certificate for a password is what has more.
const SMALL_CONNECT: usize = 16 * 1024;

/// The protocol name and level of a CONNECT are within so many bytes.
const NAME_END: usize = 16;

/// How many peers may send a larger one at a time: 10 MiB of memory in all.
pub(super) const LARGE_CONNECTS: usize = 32;

/// A CONNECT that has come, and its place among the large ones if it is one.
struct Arrived {
    connect: Box<Connect>,
    _large: Option<OwnedSemaphorePermit>,
}

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
    /// What a client of version 5 was told.
    pub(super) terms: Option<Terms>,
    pub(super) keep_alive: KeepAlive,
    pub(super) will: Option<Box<Will>>,
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
    let arrived = match receive_connect(shared, stream, &mut announced).await {
        Ok(arrived) => arrived,
        Err(closing) => {
            match &closing {
                Closing::Malformed(error) => refuse_malformed(stream, *error, announced),
                Closing::Busy => {
                    let version = announced.unwrap_or(Version::V311);
                    refuse(stream, version, Reason::ServerBusy);
                }
                _ => {}
            }
            let address = &peer.address;
            shared.notice(format_args!("Client <unknown> [{address}] {closing}"));
            return None;
        }
    };
    let connect = &arrived.connect;
    shared.counters.connects.fetch_add(1, Ordering::Relaxed);
    let settings = shared.settings();
    let judged = judge(shared, &settings, connect, peer).await;
    match judged.and_then(|judged| still_good(judged, &settings, stream, peer)) {
        Ok(judged) => open(shared, &settings, stream, peer, connect, judged),
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
) -> Result<Arrived, Closing> {
    let most = shared.settings().codec.max_packet_size.min(MAX_CONNECT);
    let mut large = None;
    let deadline = Some(Instant::now() + CONNECT_TIMEOUT);
    let nobody = Notify::new();
    loop {
        *announced = stream.announced_version();
        let max_packet_size = if large.is_some() {
            most
        } else {
            most.min(SMALL_CONNECT)
        };
        match stream.next(Limits { max_packet_size }, Version::V311) {
            Ok(Some(Packet::Connect(connect))) => {
                return Ok(Arrived {
                    connect,
                    _large: large,
                });
            }
            // [MQTT-3.1.0-1]
            Ok(Some(other)) => return Err(Closing::NotConnect(other.name())),
            Ok(None) => {}
            // Nothing but a CONNECT has a place, and until its name is there nobody knows.
            Err(DecodeError::TooLarge { size, .. })
                if announced.is_none() && size <= most && !stream.has(NAME_END) => {}
            Err(DecodeError::TooLarge { size, .. })
                if announced.is_some() && large.is_none() && size <= most =>
            {
                large = Arc::clone(&shared.large_connects).try_acquire_owned().ok();
                if large.is_none() {
                    return Err(Closing::Busy);
                }
                continue;
            }
            Err(error) => return Err(Closing::Malformed(error)),
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
    pub(super) identity: Identity,
    /// Whether the broker made up its client identifier.
    pub(super) assigned: bool,
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
        client_id: admission.client_id,
        username,
        scope: Arc::clone(&rules.scope),
    };
    // A session from before is one of those that there may be.
    if !shared.router.has_session(&identity)
        && shared.router.session_count() >= settings.max_clients
    {
        let reason = "there are global_max_clients already";
        return Err(Refusal::new(Reason::QuotaExceeded, reason));
    }
    if let Some(will) = &connect.will {
        judge_will(settings, rules, peer, &identity, (will, connect.version))?;
    }
    Ok(Judged {
        identity,
        assigned: admission.assigned,
    })
}

/// Whether what was decided since the peer's TLS handshake lets it in as well.
fn still_good(
    judged: Judged,
    settings: &Settings,
    stream: &Stream,
    peer: &Peer,
) -> Result<Judged, Refusal> {
    if peer.generation == settings.generation {
        return Ok(judged);
    }
    match standing::lost(settings, peer.listener, &judged.identity, stream) {
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
    let Some(topic) = mounted(&rules.scope.mount_point, &will.topic) else {
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
    if will.payload.len() > settings.max_payload {
        return Err(Refusal::new(
            Reason::QuotaExceeded,
            "its will is larger than message_size_limit",
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
