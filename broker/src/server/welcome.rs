//! A client that was let in gets its session, and is told the terms.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::BytesMut;
use tokio::sync::Notify;

use super::admit::{Admitted, Judged, Peer};
use super::closing::bit;
use super::mount::mounted;
use super::serve::publish_wills;
use super::settings::Settings;
use super::shared::Shared;
use super::stream::Stream;
use super::terms::{Terms, asked_expiry};
use crate::codec::{ConnAck, Connect, Packet, Properties, Reason, Version, Will, encode};
use crate::log::LogType;
use crate::router::{AccessCheck as _, Client, Identity, Opened, Opening};
use crate::session::{ClientLimits, KeepAlive};

/// Gives the client its session and says so; `None` if it takes no packet as large as the answer.
pub(super) fn open(
    shared: &Shared,
    settings: &Settings,
    stream: &mut Stream,
    peer: &Peer,
    connect: &Connect,
    judged: Judged,
) -> Option<Admitted> {
    let rules = settings.listeners.get(peer.listener)?;
    let five = connect.version.has_properties();
    let limits = ClientLimits::of(connect);
    let terms = Terms::of(settings, rules);
    let Judged { identity, assigned } = judged;
    let mut answer = ConnAck {
        session_present: false,
        reason: Reason::Success,
        properties: if five {
            terms.announce(settings, connect, &identity, assigned)
        } else {
            Properties::NONE
        },
    };
    if !fits(&answer, connect.version, limits) {
        let (id, address) = (&identity.client_id, &peer.address);
        shared.notice(format_args!(
            "Client {id} [{address}] disconnected: its Maximum Packet Size has no room for the CONNACK."
        ));
        return None;
    }
    let will = connect.will.as_ref();
    let will = will.and_then(|will| detach(will, &identity.scope.mount_point));
    let caller = Arc::new(Notify::new());
    let opening = Opening {
        identity,
        clean_start: connect.clean_start,
        expiry: settings.session_expiry(asked_expiry(connect)),
        bridge: connect.bridge,
        listener: peer.listener,
        reader: Arc::clone(&caller),
    };
    let opened = shared.router.open(opening, settings.delivery);
    settle(shared, settings, &opened);
    welcome(shared, settings, &opened.client, peer, connect);
    // Version 3.1 has no such flag: the byte is reserved.
    answer.session_present = opened.present && connect.version != Version::V31;
    let session_present = bit(answer.session_present);
    // It was seen to fit.
    let _ = stream
        .outbox
        .packet(&Packet::ConnAck(answer), connect.version);
    let id = &opened.client.identity().client_id;
    shared.debug(format_args!(
        "Sending CONNACK to {id} ({session_present}, 0)"
    ));
    Some(Admitted {
        client: opened.client,
        token: opened.token,
        caller,
        version: connect.version,
        limits,
        terms: five.then_some(terms),
        keep_alive: KeepAlive::new(settings.keep_alive(connect.keep_alive), Instant::now()),
        will,
    })
}

/// Whether the client takes a packet as large as its CONNACK [MQTT-3.1.2-24].
fn fits(answer: &ConnAck, version: Version, limits: ClientLimits) -> bool {
    let mut bytes = BytesMut::new();
    encode(&Packet::ConnAck(answer.clone()), version, &mut bytes).is_ok()
        && bytes.len() <= limits.max_packet_size as usize
}

/// Does what follows from a session that was opened.
fn settle(shared: &Shared, settings: &Settings, opened: &Opened) {
    if opened.orphan.is_some() {
        shared.counters.changes.fetch_add(1, Ordering::Relaxed);
    } else {
        shared.count_change_of(&opened.client);
    }
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
}

fn welcome(shared: &Shared, settings: &Settings, client: &Client, peer: &Peer, connect: &Connect) {
    let Identity {
        client_id,
        username,
        ..
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
