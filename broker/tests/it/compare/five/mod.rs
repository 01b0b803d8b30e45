//! What is played in version 5 only: every property, every option, every reason code a client may send.

mod answers;
mod messages;
mod sessions;
mod subscriptions;

use super::script::Script;
use crate::wire::{Connect, Property, Publish, Version, publish};

const V5: Version = Version::V5;

pub(super) fn all() -> Vec<Script> {
    vec![
        sessions::connecting(),
        messages::messages(),
        messages::queued(),
        messages::wills(),
        subscriptions::options(),
        subscriptions::identifiers(),
        messages::aliases(),
        messages::flow(),
        sessions::expiries(),
        messages::sizes(),
        subscriptions::shares(),
        answers::reasons(),
        sessions::goodbyes(),
        sessions::authentication(),
        answers::offences(),
    ]
}

fn with(connect: Connect, properties: &[Property]) -> Connect {
    properties.iter().cloned().fold(connect, Connect::with)
}

fn message(topic: &str, payload: &str, properties: &[Property]) -> Publish {
    properties
        .iter()
        .cloned()
        .fold(publish(V5, topic, payload), Publish::with)
}

fn told(properties: &[Property]) -> String {
    properties
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}
