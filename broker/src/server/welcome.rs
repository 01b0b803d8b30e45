//! A client that was let in gets its session, and is told the terms.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio::sync::Notify;

use super::admit::{Admitted, Judged, Peer};
use super::closing::bit;
use super::mount::mounted;
use super::serve::publish_wills;
use super::settings::Settings;
use super::shared::Shared;
use super::stream::Stream;
use crate::codec::{ConnAck, Connect, Packet, Properties, Property, QoS, Reason, Version, Will};
use crate::log::LogType;
use crate::router::{AccessCheck as _, Client, Identity, Opening, SessionExpiry};
use crate::session::{ClientLimits, KeepAlive};

/// Gives the client its session and says so.
pub(super) fn open(
    shared: &Shared,
    settings: &Settings,
    stream: &mut Stream,
    peer: &Peer,
    connect: &Connect,
    judged: Judged,
) -> Admitted {
    let caller = Arc::new(Notify::new());
    let Judged {
        admission,
        username,
    } = judged;
    let assigned = admission.assigned;
    let opening = Opening {
        identity: Identity {
            client_id: admission.client_id,
            username,
        },
        clean_start: connect.clean_start,
        expiry: settings.session_expiry(asked_expiry(connect)),
        bridge: connect.bridge,
        listener: peer.listener,
        reader: Arc::clone(&caller),
    };
    let opened = shared.router.open(opening, settings.delivery);
    if let Some(orphan) = &opened.orphan {
        publish_wills(shared, std::slice::from_ref(orphan), settings);
    }
    if opened.present {
        // What was queued was meant for this user, but what it may read may have changed since.
        let client = &opened.client;
        client
            .inbox()
            .filter(|delivery| settings.may_read(client, delivery.message.topic()));
    }
    shared.counters.changes.fetch_add(1, Ordering::Relaxed);
    welcome(shared, settings, &opened.client, peer, connect);
    // Version 3.1 has no such flag: the byte is reserved.
    let session_present = opened.present && connect.version != Version::V31;
    let keep_alive = settings.keep_alive(connect.keep_alive);
    let answer = ConnAck {
        session_present,
        reason: Reason::Success,
        properties: if connect.version.has_properties() {
            terms(settings, connect, peer, &opened.client, assigned)
        } else {
            Properties::NONE
        },
    };
    // So few bytes always fit.
    let _ = stream
        .outbox
        .packet(&Packet::ConnAck(answer), connect.version);
    let id = &opened.client.identity().client_id;
    shared.debug(format_args!(
        "Sending CONNACK to {id} ({}, 0)",
        bit(session_present)
    ));
    let mount_point = settings
        .listeners
        .get(peer.listener)
        .map_or("", |rules| &rules.mount_point);
    Admitted {
        client: opened.client,
        token: opened.token,
        caller,
        version: connect.version,
        limits: ClientLimits::of(connect),
        keep_alive: KeepAlive::new(keep_alive, Instant::now()),
        will: connect
            .will
            .as_ref()
            .and_then(|will| detach(will, mount_point)),
        resumed: opened.present,
    }
}

/// How long a session is to stay: before version 5 for ever, unless it is clean.
fn asked_expiry(connect: &Connect) -> SessionExpiry {
    if connect.version.has_properties() {
        return SessionExpiry(connect.properties.session_expiry().unwrap_or_default());
    }
    if connect.clean_start {
        SessionExpiry::AT_ONCE
    } else {
        SessionExpiry::NEVER
    }
}

/// What a client of version 5 is told of the broker (section 3.2.2.3), with the names and in the order of
/// Mosquitto; what is as the standard assumes is left out.
fn terms(
    settings: &Settings,
    connect: &Connect,
    peer: &Peer,
    client: &Client,
    assigned: bool,
) -> Properties {
    let mut terms = Vec::new();
    let rules = settings.listeners.get(peer.listener);
    if let Some(rules) = rules.filter(|rules| rules.topic_alias_maximum > 0) {
        terms.push(Property::TopicAliasMaximum(rules.topic_alias_maximum));
    }
    if assigned {
        let id = client.identity().client_id.clone();
        terms.push(Property::AssignedClientIdentifier(id));
    }
    let keep_alive = settings.keep_alive(connect.keep_alive);
    if keep_alive != connect.keep_alive {
        terms.push(Property::ServerKeepAlive(keep_alive));
    }
    let expiry = client.expiry();
    if expiry != asked_expiry(connect) {
        terms.push(Property::SessionExpiryInterval(expiry.0));
    }
    if !settings.retain_available {
        terms.push(Property::RetainAvailable(false));
    }
    if let Ok(size) = u32::try_from(settings.codec.max_packet_size) {
        terms.push(Property::MaximumPacketSize(size));
    }
    if settings.max_inflight_messages < u16::MAX {
        terms.push(Property::ReceiveMaximum(settings.max_inflight_messages));
    }
    if let Some(rules) = rules.filter(|rules| rules.max_qos < QoS::ExactlyOnce) {
        terms.push(Property::MaximumQoS(rules.max_qos));
    }
    terms.into()
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
            bit(connect.clean_start),
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

/// A will waits as long as the connection: it has memory of its own, and the topic that it will have.
fn detach(will: &Will, mount_point: &str) -> Option<Box<Will>> {
    let mut properties = will.properties.clone();
    properties.forwarded = properties.forwarded.detach();
    Some(Box::new(Will {
        topic: mounted(mount_point, &will.topic)?.detach(),
        payload: bytes::Bytes::copy_from_slice(&will.payload),
        qos: will.qos,
        retain: will.retain,
        properties,
    }))
}
