//! Both of its clients behind one face: a thread turns what they are told into [`Told`].

use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rumqttc::v5;
use rumqttc::v5::mqttbytes::v5::{Filter, LastWill, PublishProperties};
use rumqttc::{Packet, Transport};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::{Outcome, five, four, identified, same};
use crate::clients::Access;
use crate::harness::PATIENCE;

/// What a client asks for when it connects.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// A session that stays.
    pub(super) lasting: bool,
    /// The topic of a will.
    pub(super) will: Option<String>,
}

/// A message as either client has it.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) told: (String, String, u8, bool),
    pub(super) payload: String,
    pub(super) properties: Option<PublishProperties>,
}

/// What a client is told.
#[derive(Debug)]
enum Told {
    Connected(bool),
    Subscribed(bool),
    /// A message that it sent has arrived.
    Done,
    Message(Message),
    Ended(String),
}

enum Client {
    Four(rumqttc::AsyncClient),
    Five(v5::AsyncClient),
}

/// A client that is connected.
pub(super) struct Peer {
    client: Client,
    answers: Receiver<Told>,
    messages: Receiver<Message>,
    session_present: bool,
    /// Dropped to end the thread without a DISCONNECT.
    stop: oneshot::Sender<()>,
}

impl Peer {
    pub(super) fn join(access: &Access, name: &str, wanted: Wanted) -> Result<Self, String> {
        let id = format!("{}{name}", access.prefix);
        let (sender, told) = channel();
        let (stop, stopped) = oneshot::channel();
        let client = if access.is_five() {
            let (client, connection) =
                v5::AsyncClient::new(options_of_five(access, id, wanted), 50);
            run(stopped, async move { pump_five(connection, &sender).await });
            Client::Five(client)
        } else {
            let (client, connection) =
                rumqttc::AsyncClient::new(options_of_four(access, id, wanted), 50);
            run(stopped, async move { pump_four(connection, &sender).await });
            Client::Four(client)
        };
        let (answers, messages) = sort(told);
        let mut peer = Self {
            client,
            answers,
            messages,
            session_present: false,
            stop,
        };
        match peer.answer()? {
            Told::Connected(present) => peer.session_present = present,
            other => return Err(format!("{other:?} before it is connected")),
        }
        Ok(peer)
    }

    fn answer(&self) -> Result<Told, String> {
        match self.answers.recv_timeout(PATIENCE) {
            Ok(Told::Ended(why)) => Err(why),
            Ok(told) => Ok(told),
            Err(_) => Err("nothing came".to_owned()),
        }
    }

    pub(super) fn is_present(&self, expected: bool) -> Outcome {
        same(&self.session_present, &expected)
    }

    pub(super) fn subscribe(&self, filter: &str, qos: u8) -> Outcome {
        let sent = match &self.client {
            Client::Four(client) => client
                .try_subscribe(filter, four(qos))
                .map_err(|error| error.to_string()),
            Client::Five(client) => client
                .try_subscribe(filter, five(qos))
                .map_err(|error| error.to_string()),
        };
        sent.and_then(|()| self.is_subscribed())
    }

    pub(super) fn subscribe_with(&self, filter: Filter, id: Option<usize>) -> Outcome {
        let Client::Five(client) = &self.client else {
            return Err("not before version 5".to_owned());
        };
        let sent = client.try_subscribe_many_with_properties([filter], identified(id));
        sent.map_err(|error| error.to_string())?;
        self.is_subscribed()
    }

    fn is_subscribed(&self) -> Outcome {
        match self.answer()? {
            Told::Subscribed(true) => Ok(()),
            other => Err(format!("{other:?} instead of a SUBACK")),
        }
    }

    pub(super) fn publish(&self, topic: &str, payload: &str, qos: u8, retain: bool) -> Outcome {
        let sent = match &self.client {
            Client::Four(client) => client
                .try_publish(topic, four(qos), retain, payload)
                .map_err(|error| error.to_string()),
            Client::Five(client) => client
                .try_publish(topic, five(qos), retain, payload.to_owned())
                .map_err(|error| error.to_string()),
        };
        sent?;
        if qos > 0 {
            let done = self.answer()?;
            return matches!(done, Told::Done)
                .then_some(())
                .ok_or_else(|| format!("{done:?}"));
        }
        Ok(())
    }

    pub(super) fn publish_with(
        &self,
        topic: &str,
        payload: &str,
        retain: bool,
        with: PublishProperties,
    ) -> Outcome {
        let Client::Five(client) = &self.client else {
            return Err("not before version 5".to_owned());
        };
        let sent =
            client.try_publish_with_properties(topic, five(0), retain, payload.to_owned(), with);
        sent.map_err(|error| error.to_string())
    }

    pub(super) fn message(&self) -> Result<Message, String> {
        self.messages
            .recv_timeout(PATIENCE)
            .map_err(|_silence| "no message came".to_owned())
    }

    pub(super) fn hears(&self, topic: &str, payload: &str, qos: u8, retain: bool) -> Outcome {
        same(
            &self.message()?.told,
            &(topic.to_owned(), payload.to_owned(), qos, retain),
        )
    }

    pub(super) fn leave(self) -> Outcome {
        match &self.client {
            Client::Four(client) => client.try_disconnect().map_err(|error| error.to_string())?,
            Client::Five(client) => client.try_disconnect().map_err(|error| error.to_string())?,
        }
        // Until the connection is closed.
        while self.answer().is_ok() {}
        Ok(())
    }

    /// Ends the connection without a DISCONNECT.
    pub(super) fn vanish(self) {
        drop(self.stop);
    }
}

/// Parts messages from answers.
fn sort(told: Receiver<Told>) -> (Receiver<Told>, Receiver<Message>) {
    let (answer, answers) = channel();
    let (message, messages) = channel();
    thread::spawn(move || {
        for told in told {
            let taken = match told {
                Told::Message(heard) => message.send(heard).is_ok(),
                other => answer.send(other).is_ok(),
            };
            if !taken {
                return;
            }
        }
    });
    (answers, messages)
}

fn transport(access: &Access) -> Transport {
    access.ca.as_ref().map_or_else(Transport::tcp, |ca| {
        Transport::tls(fs::read(ca).unwrap(), None, None)
    })
}

fn options_of_four(access: &Access, id: String, wanted: Wanted) -> rumqttc::MqttOptions {
    let mut options = rumqttc::MqttOptions::new(id, "localhost", access.port);
    options
        .set_transport(transport(access))
        .set_clean_session(!wanted.lasting);
    if let Some(topic) = wanted.will {
        options.set_last_will(rumqttc::LastWill::new(topic, "gone", four(1), false));
    }
    options
}

fn options_of_five(access: &Access, id: String, wanted: Wanted) -> v5::MqttOptions {
    let mut options = v5::MqttOptions::new(id, "localhost", access.port);
    options
        .set_transport(transport(access))
        .set_clean_start(!wanted.lasting);
    options.set_session_expiry_interval(wanted.lasting.then_some(100));
    if let Some(topic) = wanted.will {
        options.set_last_will(LastWill::new(topic, "gone", five(1), false, None));
    }
    options
}

/// Polls a client on a thread of its own until it is told to stop; what it has open is closed then.
fn run(stopped: oneshot::Receiver<()>, pump: impl Future<Output = ()> + Send + 'static) {
    thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            tokio::select! {
                () = pump => {}
                _ = stopped => {}
            }
        });
    });
}

async fn pump_four(mut connection: rumqttc::EventLoop, sender: &Sender<Told>) {
    loop {
        let told = match connection.poll().await {
            Ok(rumqttc::Event::Incoming(packet)) => told_by_four(packet),
            Ok(rumqttc::Event::Outgoing(_)) => None,
            Err(error) => Some(Told::Ended(error.to_string())),
        };
        if !pass_on(told, sender) {
            return;
        }
    }
}

async fn pump_five(mut connection: v5::EventLoop, sender: &Sender<Told>) {
    loop {
        let told = match connection.poll().await {
            Ok(v5::Event::Incoming(packet)) => told_by_five(packet),
            Ok(v5::Event::Outgoing(_)) => None,
            Err(error) => Some(Told::Ended(error.to_string())),
        };
        if !pass_on(told, sender) {
            return;
        }
    }
}

/// Whether to go on.
fn pass_on(told: Option<Told>, sender: &Sender<Told>) -> bool {
    let Some(told) = told else { return true };
    let ended = matches!(told, Told::Ended(_));
    sender.send(told).is_ok() && !ended
}

fn told_by_four(packet: Packet) -> Option<Told> {
    match packet {
        Packet::ConnAck(ack) => Some(Told::Connected(ack.session_present)),
        Packet::SubAck(ack) => {
            let granted = |code: &rumqttc::SubscribeReasonCode| {
                matches!(code, rumqttc::SubscribeReasonCode::Success(_))
            };
            Some(Told::Subscribed(ack.return_codes.iter().all(granted)))
        }
        Packet::PubAck(_) | Packet::PubComp(_) => Some(Told::Done),
        Packet::Publish(publish) => {
            let payload = String::from_utf8_lossy(&publish.payload).into_owned();
            let told = (
                publish.topic,
                payload.clone(),
                publish.qos as u8,
                publish.retain,
            );
            Some(Told::Message(Message {
                told,
                payload,
                properties: None,
            }))
        }
        _ => None,
    }
}

fn told_by_five(packet: v5::mqttbytes::v5::Packet) -> Option<Told> {
    use v5::mqttbytes::v5::{Packet, SubscribeReasonCode};
    match packet {
        Packet::ConnAck(ack) => Some(Told::Connected(ack.session_present)),
        Packet::SubAck(ack) => {
            let granted =
                |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
            Some(Told::Subscribed(ack.return_codes.iter().all(granted)))
        }
        Packet::PubAck(_) | Packet::PubComp(_) => Some(Told::Done),
        Packet::Publish(publish) => {
            let payload = String::from_utf8_lossy(&publish.payload).into_owned();
            let topic = String::from_utf8_lossy(&publish.topic).into_owned();
            let told = (topic, payload.clone(), publish.qos as u8, publish.retain);
            let properties = publish.properties;
            Some(Told::Message(Message {
                told,
                payload,
                properties,
            }))
        }
        _ => None,
    }
}
