//! A client's connection from its CONNACK to its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::admit::{Admitted, Peer};
use super::closing::Closing;
use super::receive::{InForce, PendingSubscribe, message};
use super::settings::Settings;
use super::shared::Shared;
use super::standing;
use super::stream::{Event, Stream};
use super::terms::Terms;
use crate::codec::{Limits, Packet, Will};
use crate::router::{Client, Ended, Owned, OwnerToken, PendingWill, SessionExpiry};
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
    /// An answer could not be sent.
    pub(super) unanswered: bool,
    /// A message went to somebody who has to catch up first.
    pub(super) crowded: bool,
    /// A SUBSCRIBE that has more filters than are dealt with in one turn.
    pub(super) pending: Option<Box<PendingSubscribe>>,
    /// Of version 5, once it has one.
    pub(super) aliases: Option<Box<Aliases>>,
}

/// The topic aliases of a connection, both ways.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    pub(super) incoming: IncomingAliases,
    pub(super) outgoing: OutgoingAliases,
}

/// What is to be done after a turn.
enum Turn {
    /// To wait for something.
    Done,
    /// To go on, when others had their turn.
    More,
    /// To go on, when those who get the messages had the time to take them.
    Crowded,
}

/// The packets that are dealt with before others get their turn; of a SUBSCRIBE one handful of filters.
const TURN: usize = 64;

/// The first and the longest wait for those who have to catch up. How often is bounded by their queue, which asks for
/// patience for a second at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(32));

/// A client's place among those that are connected; given back when dropped, after a panic too.
struct Connected<'a> {
    shared: &'a Shared,
    client: Arc<Client>,
    token: OwnerToken,
    closed: bool,
}

impl<'a> Connected<'a> {
    fn new(shared: &'a Shared, me: &Admitted) -> Self {
        shared.counters.clients.fetch_add(1, Ordering::Relaxed);
        Self {
            shared,
            client: Arc::clone(&me.client),
            token: me.token,
            closed: false,
        }
    }

    /// Gives the session back.
    fn close(&mut self) {
        if !std::mem::replace(&mut self.closed, true) {
            let rules = self.shared.settings().delivery;
            self.shared.router.close(&self.client, self.token, rules);
            self.shared.count_change_of(&self.client);
        }
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.close();
        self.shared.counters.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a client until its connection ends, and does what is to be done then.
pub(super) async fn serve(shared: &Shared, stream: &mut Stream, peer: &Peer, me: Admitted) {
    let mut connected = Connected::new(shared, &me);
    let mut connection = Connection {
        shared,
        stream,
        me,
        more: false,
        unanswered: false,
        crowded: false,
        pending: None,
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
    connected.close();
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
    let kind = (will.qos, retain);
    let message = message(&will.topic, &will.properties, &will.payload, kind, client);
    if let Some(message) = message {
        shared.publish(&message, Some(client), settings);
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
        let mut pause = PAUSE.0;
        loop {
            match self.turn() {
                Ok(Turn::Done) => pause = PAUSE.0,
                Ok(Turn::More) => {
                    pause = PAUSE.0;
                    self.stream.flush().await;
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(Turn::Crowded) => {
                    self.stream.flush().await;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                    continue;
                }
                Err(closing) => return closing,
            }
            let deadline = self.me.keep_alive.deadline();
            match self.stream.wait(&self.me.caller, deadline, self.more).await {
                Ok(Event::Ended) => return Closing::Ended,
                Ok(Event::Due) if self.is_silent() => return Closing::KeepAlive,
                Ok(Event::Received) if self.stream.is_amid_large_packet() => {
                    self.me.keep_alive.seen(Instant::now());
                }
                Ok(Event::Received | Event::Due | Event::Room | Event::Called) => {}
                Err(error) => return Closing::Network(error),
            }
        }
    }

    /// Whether the client has sent no packet for too long [MQTT-3.1.2-22], though it could.
    fn is_silent(&mut self) -> bool {
        let now = Instant::now();
        if self.stream.is_slow_but_alive() {
            self.me.keep_alive.seen(now);
        }
        self.me.keep_alive.has_expired(now)
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

    /// Deals with packets that are there, then sends what waits.
    fn turn(&mut self) -> Result<Turn, Closing> {
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
        let in_force = (&*settings, listener);
        let turn = self.take_packets(&client, &mut owned, in_force)?;
        // The answer to a SUBSCRIBE comes before what it brings.
        if self.pending.is_none() {
            self.send_waiting(&client, &mut owned, in_force);
        }
        if self.unanswered {
            return Err(Closing::Unanswered);
        }
        Ok(turn)
    }

    /// Deals with as many packets as fit into a turn.
    fn take_packets(
        &mut self,
        client: &Arc<Client>,
        owned: &mut Owned,
        in_force: InForce<'_>,
    ) -> Result<Turn, Closing> {
        let limits = Limits {
            max_packet_size: self.terms(in_force).max_packet_size,
        };
        for _ in 0..TURN {
            if let Some(pending) = self.pending.take() {
                self.go_on(pending, client, owned, in_force);
                return Ok(Turn::More);
            }
            let next = self.stream.next(limits, self.me.version);
            let Some(packet) = next.map_err(Closing::Malformed)? else {
                return Ok(Turn::Done);
            };
            self.me.keep_alive.seen(Instant::now());
            let searches = matches!(packet, Packet::Subscribe(_));
            self.packet(packet, client, owned, in_force)?;
            if std::mem::take(&mut self.crowded) {
                return Ok(Turn::Crowded);
            }
            if searches {
                return Ok(Turn::More);
            }
        }
        Ok(Turn::More)
    }

    /// What holds for the client: what one of version 5 was told when it came, for others what holds now.
    pub(super) fn terms(&self, (settings, listener): InForce<'_>) -> Terms {
        let told = self.me.terms;
        told.unwrap_or_else(|| Terms::of(settings, listener))
    }

    /// What packets are judged by.
    pub(super) fn rules(&self, in_force: InForce<'_>) -> Rules {
        let terms = self.terms(in_force);
        Rules {
            version: self.me.version,
            receive_maximum: terms.receive_maximum,
            max_qos: terms.max_qos,
            retain_available: terms.retain_available,
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
    pub(super) fn mounted(&self) -> usize {
        self.mount_point().len()
    }

    /// What stands before all topics of the client: as it was when its session began.
    pub(super) fn mount_point(&self) -> &str {
        &self.me.client.identity().scope.mount_point
    }
}
