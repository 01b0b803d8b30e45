//! A client's connection from its CONNACK to its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::admit::{Admitted, Peer};
use super::closing::{Closing, Trace};
use super::settings::Settings;
use super::shared::Shared;
use super::stream::{Event, Stream};
use crate::codec::{Packet, PacketId, Publish, QoS, Subscription, Text, Will};
use crate::log::LogType;
use crate::router::{Client, Delivery, Message, Owned, OwnerToken};
use crate::session::{Action, Stage};

/// A connection and its client.
struct Connection<'a> {
    shared: &'a Shared,
    stream: &'a mut Stream,
    me: Admitted,
    /// The inbox has more than the stream had room for.
    more: bool,
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
    };
    let closing = connection.run().await;
    let Admitted { client, will, .. } = connection.me;
    let settings = shared.settings();
    if settings.connection_messages {
        let (id, address) = (&client.identity().client_id, &peer.address);
        shared.notice(format_args!("Client {id} [{address}] {closing}"));
    }
    drop(connected);
    if let Some(will) = will.filter(|_| !closing.voids_will()) {
        publish_will(shared, &will, &client, &settings);
    }
}

/// Publishes a will, if its client still may.
fn publish_will(shared: &Shared, will: &Will, client: &Client, settings: &Settings) {
    if !settings.may_write(client.listener(), client.identity(), &will.topic) {
        return;
    }
    let retain = will.retain && settings.retain_available;
    if let Some(message) = Message::new(&will.topic, &will.payload, will.qos, retain) {
        shared.publish(&Arc::new(message), Some(client), settings);
    }
}

impl Connection<'_> {
    async fn run(&mut self) -> Closing {
        if self.me.resumed {
            if let Err(closing) = self.redeliver() {
                return closing;
            }
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

    /// Deals with all packets that are there, then sends what waits.
    fn turn(&mut self) -> Result<(), Closing> {
        if self.shared.is_stopping() {
            return Err(Closing::Stopping);
        }
        let client = Arc::clone(&self.me.client);
        let mut owned = client.owned();
        if !owned.is_owned_by(self.me.token) {
            return Err(Closing::TakenOver);
        }
        let settings = self.shared.settings();
        while let Some(packet) = self
            .stream
            .next(settings.codec, self.me.version)
            .map_err(Closing::Malformed)?
        {
            self.packet(packet, &client, &mut owned, &settings)?;
        }
        self.send_waiting(&client, &mut owned, &settings);
        Ok(())
    }

    fn packet(
        &mut self,
        packet: Packet,
        client: &Arc<Client>,
        owned: &mut Owned,
        settings: &Settings,
    ) -> Result<(), Closing> {
        if self.shared.log.enabled(LogType::Debug) {
            self.trace_received(&packet, client);
        }
        if packet != Packet::PingReq {
            self.shared.counters.changes.fetch_add(1, Ordering::Relaxed);
        }
        let step = owned.session.receive(packet).map_err(Closing::Protocol)?;
        // Retained messages for a new subscription go through the inbox: they come after the SUBACK.
        match step.action {
            Action::Nothing => {}
            Action::Publish(publish) => self.publish(&publish, client, settings),
            Action::Subscribe(subscriptions) => {
                self.subscribe(&subscriptions, client, owned, settings);
            }
            Action::Unsubscribe(filters) => self.unsubscribe(&filters, client, owned),
            Action::Disconnect => return Err(Closing::Disconnect),
        }
        if let Some(reply) = step.reply {
            self.send(&reply, client);
        }
        Ok(())
    }

    fn publish(&self, publish: &Publish, client: &Client, settings: &Settings) {
        let id = &client.identity().client_id;
        let refused = if !settings.may_write(client.listener(), client.identity(), &publish.topic) {
            Some("Denied")
        } else if publish.payload.len() > settings.max_payload {
            Some("Dropped too large")
        } else {
            None
        };
        if let Some(refused) = refused {
            // Acknowledged all the same: before version 5 there is no way to say no.
            return self.shared.debug(format_args!(
                "{refused} PUBLISH from {id} {}",
                trace(publish)
            ));
        }
        let retain = publish.retain && settings.retain_available;
        if let Some(message) = Message::new(&publish.topic, &publish.payload, publish.qos, retain) {
            self.shared
                .publish(&Arc::new(message), Some(client), settings);
        }
    }

    fn subscribe(
        &self,
        subscriptions: &[Subscription],
        client: &Arc<Client>,
        owned: &mut Owned,
        settings: &Settings,
    ) {
        let id = &client.identity().client_id;
        for Subscription { filter, qos } in subscriptions {
            self.shared.debug(format_args!("\t{filter} (QoS {qos})"));
            self.shared
                .log
                .log(LogType::Subscribe, format_args!("{id} {qos} {filter}"));
        }
        self.shared
            .router
            .subscribe(client, owned, subscriptions, settings.delivery, settings);
    }

    fn unsubscribe(&self, filters: &[Text], client: &Client, owned: &mut Owned) {
        let id = &client.identity().client_id;
        for filter in filters {
            self.shared.debug(format_args!("\t{filter}"));
            self.shared
                .log
                .log(LogType::Unsubscribe, format_args!("{id} {filter}"));
            self.shared.router.unsubscribe(client, owned, filter);
        }
    }

    /// Sends again what was in flight when the client went away [MQTT-4.4.0-1].
    fn redeliver(&mut self) -> Result<(), Closing> {
        let client = Arc::clone(&self.me.client);
        let owned = client.owned();
        if !owned.is_owned_by(self.me.token) {
            return Err(Closing::TakenOver);
        }
        for entry in owned.session.outgoing.window() {
            match &entry.stage {
                Stage::PubAck(delivery) | Stage::PubRec(delivery) => {
                    self.deliver(delivery, Some(entry.id), true, &client);
                }
                Stage::PubComp => self.send(&Packet::PubRel(entry.id), &client),
            }
        }
        Ok(())
    }

    /// Sends messages from the inbox as long as there is room for them here and at the client.
    fn send_waiting(&mut self, client: &Client, owned: &mut Owned, settings: &Settings) {
        let outgoing = &mut owned.session.outgoing;
        let mut inbox = client.inbox();
        while self.stream.has_room() {
            let promised =
                outgoing.has_room(settings.max_inflight_messages, settings.max_inflight_bytes);
            let Some(delivery) = inbox.pop(promised) else {
                break;
            };
            let id = match delivery.qos {
                QoS::AtMostOnce => None,
                QoS::AtLeastOnce | QoS::ExactlyOnce => outgoing.start(delivery.clone()),
            };
            self.deliver(&delivery, id, false, client);
        }
        self.more = !self.stream.has_room();
    }

    fn deliver(&mut self, delivery: &Delivery, id: Option<PacketId>, dup: bool, client: &Client) {
        let Delivery {
            message,
            qos,
            retain,
        } = delivery;
        self.stream
            .outbox
            .publish(message.frame(), dup, *qos, *retain, id);
        let trace = Trace {
            dup,
            qos: *qos,
            retain: *retain,
            id: id.map_or(0, PacketId::get),
            topic: message.topic(),
            size: message.payload().len(),
        };
        self.shared.debug(format_args!(
            "Sending PUBLISH to {} {trace}",
            client.identity().client_id
        ));
    }

    fn send(&mut self, packet: &Packet, client: &Client) {
        if self.stream.outbox.packet(packet).is_err() {
            // No answer to a packet that was taken is larger than the packet was.
            return;
        }
        let (name, id) = (packet.name(), &client.identity().client_id);
        match packet {
            Packet::PubAck(number) | Packet::PubRec(number) => {
                self.shared
                    .debug(format_args!("Sending {name} to {id} (m{number}, rc0)"));
            }
            Packet::PubRel(number) | Packet::PubComp(number) => {
                self.shared
                    .debug(format_args!("Sending {name} to {id} (m{number})"));
            }
            _ => self.shared.debug(format_args!("Sending {name} to {id}")),
        }
    }

    fn trace_received(&self, packet: &Packet, client: &Client) {
        let (name, id) = (packet.name(), &client.identity().client_id);
        match packet {
            Packet::Publish(publish) => {
                self.shared.debug(format_args!(
                    "Received PUBLISH from {id} {}",
                    trace(publish)
                ));
            }
            Packet::PubAck(number) | Packet::PubComp(number) => {
                self.shared.debug(format_args!(
                    "Received {name} from {id} (Mid: {number}, RC:0)"
                ));
            }
            Packet::PubRec(number) | Packet::PubRel(number) => {
                self.shared
                    .debug(format_args!("Received {name} from {id} (Mid: {number})"));
            }
            _ => self.shared.debug(format_args!("Received {name} from {id}")),
        }
    }
}

fn trace(publish: &Publish) -> Trace<'_> {
    Trace {
        dup: publish.dup,
        qos: publish.qos,
        retain: publish.retain,
        id: publish.id.map_or(0, PacketId::get),
        topic: &publish.topic,
        size: publish.payload.len(),
    }
}
