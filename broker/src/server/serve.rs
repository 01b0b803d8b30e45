//! A client's connection from its CONNACK to its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::admit::{Admitted, Peer};
use super::closing::Closing;
use super::deliver::Unsent;
use super::settings::{ListenerRules, Settings};
use super::shared::Shared;
use super::standing;
use super::stream::{Event, Stream};
use crate::codec::{Packet, QoS, Will};
use crate::router::{Client, Ended, Message, Owned, OwnerToken, PendingWill, SessionExpiry};
use crate::session::{IncomingAliases, OutgoingAliases, Rules};

/// A connection and its client.
pub(super) struct Connection<'a> {
    pub(super) shared: &'a Shared,
    pub(super) stream: &'a mut Stream,
    pub(super) me: Admitted,
    /// The inbox has more than the stream had room for.
    pub(super) more: bool,
    /// The generation of the settings that it was found in good standing under.
    pub(super) generation: u64,
    /// What was in flight when the client went away and was not sent again yet.
    pub(super) unsent: Unsent,
    /// Of version 5, once it has one.
    pub(super) aliases: Option<Box<Aliases>>,
}

/// The topic aliases of a connection, both ways.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    pub(super) incoming: IncomingAliases,
    pub(super) outgoing: OutgoingAliases,
}

/// A client's place among those that are connected; given back when dropped, after a panic too.
struct Connected<'a> {
    shared: &'a Shared,
    client: Arc<Client>,
    token: OwnerToken,
}

impl<'a> Connected<'a> {
    fn new(shared: &'a Shared, me: &Admitted) -> Self {
        shared.counters.clients.fetch_add(1, Ordering::Relaxed);
        Self {
            shared,
            client: Arc::clone(&me.client),
            token: me.token,
        }
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        let rules = self.shared.settings().delivery;
        self.shared.router.close(&self.client, self.token, rules);
        self.shared.counters.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a client until its connection ends, and does what is to be done then.
pub(super) async fn serve(shared: &Shared, stream: &mut Stream, peer: &Peer, me: Admitted) {
    let connected = Connected::new(shared, &me);
    let mut connection = Connection {
        shared,
        stream,
        me,
        more: false,
        unsent: Unsent::default(),
        aliases: None,
        generation: peer.generation,
    };
    let closing = connection.run().await;
    connection.say_goodbye(&closing);
    let Admitted {
        client,
        token,
        mut will,
        ..
    } = connection.me;
    let settings = shared.settings();
    if settings.connection_messages {
        let (id, address) = (&client.identity().client_id, &peer.address);
        shared.notice(format_args!("Client {id} [{address}] {closing}"));
    }
    will.take_if(|_| closing.voids_will());
    let will = will.and_then(|will| postpone(&client, token, will));
    drop(connected);
    if let Some(will) = will {
        publish_will(shared, &will, &client, &settings);
    }
}

/// Leaves a will that is to wait with its session. Returns one that is to be published now.
///
/// A will whose session was resumed in time by another connection is not published [MQTT-3.1.3-9]; one
/// without a delay is published whatever became of the session.
fn postpone(client: &Client, token: OwnerToken, will: Box<Will>) -> Option<Box<Will>> {
    let delay = will.properties.will_delay.min(client.expiry().0);
    let mut owned = client.owned();
    if delay == 0 || owned.has_ended() {
        return Some(will);
    }
    if owned.is_owned_by(token) {
        owned.leave(PendingWill {
            will: *will,
            due: Instant::now() + Duration::from_secs(delay.into()),
        });
    }
    None
}

/// Publishes a will, if its client still may.
pub(super) fn publish_will(shared: &Shared, will: &Will, client: &Client, settings: &Settings) {
    if !settings.may_write(client.listener(), client.identity(), &will.topic) {
        return;
    }
    let retain = will.retain && settings.retain_available;
    let properties = &will.properties;
    let message = Message::new(
        &will.topic,
        &properties.forwarded,
        &will.payload,
        will.qos,
        retain,
    );
    if let Some(message) = message {
        let message = message
            .expiring(properties.expires(Instant::now()))
            .published_by(retain.then(|| client.as_source()));
        shared.publish(&Arc::new(message), Some(client), settings);
    }
}

/// Publishes the wills of sessions that have ended, and those whose time has come.
pub(super) fn publish_wills(shared: &Shared, ended: &[Ended], settings: &Settings) {
    for Ended { client, will } in ended {
        if let Some(pending) = will {
            publish_will(shared, &pending.will, client, settings);
        }
    }
}

/// Why a session is not a connection's any more.
fn loss(owned: &Owned) -> Closing {
    if owned.is_owned_by(OwnerToken::default()) {
        Closing::SessionEnded
    } else {
        Closing::TakenOver
    }
}

impl Connection<'_> {
    async fn run(&mut self) -> Closing {
        // What was decided since it was secured counts before it is sent anything.
        if let Err(closing) = self.check_standing(&self.shared.settings()) {
            return closing;
        }
        if self.me.resumed {
            self.unsent = Unsent::of(&self.me.client);
        }
        loop {
            if let Err(closing) = self.turn() {
                return closing;
            }
            let deadline = self.me.keep_alive.deadline();
            match self.stream.wait(&self.me.caller, deadline, self.more).await {
                Ok(Event::Received) => self.me.keep_alive.seen(Instant::now()),
                Ok(Event::Ended) => return Closing::Ended,
                Ok(Event::Due) if self.me.keep_alive.has_expired(Instant::now()) => {
                    return Closing::KeepAlive;
                }
                Ok(Event::Due | Event::Room | Event::Called) => {}
                Err(error) => return Closing::Network(error),
            }
        }
    }

    /// Ends a client that would not be let in under new settings.
    fn check_standing(&mut self, settings: &Settings) -> Result<(), Closing> {
        if self.generation == settings.generation {
            return Ok(());
        }
        self.generation = settings.generation;
        let client = &self.me.client;
        match standing::lost(settings, client.listener(), client.identity(), self.stream) {
            Some(lost) => Err(Closing::Lost(lost)),
            None => Ok(()),
        }
    }

    /// Deals with all packets that are there, then sends what waits.
    fn turn(&mut self) -> Result<(), Closing> {
        if self.shared.is_stopping() {
            return Err(Closing::Stopping);
        }
        let client = Arc::clone(&self.me.client);
        let settings = self.shared.settings();
        self.check_standing(&settings)?;
        let mut owned = client.owned();
        if !owned.is_owned_by(self.me.token) {
            return Err(loss(&owned));
        }
        let Some(listener) = settings.listeners.get(client.listener()) else {
            return Err(Closing::SessionEnded);
        };
        while let Some(packet) = self
            .stream
            .next(settings.codec, self.me.version)
            .map_err(Closing::Malformed)?
        {
            self.packet(packet, &client, &mut owned, (&settings, listener))?;
        }
        self.send_waiting(&client, &mut owned, (&settings, listener));
        Ok(())
    }

    /// What packets are judged by now.
    pub(super) fn rules(&self, settings: &Settings, listener: &ListenerRules) -> Rules {
        Rules {
            version: self.me.version,
            receive_maximum: settings.max_inflight_messages,
            max_qos: listener.max_qos,
            retain_available: settings.retain_available,
            ends_at_once: self.me.client.expiry() == SessionExpiry::AT_ONCE,
        }
    }

    /// Tells a client of version 5 why the connection ends, unless it said so itself [MQTT-3.14.4-3].
    fn say_goodbye(&mut self, closing: &Closing) {
        if !self.me.version.has_properties() {
            return;
        }
        if let Some(reason) = closing.reason() {
            let outcome = self.me.explained(reason, closing);
            self.send(&Packet::Disconnect(outcome));
        }
    }

    /// The bytes of the mount point at the front of a topic, which the client does not see.
    pub(super) fn mounted(listener: &ListenerRules) -> usize {
        listener.mount_point.len()
    }

    /// The lower of what a client asks for and what its listener serves.
    pub(super) fn served(listener: &ListenerRules, qos: QoS) -> QoS {
        qos.min(listener.max_qos)
    }
}
