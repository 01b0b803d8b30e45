//! Plays scripts to a broker and writes down what it answers.

use std::collections::BTreeMap;

use super::script::{Action, Script};
use crate::wire::{
    Client, Packet, Target, Value, Version, ack, ack_with, kind, ping, property_id as id,
};

/// A client of a script.
struct Actor {
    client: Client,
    version: Version,
    /// The identifier of the last message that it was sent.
    last: Option<u16>,
}

struct Player<'a> {
    target: &'a Target,
    actors: BTreeMap<&'static str, Actor>,
}

/// Each step's label, and everything that was heard because of it.
pub(super) fn play(target: &Target, scripts: &[Script]) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    for script in scripts {
        let mut player = Player {
            target,
            actors: BTreeMap::new(),
        };
        for step in script.steps() {
            let mut heard = player.step(script.version, &step.action);
            in_order(&mut heard);
            answers.push((step.label.clone(), heard.join(" | ")));
        }
    }
    answers
}

impl Player<'_> {
    fn step(&mut self, version: Version, action: &Action) -> Vec<String> {
        let mut heard = Vec::new();
        let who = match action {
            Action::Connect(who, bytes) => {
                let mut client = Client::open(self.target, version);
                client.send(bytes);
                let answer = client.next();
                heard.push(told(who, answer.as_ref()));
                let accepted =
                    answer.is_some_and(|answer| answer.kind == kind::CONNACK && answer.code() == 0);
                let actor = Actor {
                    client,
                    version,
                    last: None,
                };
                if accepted {
                    self.actors.insert(who, actor);
                }
                who
            }
            Action::Send(who, _)
            | Action::Ping(who)
            | Action::Answer(who, ..)
            | Action::Vanish(who)
                if !self.actors.contains_key(who) =>
            {
                // The other broker may have let it be.
                heard.push(format!("{who} is gone"));
                who
            }
            Action::Send(who, bytes) => {
                self.actor(who).client.send(bytes);
                who
            }
            Action::Ping(who) => {
                self.actor(who).client.send(ping());
                let answer = self.actor(who).client.next();
                heard.push(told(who, answer.as_ref()));
                who
            }
            Action::Answer(who, kind, code) => {
                self.answer(who, *kind, *code);
                who
            }
            Action::Vanish(who) => {
                self.actors.remove(who).unwrap().client.vanish();
                who
            }
        };
        let others: Vec<_> = self
            .actors
            .keys()
            .copied()
            .filter(|other| other != who)
            .collect();
        for other in std::iter::once(*who).chain(others) {
            self.listen(other, &mut heard);
        }
        heard
    }

    fn actor(&mut self, who: &str) -> &mut Actor {
        self.actors.get_mut(who).unwrap()
    }

    fn answer(&mut self, who: &str, kind: u8, code: u8) {
        let actor = self.actor(who);
        // A message that one broker did not send is acknowledged all the same: the other did.
        let id = actor.last.unwrap_or(1);
        let long = actor.version == Version::V5 && code != 0;
        let bytes = if long {
            ack_with(kind, id, code, &[])
        } else {
            ack(kind, id)
        };
        actor.client.send(bytes);
    }

    /// Writes down what a client is sent until the second of two PINGREQs is answered.
    fn listen(&mut self, who: &'static str, heard: &mut Vec<String>) {
        let Some(actor) = self.actors.get_mut(who) else {
            return;
        };
        for _ in 0..2 {
            actor.client.send(ping());
            loop {
                let packet = actor.client.next();
                match &packet {
                    Some(packet) if packet.kind == kind::PINGRESP => break,
                    Some(packet) => {
                        if packet.kind == kind::PUBLISH && packet.id.is_some() {
                            actor.last = packet.id;
                        }
                        heard.push(told(who, Some(packet)));
                    }
                    None => {
                        heard.push(told(who, None));
                        self.actors.remove(who);
                        return;
                    }
                }
            }
        }
    }
}

/// What a client heard, without what no two runs have alike and without what has no meaning.
///
/// The order of different properties has none; that of user properties has. What a DISCONNECT says in words is
/// for people. A CONNACK is left as it is: clients were written against its order.
fn told(who: &str, packet: Option<&Packet>) -> String {
    let Some(packet) = packet else {
        return format!("{who} closed");
    };
    let mut packet = packet.clone();
    for property in packet.properties.iter_mut().flatten() {
        match (property.id, &mut property.value) {
            (id::ASSIGNED_CLIENT_ID, Value::Text(text)) => "~".clone_into(text),
            // A second may have begun meanwhile.
            (id::MESSAGE_EXPIRY, Value::Four(seconds @ 990..1000)) => *seconds = 1000,
            _ => {}
        }
    }
    if packet.kind == kind::DISCONNECT {
        packet.properties = None;
    }
    if let (kind::PUBLISH, Some(properties)) = (packet.kind, &mut packet.properties) {
        properties.sort_by_key(|property| property.id);
    }
    format!("{who} {packet}")
}

/// Puts retained messages that came together into an order: which topic comes first has no meaning.
fn in_order(heard: &mut [String]) {
    let retained = |line: &String| line.contains(" PUBLISH d0 q") && line.contains(" r1 ");
    for run in heard.chunk_by_mut(|one, other| retained(one) && retained(other)) {
        run.sort();
    }
}
