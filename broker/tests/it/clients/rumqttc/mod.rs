//! `rumqttc`, which has one client for 3.1.1 and another one for 5.

mod peer;

use rumqttc::QoS as Four;
use rumqttc::v5::mqttbytes::QoS as Five;
use rumqttc::v5::mqttbytes::v5::{Filter, PublishProperties, SubscribeProperties};

use self::peer::{Peer, Wanted};
use super::{Access, Results};

/// What a feature comes to: nothing, or what went wrong.
type Outcome = Result<(), String>;

/// Tries everything it can do.
pub(super) fn all(access: &Access) -> Results {
    let features = access.features().iter();
    features
        .map(|&feature| {
            let topic = format!("{}{}", access.prefix, feature.replace(' ', ""));
            let result = try_feature(access, feature, &topic);
            let told = result.map_or_else(|why| format!("failed: {why}"), |()| "ok".to_owned());
            (feature.to_owned(), told)
        })
        .collect()
}

fn four(qos: u8) -> Four {
    [Four::AtMostOnce, Four::AtLeastOnce, Four::ExactlyOnce][usize::from(qos)]
}

fn five(qos: u8) -> Five {
    [Five::AtMostOnce, Five::AtLeastOnce, Five::ExactlyOnce][usize::from(qos)]
}

fn try_feature(access: &Access, feature: &str, topic: &str) -> Outcome {
    let peer = |name: &str| Peer::join(access, name, Wanted::default());
    match feature {
        "connect" => peer("connect")?.leave(),
        "quality of service 0" => quality(&peer("q0")?, topic, 0),
        "quality of service 1" => quality(&peer("q1")?, topic, 1),
        "quality of service 2" => quality(&peer("q2")?, topic, 2),
        "retain" => {
            let client = peer("retain")?;
            client.publish(topic, "kept", 1, true)?;
            client.subscribe(topic, 1)?;
            client.hears(topic, "kept", 1, true)?;
            client.publish(topic, "", 1, true)?;
            client.hears(topic, "", 1, false)
        }
        "will" => {
            let heir = peer("heir")?;
            heir.subscribe(topic, 1)?;
            let wanted = Wanted {
                will: Some(topic.to_owned()),
                ..Wanted::default()
            };
            Peer::join(access, "mortal", wanted)?.vanish();
            heir.hears(topic, "gone", 1, false)
        }
        "persistent session" | "session expiry" => persistent(access, topic, feature),
        "wildcards" => {
            let client = peer("wildcards")?;
            client.subscribe(&format!("{topic}/+/b/#"), 0)?;
            for name in ["a/c", "a/b", "a/b/c/d"] {
                client.publish(&format!("{topic}/{name}"), "x", 0, false)?;
            }
            client.hears(&format!("{topic}/a/b"), "x", 0, false)?;
            client.hears(&format!("{topic}/a/b/c/d"), "x", 0, false)
        }
        _ => feature_of_five(access, feature, topic),
    }
}

fn quality(client: &Peer, topic: &str, qos: u8) -> Outcome {
    client.subscribe(topic, qos)?;
    client.publish(topic, "x", qos, false)?;
    client.hears(topic, "x", qos, false)
}

fn persistent(access: &Access, topic: &str, name: &str) -> Outcome {
    let lasting = || Wanted {
        lasting: true,
        ..Wanted::default()
    };
    let client = Peer::join(access, name, lasting())?;
    client.is_present(false)?;
    client.subscribe(topic, 1)?;
    client.leave()?;
    Peer::join(access, "other", Wanted::default())?.publish(topic, "waits", 1, false)?;
    let client = Peer::join(access, name, lasting())?;
    client.is_present(true)?;
    client.hears(topic, "waits", 1, false)
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, expected: &T) -> Outcome {
    let same = found == expected;
    same.then_some(())
        .ok_or_else(|| format!("{found:?} instead of {expected:?}"))
}

fn feature_of_five(access: &Access, feature: &str, topic: &str) -> Outcome {
    let client = Peer::join(access, feature, Wanted::default())?;
    match feature {
        "user properties" => {
            client.subscribe(topic, 0)?;
            let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
            let sent = PublishProperties {
                user_properties: vec![pair("b", "1"), pair("a", "2"), pair("b", "1")],
                content_type: Some("text/plain".to_owned()),
                ..PublishProperties::default()
            };
            client.publish_with(topic, "x", false, sent.clone())?;
            same(&client.message()?.properties, &Some(sent))
        }
        "message expiry" => {
            let sent = PublishProperties {
                message_expiry_interval: Some(100),
                ..PublishProperties::default()
            };
            client.publish_with(topic, "kept", true, sent)?;
            client.subscribe(topic, 0)?;
            let left = client
                .message()?
                .properties
                .and_then(|found| found.message_expiry_interval);
            same(&left.is_some_and(|left| (1..=100).contains(&left)), &true)
        }
        "request and response" => request(access, &client, topic),
        "shared subscription" => shared(access, &client, topic),
        "no local" => {
            let mut filter = Filter::new(topic, five(1));
            filter.nolocal = true;
            client.subscribe_with(filter, None)?;
            client.publish(topic, "own", 1, false)?;
            Peer::join(access, "other", Wanted::default())?.publish(topic, "other's", 1, false)?;
            client.hears(topic, "other's", 1, false)
        }
        "subscription identifiers" => {
            client.subscribe_with(Filter::new(topic, five(0)), Some(200))?;
            client.publish(topic, "x", 0, false)?;
            let found = client.message()?.properties.unwrap_or_default();
            same(&found.subscription_identifiers, &vec![200])
        }
        _ => {
            client.subscribe(topic, 0)?;
            for name in [topic, ""] {
                let sent = PublishProperties {
                    topic_alias: Some(1),
                    ..PublishProperties::default()
                };
                client.publish_with(name, "x", false, sent)?;
                client.hears(topic, "x", 0, false)?;
            }
            Ok(())
        }
    }
}

fn request(access: &Access, client: &Peer, topic: &str) -> Outcome {
    let server = Peer::join(access, "server", Wanted::default())?;
    server.subscribe(topic, 0)?;
    let answer = format!("{topic}/answer");
    client.subscribe(&answer, 0)?;
    let asked = PublishProperties {
        response_topic: Some(answer),
        correlation_data: Some("7".into()),
        ..PublishProperties::default()
    };
    client.publish_with(topic, "question", false, asked)?;
    let question = server.message()?.properties.unwrap_or_default();
    let answered = PublishProperties {
        correlation_data: question.correlation_data,
        ..PublishProperties::default()
    };
    server.publish_with(
        &question.response_topic.unwrap_or_default(),
        "answer",
        false,
        answered,
    )?;
    let answer = client.message()?.properties.unwrap_or_default();
    same(&answer.correlation_data, &Some("7".into()))
}

fn shared(access: &Access, publisher: &Peer, topic: &str) -> Outcome {
    let join = |name: &str| Peer::join(access, name, Wanted::default());
    let members = [join("member1")?, join("member2")?];
    let barrier = format!("{topic}/barrier");
    for member in &members {
        member.subscribe(&format!("$share/group/{topic}"), 1)?;
        member.subscribe(&barrier, 0)?;
    }
    for number in 0..10 {
        publisher.publish(topic, &number.to_string(), 1, false)?;
    }
    publisher.publish(&barrier, "end", 1, false)?;
    let mut heard = Vec::new();
    for member in &members {
        loop {
            let message = member.message()?;
            if message.payload == "end" {
                break;
            }
            heard.push(message.payload);
        }
    }
    heard.sort();
    same(&heard, &(0..10).map(|number| number.to_string()).collect())
}

/// With the options of a subscription: an identifier, or none.
fn identified(id: Option<usize>) -> SubscribeProperties {
    SubscribeProperties {
        id,
        user_properties: Vec::new(),
    }
}
