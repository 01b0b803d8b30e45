//! Valid packets of every type and version.

use broker::codec::{
    Ack, Codes, ConnAck, Connect, Forwarded, MessageProperties, Outcome, Packet, PacketId,
    Properties, Property, Publish, QoS, Reason, RetainHandling, Subscribe, Subscription,
    SubscriptionOptions, Text, Unsubscribe, Version, Will,
};
use bytes::Bytes;
use proptest::prelude::*;

/// A packet of this version. A CONNECT before version 5 is of 3.1 or 3.1.1.
pub(super) fn packet(version: Version) -> BoxedStrategy<Packet> {
    let ack = move |reasons: &'static [Reason]| ack(version, reasons);
    let mut packets = vec![
        connect(version)
            .prop_map(|connect| Packet::Connect(Box::new(connect)))
            .boxed(),
        connack(version).prop_map(Packet::ConnAck).boxed(),
        publish(version).prop_map(Packet::Publish).boxed(),
        ack(RECEIVED).prop_map(Packet::PubAck).boxed(),
        ack(RECEIVED).prop_map(Packet::PubRec).boxed(),
        ack(RELEASED).prop_map(Packet::PubRel).boxed(),
        ack(RELEASED).prop_map(Packet::PubComp).boxed(),
        subscribe(version).prop_map(Packet::Subscribe).boxed(),
        suback(version).prop_map(Packet::SubAck).boxed(),
        unsubscribe(version).prop_map(Packet::Unsubscribe).boxed(),
        unsuback(version).prop_map(Packet::UnsubAck).boxed(),
        Just(Packet::PingReq).boxed(),
        Just(Packet::PingResp).boxed(),
        outcome(version, LEAVING)
            .prop_map(Packet::Disconnect)
            .boxed(),
    ];
    if version == Version::V5 {
        packets.push(
            outcome(version, AUTHENTICATING)
                .prop_map(Packet::Auth)
                .boxed(),
        );
    }
    proptest::strategy::Union::new(packets).boxed()
}

const RECEIVED: &[Reason] = &[
    Reason::Success,
    Reason::NoMatchingSubscribers,
    Reason::NotAuthorized,
    Reason::QuotaExceeded,
];
const RELEASED: &[Reason] = &[Reason::Success, Reason::PacketIdentifierNotFound];
const LEAVING: &[Reason] = &[
    Reason::Success,
    Reason::DisconnectWithWill,
    Reason::SessionTakenOver,
    Reason::MalformedPacket,
];
const AUTHENTICATING: &[Reason] = &[Reason::ContinueAuthentication, Reason::ReAuthenticate];

fn text(pattern: &str) -> impl Strategy<Value = Text> + use<> {
    proptest::string::string_regex(pattern)
        .unwrap()
        .prop_map(|text| Text::new(&text).unwrap())
}

fn any_text() -> impl Strategy<Value = Text> {
    text("[^\0]{0,20}")
}

fn name() -> impl Strategy<Value = Text> {
    text("[^\0+#]{1,40}")
}

fn filter() -> impl Strategy<Value = Text> {
    text("([a-zß]{0,4}|\\+)(/([a-z]{0,4}|\\+)){1,4}(/#)?|#|\\$share/g/a/\\+")
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

fn user_property() -> impl Strategy<Value = Property> {
    (any_text(), any_text()).prop_map(|(name, value)| Property::UserProperty(name, value))
}

/// A few user properties, and each of `others` at most once.
fn properties(version: Version, others: Vec<BoxedStrategy<Property>>) -> BoxedStrategy<Properties> {
    if version != Version::V5 {
        return Just(Properties::NONE).boxed();
    }
    let others: Vec<_> = others.into_iter().map(prop::option::of).collect();
    (others, prop::collection::vec(user_property(), 0..3))
        .prop_map(|(others, user)| others.into_iter().flatten().chain(user).collect())
        .boxed()
}

fn reason_string() -> BoxedStrategy<Property> {
    any_text().prop_map(Property::ReasonString).boxed()
}

fn session_expiry() -> BoxedStrategy<Property> {
    any::<u32>()
        .prop_map(Property::SessionExpiryInterval)
        .boxed()
}

fn receive_maximum() -> BoxedStrategy<Property> {
    (1..=u16::MAX).prop_map(Property::ReceiveMaximum).boxed()
}

fn max_packet_size() -> BoxedStrategy<Property> {
    (1..=u32::MAX).prop_map(Property::MaximumPacketSize).boxed()
}

fn alias_maximum() -> BoxedStrategy<Property> {
    any::<u16>().prop_map(Property::TopicAliasMaximum).boxed()
}

fn flag(make: fn(bool) -> Property) -> BoxedStrategy<Property> {
    any::<bool>().prop_map(make).boxed()
}

fn connack(version: Version) -> BoxedStrategy<ConnAck> {
    let reason = if version == Version::V5 {
        prop::sample::select(Reason::ALL).boxed()
    } else {
        (0_u8..6)
            .prop_map(|code| Reason::from_connect_code(code).unwrap())
            .boxed()
    };
    let others = vec![
        session_expiry(),
        receive_maximum(),
        max_packet_size(),
        alias_maximum(),
        reason_string(),
        Just(Property::MaximumQoS(QoS::AtLeastOnce)).boxed(),
        flag(Property::RetainAvailable),
        flag(Property::WildcardSubscriptionAvailable),
        flag(Property::SubscriptionIdentifierAvailable),
        flag(Property::SharedSubscriptionAvailable),
        any_text()
            .prop_map(Property::AssignedClientIdentifier)
            .boxed(),
        any_text().prop_map(Property::ResponseInformation).boxed(),
        any_text().prop_map(Property::ServerReference).boxed(),
        any::<u16>().prop_map(Property::ServerKeepAlive).boxed(),
    ];
    (any::<bool>(), reason, properties(version, others))
        .prop_map(|(session_present, reason, properties)| ConnAck {
            session_present,
            reason,
            properties,
        })
        .boxed()
}

fn forwarded(version: Version) -> BoxedStrategy<Forwarded> {
    let others = vec![
        flag(Property::PayloadFormatIndicator),
        any_text().prop_map(Property::ContentType).boxed(),
        name().prop_map(Property::ResponseTopic).boxed(),
        bytes().prop_map(Property::CorrelationData).boxed(),
    ];
    properties(version, others)
        .prop_map(|properties| {
            properties
                .iter()
                .cloned()
                .chain(properties.user())
                .collect()
        })
        .boxed()
}

fn message_properties(version: Version) -> BoxedStrategy<MessageProperties> {
    let five = version == Version::V5;
    (prop::option::of(any::<u32>()), forwarded(version))
        .prop_map(move |(expiry, forwarded)| MessageProperties {
            expiry: expiry.filter(|_| five),
            forwarded,
            ..MessageProperties::default()
        })
        .boxed()
}

fn ack(version: Version, reasons: &'static [Reason]) -> BoxedStrategy<Ack> {
    let reason = prop::sample::select(reasons);
    (id(), reason, properties(version, vec![reason_string()]))
        .prop_map(move |(id, reason, properties)| Ack {
            id,
            reason: if version == Version::V5 {
                reason
            } else {
                Reason::Success
            },
            properties,
        })
        .boxed()
}

fn outcome(version: Version, reasons: &'static [Reason]) -> BoxedStrategy<Outcome> {
    ack(version, reasons)
        .prop_map(
            |Ack {
                 reason, properties, ..
             }| Outcome { reason, properties },
        )
        .boxed()
}

fn suback(version: Version) -> BoxedStrategy<Codes> {
    let known: &[Reason] = if version == Version::V5 {
        &[Reason::Success, Reason::GrantedQoS2, Reason::NotAuthorized]
    } else {
        &[Reason::Success, Reason::GrantedQoS1, Reason::Unspecified]
    };
    let reasons = prop::collection::vec(prop::sample::select(known), 1..6);
    (id(), reasons, properties(version, vec![reason_string()]))
        .prop_map(|(id, reasons, properties)| Codes {
            id,
            reasons,
            properties,
        })
        .boxed()
}

fn unsuback(version: Version) -> BoxedStrategy<Codes> {
    suback(version)
        .prop_map(move |mut codes| {
            if version != Version::V5 {
                codes.reasons.clear();
            }
            codes
        })
        .boxed()
}

fn will(version: Version) -> BoxedStrategy<Will> {
    let five = version == Version::V5;
    let properties = message_properties(version);
    (
        name(),
        bytes(),
        qos(),
        any::<bool>(),
        properties,
        any::<u32>(),
    )
        .prop_map(
            move |(topic, payload, qos, retain, mut properties, delay)| {
                properties.will_delay = if five { delay } else { 0 };
                Will {
                    topic,
                    payload,
                    qos,
                    retain,
                    properties,
                }
            },
        )
        .boxed()
}

pub(super) fn connect(version: Version) -> BoxedStrategy<Connect> {
    let versions = if version == Version::V5 {
        Just(Version::V5).boxed()
    } else {
        prop_oneof![Just(Version::V31), Just(Version::V311)].boxed()
    };
    let credentials = prop_oneof![
        Just((None, None)),
        any_text().prop_map(|name| (Some(name), None)),
        (any_text(), bytes()).prop_map(|(name, password)| (Some(name), Some(password))),
    ];
    let others = vec![
        session_expiry(),
        receive_maximum(),
        max_packet_size(),
        alias_maximum(),
        flag(Property::RequestProblemInformation),
        flag(Property::RequestResponseInformation),
        any_text().prop_map(Property::AuthenticationMethod).boxed(),
    ];
    let head = (versions, any::<bool>(), any::<bool>(), any::<u16>());
    (
        head,
        text("[^\0]{0,30}"),
        prop::option::of(will(version)),
        credentials,
        properties(version, others),
    )
        .prop_map(
            |(head, client_id, will, (username, password), properties)| {
                let (version, bridge, clean_start, keep_alive) = head;
                Connect {
                    version,
                    bridge,
                    clean_start,
                    keep_alive,
                    client_id,
                    will,
                    username,
                    password,
                    properties,
                }
            },
        )
        .boxed()
}

pub(super) fn publish(version: Version) -> BoxedStrategy<Publish> {
    let five = version == Version::V5;
    let own = (
        message_properties(version),
        prop::option::of(1..=u16::MAX),
        prop::collection::vec(1..=268_435_455_u32, 0..3),
    );
    (
        any::<bool>(),
        qos(),
        any::<bool>(),
        name(),
        id(),
        bytes(),
        own,
    )
        .prop_map(move |(dup, qos, retain, topic, id, payload, own)| {
            let numbered = qos != QoS::AtMostOnce;
            let (mut properties, alias, subscriptions) = own;
            if five {
                properties.alias = alias;
                properties.subscriptions = subscriptions;
            }
            Publish {
                dup: dup && numbered,
                qos,
                retain,
                topic,
                id: Some(id).filter(|_| numbered),
                payload,
                properties,
            }
        })
        .boxed()
}

fn subscription(version: Version) -> BoxedStrategy<Subscription> {
    let five = version == Version::V5;
    let handling = prop::sample::select(vec![
        RetainHandling::Send,
        RetainHandling::SendIfNew,
        RetainHandling::DoNotSend,
    ]);
    (filter(), qos(), any::<bool>(), any::<bool>(), handling)
        .prop_map(move |(filter, qos, no_local, as_published, handling)| {
            let mut options = SubscriptionOptions::from(qos);
            if five {
                options.no_local = no_local && !filter.starts_with("$share/");
                options.retain_as_published = as_published;
                options.retain_handling = handling;
            }
            Subscription { filter, options }
        })
        .boxed()
}

fn subscribe(version: Version) -> BoxedStrategy<Subscribe> {
    let five = version == Version::V5;
    (
        id(),
        prop::collection::vec(subscription(version), 1..6),
        prop::option::of(1..=268_435_455_u32),
        properties(version, vec![]),
    )
        .prop_map(
            move |(id, subscriptions, identifier, properties)| Subscribe {
                id,
                subscriptions,
                identifier: identifier.filter(|_| five),
                properties,
            },
        )
        .boxed()
}

fn unsubscribe(version: Version) -> BoxedStrategy<Unsubscribe> {
    let filters = prop::collection::vec(filter(), 1..6);
    (id(), filters, properties(version, vec![]))
        .prop_map(|(id, filters, properties)| Unsubscribe {
            id,
            filters,
            properties,
        })
        .boxed()
}
