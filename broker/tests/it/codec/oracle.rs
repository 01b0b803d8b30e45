//! Beside `mqttrs`, an independent codec for 3.1.1, on valid packets: what either writes the other reads.

use broker::codec::{Packet, Reason, Version};
use mqttrs::QosPid;
use proptest::prelude::*;

use super::{arbitrary, decoded, encoded};

/// The packet as `mqttrs` would hold it.
fn theirs(packet: &Packet) -> mqttrs::Packet<'_> {
    match packet {
        Packet::Connect(connect) => mqttrs::Packet::Connect(their_connect(connect)),
        Packet::ConnAck(ack) => mqttrs::Packet::Connack(mqttrs::Connack {
            session_present: ack.session_present,
            code: mqttrs_code(ack.reason.connect_code()),
        }),
        Packet::Publish(publish) => mqttrs::Packet::Publish(mqttrs::Publish {
            dup: publish.dup,
            qospid: match (publish.qos.bits(), publish.id) {
                (1, Some(id)) => QosPid::AtLeastOnce(pid(id)),
                (2, Some(id)) => QosPid::ExactlyOnce(pid(id)),
                _ => QosPid::AtMostOnce,
            },
            retain: publish.retain,
            topic_name: &publish.topic,
            payload: &publish.payload,
        }),
        Packet::PubAck(ack) => mqttrs::Packet::Puback(pid(ack.id)),
        Packet::PubRec(ack) => mqttrs::Packet::Pubrec(pid(ack.id)),
        Packet::PubRel(ack) => mqttrs::Packet::Pubrel(pid(ack.id)),
        Packet::PubComp(ack) => mqttrs::Packet::Pubcomp(pid(ack.id)),
        Packet::Subscribe(subscribe) => mqttrs::Packet::Subscribe(mqttrs::Subscribe {
            pid: pid(subscribe.id),
            topics: subscribe
                .subscriptions
                .iter()
                .map(|subscription| mqttrs::SubscribeTopic {
                    topic_path: subscription.filter.to_string(),
                    qos: qos(subscription.options.qos.bits()),
                })
                .collect(),
        }),
        Packet::SubAck(ack) => mqttrs::Packet::Suback(mqttrs::Suback {
            pid: pid(ack.id),
            return_codes: ack.reasons.iter().copied().map(their_suback_code).collect(),
        }),
        Packet::Unsubscribe(unsubscribe) => mqttrs::Packet::Unsubscribe(mqttrs::Unsubscribe {
            pid: pid(unsubscribe.id),
            topics: unsubscribe
                .filters
                .iter()
                .map(ToString::to_string)
                .collect(),
        }),
        Packet::UnsubAck(ack) => mqttrs::Packet::Unsuback(pid(ack.id)),
        Packet::PingReq => mqttrs::Packet::Pingreq,
        Packet::PingResp => mqttrs::Packet::Pingresp,
        Packet::Disconnect(_) => mqttrs::Packet::Disconnect,
        Packet::Auth(_) => unreachable!("version 5 alone has it"),
    }
}

fn their_connect(connect: &broker::codec::Connect) -> mqttrs::Connect<'_> {
    mqttrs::Connect {
        protocol: mqttrs::Protocol::MQTT311,
        keep_alive: connect.keep_alive,
        client_id: &connect.client_id,
        clean_session: connect.clean_start,
        last_will: connect.will.as_ref().map(|will| mqttrs::LastWill {
            topic: &will.topic,
            message: &will.payload,
            qos: qos(will.qos.bits()),
            retain: will.retain,
        }),
        username: connect.username.as_deref(),
        password: connect.password.as_deref(),
    }
}

fn mqttrs_code(code: u8) -> mqttrs::ConnectReturnCode {
    match code {
        0 => mqttrs::ConnectReturnCode::Accepted,
        1 => mqttrs::ConnectReturnCode::RefusedProtocolVersion,
        2 => mqttrs::ConnectReturnCode::RefusedIdentifierRejected,
        3 => mqttrs::ConnectReturnCode::ServerUnavailable,
        4 => mqttrs::ConnectReturnCode::BadUsernamePassword,
        _ => mqttrs::ConnectReturnCode::NotAuthorized,
    }
}

fn their_suback_code(reason: Reason) -> mqttrs::SubscribeReturnCodes {
    match reason.sub_ack_code() {
        0x80 => mqttrs::SubscribeReturnCodes::Failure,
        granted => mqttrs::SubscribeReturnCodes::Success(qos(granted)),
    }
}

fn qos(bits: u8) -> mqttrs::QoS {
    match bits {
        0 => mqttrs::QoS::AtMostOnce,
        1 => mqttrs::QoS::AtLeastOnce,
        _ => mqttrs::QoS::ExactlyOnce,
    }
}

fn pid(id: broker::codec::PacketId) -> mqttrs::Pid {
    mqttrs::Pid::try_from(id.get()).unwrap()
}

/// Packets that `mqttrs` can express: 3.1.1, and no bridge.
fn packet_of_3_1_1() -> impl Strategy<Value = Packet> {
    arbitrary::packet(Version::V311).prop_map(|packet| match packet {
        Packet::Connect(mut connect) => {
            connect.version = Version::V311;
            connect.bridge = false;
            Packet::Connect(connect)
        }
        other => other,
    })
}

proptest! {
    #[test]
    fn the_other_codec_reads_what_this_one_writes(packet in packet_of_3_1_1()) {
        let bytes = encoded(&packet, Version::V311);
        prop_assert_eq!(mqttrs::decode_slice(&bytes).unwrap(), Some(theirs(&packet)));
    }

    #[test]
    fn this_codec_reads_what_the_other_one_writes(packet in packet_of_3_1_1()) {
        let mut buffer = vec![0; 4096];
        let length = mqttrs::encode_slice(&theirs(&packet), &mut buffer).unwrap();
        prop_assert_eq!(&buffer[..length], &encoded(&packet, Version::V311)[..], "the same bytes");
        prop_assert_eq!(decoded(&buffer[..length], Version::V311), Ok(Some(packet)));
    }
}
