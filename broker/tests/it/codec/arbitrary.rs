//! Valid packets of every type.

use broker::codec::{
    ConnAck, Connect, ConnectCode, Packet, PacketId, Publish, QoS, SubAck, SubAckCode, Subscribe,
    Subscription, Text, Unsubscribe, Version, Will,
};
use bytes::Bytes;
use proptest::prelude::*;

pub(super) fn packet() -> impl Strategy<Value = Packet> {
    prop_oneof![
        connect().prop_map(|connect| Packet::Connect(Box::new(connect))),
        (any::<bool>(), 0_u8..6).prop_map(|(session_present, code)| {
            Packet::ConnAck(ConnAck {
                session_present,
                code: ConnectCode::from_byte(code).unwrap(),
            })
        }),
        publish().prop_map(Packet::Publish),
        id().prop_map(Packet::PubAck),
        id().prop_map(Packet::PubRec),
        id().prop_map(Packet::PubRel),
        id().prop_map(Packet::PubComp),
        subscribe().prop_map(Packet::Subscribe),
        (id(), prop::collection::vec(code(), 1..6))
            .prop_map(|(id, codes)| Packet::SubAck(SubAck { id, codes })),
        (id(), prop::collection::vec(filter(), 1..6))
            .prop_map(|(id, filters)| Packet::Unsubscribe(Unsubscribe { id, filters })),
        id().prop_map(Packet::UnsubAck),
        Just(Packet::PingReq),
        Just(Packet::PingResp),
        Just(Packet::Disconnect),
    ]
}

fn text(pattern: &str) -> impl Strategy<Value = Text> + use<> {
    proptest::string::string_regex(pattern)
        .unwrap()
        .prop_map(|text| Text::new(&text).unwrap())
}

fn name() -> impl Strategy<Value = Text> {
    text("[^\0+#]{1,40}")
}

fn filter() -> impl Strategy<Value = Text> {
    text("([a-zß]{0,4}|\\+)(/([a-z]{0,4}|\\+)){1,4}(/#)?|#")
}

fn qos() -> impl Strategy<Value = QoS> {
    (0_u8..3).prop_map(|bits| QoS::from_bits(bits).unwrap())
}

fn id() -> impl Strategy<Value = PacketId> {
    (1..=u16::MAX).prop_map(|id| PacketId::new(id).unwrap())
}

fn bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

fn code() -> impl Strategy<Value = SubAckCode> {
    prop_oneof![
        qos().prop_map(SubAckCode::Granted),
        Just(SubAckCode::Failure)
    ]
}

pub(super) fn connect() -> impl Strategy<Value = Connect> {
    let will = (name(), bytes(), qos(), any::<bool>());
    let will = will.prop_map(|(topic, payload, qos, retain)| Will {
        topic,
        payload,
        qos,
        retain,
    });
    let credentials = prop_oneof![
        Just((None, None)),
        text("[^\0]{0,20}").prop_map(|name| (Some(name), None)),
        (text("[^\0]{0,20}"), bytes()).prop_map(|(name, password)| (Some(name), Some(password))),
    ];
    let head = (
        prop_oneof![Just(Version::V31), Just(Version::V311)],
        any::<bool>(),
        any::<bool>(),
        any::<u16>(),
    );
    (
        head,
        text("[^\0]{0,30}"),
        prop::option::of(will),
        credentials,
    )
        .prop_map(
            |(
                (version, bridge, clean_session, keep_alive),
                client_id,
                will,
                (username, password),
            )| Connect {
                version,
                bridge,
                clean_session,
                keep_alive,
                client_id,
                will,
                username,
                password,
            },
        )
}

pub(super) fn publish() -> impl Strategy<Value = Publish> {
    (any::<bool>(), qos(), any::<bool>(), name(), id(), bytes()).prop_map(
        |(dup, qos, retain, topic, id, payload)| {
            let numbered = qos != QoS::AtMostOnce;
            Publish {
                dup: dup && numbered,
                qos,
                retain,
                topic,
                id: Some(id).filter(|_| numbered),
                payload,
            }
        },
    )
}

fn subscribe() -> impl Strategy<Value = Subscribe> {
    let subscription = (filter(), qos()).prop_map(|(filter, qos)| Subscription { filter, qos });
    (id(), prop::collection::vec(subscription, 1..6))
        .prop_map(|(id, subscriptions)| Subscribe { id, subscriptions })
}
