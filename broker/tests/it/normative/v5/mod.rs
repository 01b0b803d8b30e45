//! What only MQTT 5.0 asks for.

mod acks;
mod auth;
mod connack;
mod connect;
mod disconnect;
mod expiry;
mod flow;
mod options;
mod properties;
mod shared;
mod subscription_ids;
mod topic_alias;
mod will_delay;

use super::{lasting, refusal};
use crate::wire::{Client, Connect, Publish, Subscribe, Target, Version};

const V5: Version = Version::V5;

fn connect(id: &str) -> Connect {
    crate::wire::connect(V5, id)
}

fn publish(topic: &str, payload: impl AsRef<[u8]>) -> Publish {
    crate::wire::publish(V5, topic, payload)
}

fn subscribe(id: u16) -> Subscribe {
    crate::wire::subscribe(V5, id)
}

fn join(broker: &Target, id: &str) -> Client {
    Client::join(broker, V5, id)
}

/// Enters with a session that stays.
fn resume(broker: &Target, id: &str) -> Client {
    Client::enter(broker, &lasting(V5, id)).0
}

/// Bytes after a CONNECT that end the connection with one of these codes.
#[track_caller]
fn expect_end(broker: &Target, bytes: &[u8], codes: &[u8]) {
    let mut client = join(broker, "offender");
    client.send(bytes);
    let told = client.packet();
    assert_eq!(told.kind, crate::wire::kind::DISCONNECT, "{told}");
    assert!(codes.contains(&told.code()), "{told}, not {codes:02x?}");
    client.expect_closed();
}

/// A broker whose anonymous clients may read and write `mine`, and only read `theirs`.
fn with_rights() -> Target {
    let folder = tempfile::tempdir().unwrap();
    crate::support::write(
        folder.path().join("acl"),
        "topic readwrite mine\ntopic read theirs\n",
    );
    Target::start_in(folder, "acl_file {folder}/acl")
}
