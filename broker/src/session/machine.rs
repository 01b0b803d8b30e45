//! The answers to a connected client's packets.

use thiserror::Error;

use super::outgoing::Outgoing;
use super::received::Received;
use crate::codec::{
    Ack, Outcome, Packet, PacketId, Property, Publish, QoS, Reason, Subscribe, Unsubscribe, Version,
};

/// The part of a client's session that packets change: what is in flight, both ways.
#[derive(Debug, Default)]
pub struct Session {
    /// From the broker to the client.
    pub outgoing: Outgoing,
    received: Received,
}

/// What the packets of a connection are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The version that is spoken.
    pub version: Version,
    /// The most messages of quality of service 2 that a client of version 5 may leave unreleased.
    pub receive_maximum: u16,
    /// The highest quality of service of what a client may publish.
    pub max_qos: QoS,
    /// Whether messages may be published to be retained.
    pub retain_available: bool,
    /// Whether the session ends with the connection.
    pub ends_at_once: bool,
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
    /// To pass on a message, and to [`settle`](Session::settle) it.
    Publish(Publish),
    /// To take on subscriptions, to answer, and to send the retained messages they match.
    Subscribe(Subscribe),
    /// To give up subscriptions, and to answer.
    Unsubscribe(Unsubscribe),
    /// To close the connection, as the client says.
    Disconnect(Outcome),
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
    /// AUTH without an authentication method in CONNECT [MQTT-4.12.0-6].
    #[error("an AUTH packet without an authentication method in CONNECT")]
    Auth,
    /// More messages on their way than the broker said it takes [MQTT-3.3.4-9].
    #[error("more messages in flight than the Receive Maximum of {0}")]
    ReceiveMaximum(u16),
    /// A subscription identifier in a PUBLISH [MQTT-3.3.4-6].
    #[error("a PUBLISH with a subscription identifier, which only a broker sends")]
    SubscriptionIdentifier,
    /// A topic alias that is larger than the broker said it takes [MQTT-3.3.2-9].
    #[error("the topic alias {0}, which is larger than the Topic Alias Maximum")]
    TopicAlias(u16),
    /// A topic alias that stands for nothing (section 3.3.2.3.4 of version 5).
    #[error("the topic alias {0}, which was never set")]
    UnknownTopicAlias(u16),
    /// A session that was to end with its connection is to go on (section 3.14.2.2.2 of version 5).
    #[error("a session expiry in DISCONNECT where CONNECT had none")]
    SessionExpiry,
    /// A quality of service above what the broker said it serves [MQTT-3.2.2-11].
    #[error("a message of QoS {0}, which is not served here")]
    QoS(QoS),
    /// A message to be retained where none is [MQTT-3.2.2-14].
    #[error("a message to be retained, which is not done here")]
    Retain,
}

impl Violation {
    /// What a client of version 5 is told.
    pub const fn reason(self) -> Reason {
        match self {
            Self::ReceiveMaximum(_) => Reason::ReceiveMaximumExceeded,
            Self::TopicAlias(_) => Reason::TopicAliasInvalid,
            Self::QoS(_) => Reason::QoSNotSupported,
            Self::Retain => Reason::RetainNotSupported,
            _ => Reason::ProtocolError,
        }
    }
}

impl Session {
    /// The client has a new connection.
    pub fn reconnect(&mut self) {
        self.outgoing.rewind();
        self.received.reconnect();
    }

    /// The identifiers of messages of quality of service 2 that came and were not released yet.
    pub fn unreleased(&self) -> impl Iterator<Item = PacketId> {
        self.received.ids()
    }

    /// Puts back such an identifier that was there before a restart.
    pub fn restore_unreleased(&mut self, id: PacketId) {
        self.received.restore(id);
    }

    /// Deals with a packet.
    ///
    /// # Errors
    ///
    /// The packet breaks the protocol: the connection is to be closed [MQTT-4.8.0-1], [MQTT-4.13.1-1].
    pub fn receive(&mut self, packet: Packet, rules: Rules) -> Result<Step, Violation> {
        let five = rules.version.has_properties();
        let (action, reply) = match packet {
            Packet::Publish(publish) => return self.publish(publish, rules),
            Packet::PubAck(ack) => {
                self.outgoing.acknowledge(ack.id);
                (Action::Nothing, None)
            }
            Packet::PubRec(ack) => (Action::Nothing, self.received(&ack, five)),
            Packet::PubRel(ack) => {
                let known = self.received.remove(ack.id);
                let reply = Packet::PubComp(Ack::new(ack.id, found(known || !five)));
                (Action::Nothing, Some(reply))
            }
            Packet::PubComp(ack) => {
                self.outgoing.complete(ack.id);
                (Action::Nothing, None)
            }
            Packet::Subscribe(subscribe) => (Action::Subscribe(subscribe), None),
            Packet::Unsubscribe(unsubscribe) => (Action::Unsubscribe(unsubscribe), None),
            Packet::PingReq => (Action::Nothing, Some(Packet::PingResp)),
            Packet::Disconnect(outcome) => {
                let later = |seconds: u32| seconds > 0;
                if rules.ends_at_once && outcome.properties.session_expiry().is_some_and(later) {
                    return Err(Violation::SessionExpiry);
                }
                // [MQTT-3.14.2-2] and table 2-4: where to go instead is the broker's to say.
                if outcome.properties.iter().any(is_server_reference) {
                    return Err(Violation::NotFromClients(
                        "DISCONNECT with a Server Reference",
                    ));
                }
                (Action::Disconnect(outcome), None)
            }
            Packet::Auth(_) => return Err(Violation::Auth),
            Packet::Connect(_) => return Err(Violation::SecondConnect),
            other => return Err(Violation::NotFromClients(other.name())),
        };
        Ok(Step { action, reply })
    }

    /// The answer to a PUBREC. One that refuses the message ends its way [MQTT-4.3.3-4].
    ///
    /// One that was not due is answered too: the client waits for the answer, and nothing else ends its wait.
    fn received(&mut self, ack: &Ack, five: bool) -> Option<Packet> {
        if ack.reason.is_error() {
            self.outgoing.refuse(ack.id);
            return None;
        }
        let known = self.outgoing.receive(ack.id);
        Some(Packet::PubRel(Ack::new(ack.id, found(known || !five))))
    }

    fn publish(&mut self, publish: Publish, rules: Rules) -> Result<Step, Violation> {
        if !publish.properties.subscriptions.is_empty() {
            return Err(Violation::SubscriptionIdentifier);
        }
        if publish.qos > rules.max_qos {
            return Err(Violation::QoS(publish.qos));
        }
        if publish.retain && !rules.retain_available && rules.version.has_properties() {
            return Err(Violation::Retain);
        }
        if let (QoS::ExactlyOnce, Some(id)) = (publish.qos, publish.id) {
            // Until it is released, the same identifier means the same message [MQTT-4.3.3-10].
            if self.received.contains(id) {
                self.received.insert(id);
                return Ok(Step {
                    action: Action::Nothing,
                    reply: Some(Packet::PubRec(id.into())),
                });
            }
            let limit = rules.receive_maximum;
            if rules.version.has_properties() && self.received.now() >= usize::from(limit) {
                return Err(Violation::ReceiveMaximum(limit));
            }
            self.received.insert(id);
        }
        Ok(Step {
            action: Action::Publish(publish),
            reply: None,
        })
    }

    /// The answer to a message that was passed on, or was not, for this reason.
    ///
    /// A message of quality of service 2 that is refused has no second half [MQTT-4.3.3-9].
    pub fn settle(
        &mut self,
        qos: QoS,
        id: Option<PacketId>,
        reason: Reason,
        version: Version,
    ) -> Option<Packet> {
        let id = id?;
        // Before version 5 there is no way to say no.
        let reason = if version.has_properties() {
            reason
        } else {
            Reason::Success
        };
        match qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce => Some(Packet::PubAck(Ack::new(id, reason))),
            QoS::ExactlyOnce => {
                if reason.is_error() {
                    self.received.remove(id);
                }
                Some(Packet::PubRec(Ack::new(id, reason)))
            }
        }
    }
}

const fn found(known: bool) -> Reason {
    if known {
        Reason::Success
    } else {
        Reason::PacketIdentifierNotFound
    }
}

fn is_server_reference(property: &Property) -> bool {
    matches!(property, Property::ServerReference(_))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::codec::{Codes, ConnAck, MessageProperties, Properties, Text};

    const RULES: Rules = Rules {
        version: Version::V311,
        receive_maximum: 2,
        max_qos: QoS::ExactlyOnce,
        retain_available: true,
        ends_at_once: true,
    };
    const RULES_5: Rules = Rules {
        version: Version::V5,
        ..RULES
    };

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
            properties: MessageProperties::default(),
        })
    }

    fn is_published(step: &Step) -> bool {
        matches!(step.action, Action::Publish(_))
    }

    fn settled(session: &mut Session, rules: Rules, step: &Step, reason: Reason) -> Option<Packet> {
        let Action::Publish(publish) = &step.action else {
            return step.reply.clone();
        };
        session.settle(publish.qos, publish.id, reason, rules.version)
    }

    #[test]
    fn a_message_of_quality_of_service_2_is_passed_on_once_however_often_it_comes() {
        let mut session = Session::default();
        let mut receive = |dup| {
            let packet = publish(QoS::ExactlyOnce, 7, dup);
            let step = session.receive(packet, RULES).unwrap();
            let reply = settled(&mut session, RULES, &step, Reason::Success);
            (is_published(&step), reply)
        };
        let received = Some(Packet::PubRec(id(7).into()));
        assert_eq!(receive(false), (true, received.clone()));
        assert_eq!(receive(true), (false, received.clone()));
        let released = session
            .receive(Packet::PubRel(id(7).into()), RULES)
            .unwrap();
        assert_eq!(released.reply, Some(Packet::PubComp(id(7).into())));
        let packet = publish(QoS::ExactlyOnce, 7, false);
        let step = session.receive(packet, RULES).unwrap();
        assert!(is_published(&step), "a new message");
    }

    #[test]
    fn a_message_of_quality_of_service_1_is_passed_on_each_time() {
        let mut session = Session::default();
        for dup in [false, true] {
            let packet = publish(QoS::AtLeastOnce, 7, dup);
            let step = session.receive(packet, RULES).unwrap();
            assert!(is_published(&step));
            let reply = settled(&mut session, RULES, &step, Reason::NotAuthorized);
            assert_eq!(
                reply,
                Some(Packet::PubAck(id(7).into())),
                "3.1.1 can't say no"
            );
        }
    }

    #[test]
    fn a_refused_message_of_quality_of_service_2_is_over() {
        let mut session = Session::default();
        for _ in 0..3 {
            let packet = publish(QoS::ExactlyOnce, 7, false);
            let step = session.receive(packet, RULES_5).unwrap();
            let reply = settled(&mut session, RULES_5, &step, Reason::NotAuthorized);
            let refused = Ack::new(id(7), Reason::NotAuthorized);
            assert_eq!(reply, Some(Packet::PubRec(refused)));
        }
        assert_eq!(session.unreleased().count(), 0);
    }

    #[test]
    fn a_client_of_version_5_may_not_leave_more_unreleased_than_it_was_told() {
        let mut session = Session::default();
        for number in 1..=2 {
            session
                .receive(publish(QoS::ExactlyOnce, number, false), RULES_5)
                .unwrap();
        }
        let third = session.receive(publish(QoS::ExactlyOnce, 3, false), RULES_5);
        assert_eq!(third, Err(Violation::ReceiveMaximum(2)));
        let step = session.receive(publish(QoS::ExactlyOnce, 3, false), RULES);
        assert!(is_published(&step.unwrap()), "3.1.1 knows no limit");
        session.reconnect();
        let step = session.receive(publish(QoS::ExactlyOnce, 4, false), RULES_5);
        assert!(
            is_published(&step.unwrap()),
            "each connection counts for itself"
        );
    }

    #[test]
    fn what_nobody_waits_for_is_answered_all_the_same() {
        let mut session = Session::default();
        let unknown = Ack::new(id(3), Reason::PacketIdentifierNotFound);
        for (rules, answer) in [(RULES, Ack::from(id(3))), (RULES_5, unknown)] {
            let mut reply = |packet| session.receive(packet, rules).unwrap().reply;
            assert_eq!(
                reply(Packet::PubRec(id(3).into())),
                Some(Packet::PubRel(answer.clone()))
            );
            assert_eq!(
                reply(Packet::PubRel(id(3).into())),
                Some(Packet::PubComp(answer.clone()))
            );
            assert_eq!(reply(Packet::PubAck(id(3).into())), None);
            assert_eq!(reply(Packet::PubComp(id(3).into())), None);
        }
    }

    #[test]
    fn a_session_that_ends_with_its_connection_is_not_prolonged_by_a_disconnect() {
        let outcome = Outcome {
            reason: Reason::Success,
            properties: vec![Property::SessionExpiryInterval(60)].into(),
        };
        let mut session = Session::default();
        let refused = session.receive(Packet::Disconnect(outcome.clone()), RULES_5);
        assert_eq!(refused, Err(Violation::SessionExpiry));
        let rules = Rules {
            ends_at_once: false,
            ..RULES_5
        };
        let step = session.receive(Packet::Disconnect(outcome.clone()), rules);
        assert_eq!(step.unwrap().action, Action::Disconnect(outcome));
    }

    #[test]
    fn packets_that_clients_must_not_send_are_violations() {
        let accepted = ConnAck {
            session_present: false,
            reason: Reason::Success,
            properties: Properties::NONE,
        };
        let answer = Codes {
            id: id(1),
            reasons: vec![Reason::Success],
            properties: Properties::NONE,
        };
        let mut session = Session::default();
        for packet in [
            Packet::ConnAck(accepted),
            Packet::PingResp,
            Packet::UnsubAck(answer),
        ] {
            let name = packet.name();
            assert_eq!(
                session.receive(packet, RULES_5),
                Err(Violation::NotFromClients(name))
            );
        }
        let auth = Packet::Auth(Reason::ContinueAuthentication.into());
        assert_eq!(session.receive(auth, RULES_5), Err(Violation::Auth));
    }
}
