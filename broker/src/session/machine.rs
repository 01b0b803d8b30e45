//! The answers to a connected client's packets.

use std::collections::BTreeSet;

use thiserror::Error;

use super::outgoing::Outgoing;
use crate::codec::{
    Packet, PacketId, Publish, QoS, SubAck, SubAckCode, Subscribe, Subscription, Text,
};

/// The part of a client's session that packets change: what is in flight, both ways.
#[derive(Debug, Default)]
pub struct Session {
    /// From the broker to the client.
    pub outgoing: Outgoing,
    /// The identifiers of messages of quality of service 2 that came and were not released yet.
    pub received: BTreeSet<PacketId>,
}

/// What to do about a packet.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// What the router has to do.
    pub action: Action,
    /// What the client is sent then.
    pub reply: Option<Packet>,
}

/// What the router has to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing, or only to send more: a message was acknowledged.
    Nothing,
    /// To pass on a message.
    Publish(Publish),
    /// To take on subscriptions, and send the retained messages they match.
    Subscribe(Vec<Subscription>),
    /// To give up subscriptions.
    Unsubscribe(Vec<Text>),
    /// To forget the will and close the connection.
    Disconnect,
}

/// A packet that a connected client must not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Violation {
    /// A second CONNECT [MQTT-3.1.0-2].
    #[error("a second CONNECT")]
    SecondConnect,
    /// A packet that only brokers send.
    #[error("a {0} packet, which only a broker sends")]
    NotFromClients(&'static str),
}

impl Session {
    /// Deals with a packet.
    ///
    /// # Errors
    ///
    /// The packet breaks the protocol: the connection is to be closed [MQTT-4.8.0-1].
    pub fn receive(&mut self, packet: Packet) -> Result<Step, Violation> {
        let (action, reply) = match packet {
            Packet::Publish(publish) => return Ok(self.publish(publish)),
            Packet::PubAck(id) => {
                self.outgoing.acknowledge(id);
                (Action::Nothing, None)
            }
            // Also answered when it was not due: the client waits for the answer, and nothing else ends its wait.
            Packet::PubRec(id) => {
                self.outgoing.receive(id);
                (Action::Nothing, Some(Packet::PubRel(id)))
            }
            Packet::PubRel(id) => {
                self.received.remove(&id);
                (Action::Nothing, Some(Packet::PubComp(id)))
            }
            Packet::PubComp(id) => {
                self.outgoing.complete(id);
                (Action::Nothing, None)
            }
            Packet::Subscribe(subscribe) => grant(subscribe),
            Packet::Unsubscribe(unsubscribe) => {
                // Answered even if no filter was subscribed to [MQTT-3.10.4-5].
                (
                    Action::Unsubscribe(unsubscribe.filters),
                    Some(Packet::UnsubAck(unsubscribe.id)),
                )
            }
            Packet::PingReq => (Action::Nothing, Some(Packet::PingResp)),
            Packet::Disconnect => (Action::Disconnect, None),
            Packet::Connect(_) => return Err(Violation::SecondConnect),
            other => return Err(Violation::NotFromClients(other.name())),
        };
        Ok(Step { action, reply })
    }

    fn publish(&mut self, publish: Publish) -> Step {
        match (publish.qos, publish.id) {
            (QoS::AtLeastOnce, Some(id)) => Step {
                action: Action::Publish(publish),
                reply: Some(Packet::PubAck(id)),
            },
            (QoS::ExactlyOnce, Some(id)) => {
                // Until it is released, the same identifier means the same message [MQTT-4.3.3-2].
                let first = self.received.insert(id);
                let action = if first {
                    Action::Publish(publish)
                } else {
                    Action::Nothing
                };
                Step {
                    action,
                    reply: Some(Packet::PubRec(id)),
                }
            }
            _ => Step {
                action: Action::Publish(publish),
                reply: None,
            },
        }
    }
}

/// Every filter is granted as it was asked for: who may read what is decided when a message comes, so that
/// apps may subscribe to more than they get.
fn grant(subscribe: Subscribe) -> (Action, Option<Packet>) {
    let codes = subscribe
        .subscriptions
        .iter()
        .map(|subscription| SubAckCode::Granted(subscription.qos))
        .collect();
    let reply = Packet::SubAck(SubAck {
        id: subscribe.id,
        codes,
    });
    (Action::Subscribe(subscribe.subscriptions), Some(reply))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::codec::{ConnAck, ConnectCode};

    fn id(id: u16) -> PacketId {
        PacketId::new(id).unwrap()
    }

    fn publish(qos: QoS, number: u16, dup: bool) -> Packet {
        let id = PacketId::new(number).filter(|_| qos != QoS::AtMostOnce);
        let topic = Text::new("t").unwrap();
        Packet::Publish(Publish {
            dup,
            qos,
            retain: false,
            topic,
            id,
            payload: Bytes::from_static(b"x"),
        })
    }

    fn is_published(step: &Step) -> bool {
        matches!(step.action, Action::Publish(_))
    }

    #[test]
    fn a_message_of_quality_of_service_2_is_passed_on_once_however_often_it_comes() {
        let mut session = Session::default();
        let first = session
            .receive(publish(QoS::ExactlyOnce, 7, false))
            .unwrap();
        let again = session.receive(publish(QoS::ExactlyOnce, 7, true)).unwrap();
        assert!(is_published(&first) && !is_published(&again));
        assert_eq!(
            (first.reply, again.reply),
            (Some(Packet::PubRec(id(7))), Some(Packet::PubRec(id(7))))
        );
        let released = session.receive(Packet::PubRel(id(7))).unwrap();
        assert_eq!(released.reply, Some(Packet::PubComp(id(7))));
        assert!(
            is_published(
                &session
                    .receive(publish(QoS::ExactlyOnce, 7, false))
                    .unwrap()
            ),
            "a new message"
        );
    }

    #[test]
    fn a_message_of_quality_of_service_1_is_passed_on_each_time() {
        let mut session = Session::default();
        for dup in [false, true] {
            let step = session.receive(publish(QoS::AtLeastOnce, 7, dup)).unwrap();
            assert!(is_published(&step));
            assert_eq!(step.reply, Some(Packet::PubAck(id(7))));
        }
    }

    #[test]
    fn what_nobody_waits_for_is_answered_all_the_same() {
        let mut session = Session::default();
        assert_eq!(
            session.receive(Packet::PubRec(id(3))).unwrap().reply,
            Some(Packet::PubRel(id(3)))
        );
        assert_eq!(
            session.receive(Packet::PubRel(id(3))).unwrap().reply,
            Some(Packet::PubComp(id(3)))
        );
        assert_eq!(session.receive(Packet::PubAck(id(3))).unwrap().reply, None);
        assert_eq!(session.receive(Packet::PubComp(id(3))).unwrap().reply, None);
    }

    #[test]
    fn packets_that_clients_must_not_send_are_violations() {
        let accepted = ConnAck {
            session_present: false,
            code: ConnectCode::Accepted,
        };
        let mut session = Session::default();
        for packet in [
            Packet::ConnAck(accepted),
            Packet::PingResp,
            Packet::UnsubAck(id(1)),
        ] {
            let name = packet.name();
            assert_eq!(
                session.receive(packet),
                Err(Violation::NotFromClients(name))
            );
        }
    }
}
