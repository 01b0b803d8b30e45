//! CONNACK (section 3.2).

use super::{VERSIONS, in_each_version, lasting, refusal};
use crate::wire::{Client, Target, Version, connect, kind, publish, subscribe};

#[test]
fn the_first_packet_from_the_broker_is_a_connack_and_there_is_one_only() {
    in_each_version(|broker, version| {
        Client::enter(broker, &lasting(version, "c"))
            .0
            .subscribe("t", 1);
        let mut publisher = Client::join(broker, version, "publisher");
        publisher.deliver(&publish(version, "t", "waits").qos(1, 1));
        let mut client = Client::open(broker, version);
        let mut bytes = lasting(version, "c").bytes();
        bytes.extend(subscribe(version, 1).to("u", 0).bytes());
        client.send(bytes);
        client.expect_begin("CONNACK s1 0x00");
        let more = client.pending();
        assert!(
            more.iter().all(|packet| packet.kind != kind::CONNACK),
            "{more:?}"
        );
    });
}

#[test]
fn a_clean_session_is_never_said_to_be_present() {
    in_each_version(|broker, version| {
        drop(Client::enter(broker, &lasting(version, "c")));
        let (_client, answer) = Client::enter(broker, &connect(version, "c"));
        assert!(!answer.session_present);
    });
}

#[test]
fn a_session_is_said_to_be_present_exactly_when_it_is() {
    in_each_version(|broker, version| {
        let (client, answer) = Client::enter(broker, &lasting(version, "c"));
        assert!(!answer.session_present);
        client.leave();
        let (_client, answer) = Client::enter(broker, &lasting(version, "c"));
        assert!(answer.session_present);
    });
}

#[test]
fn a_refusal_says_no_session_and_ends_the_connection() {
    for version in VERSIONS {
        let broker = Target::start("allow_zero_length_clientid false");
        // The helper asks for both.
        let code = refusal(&broker, version, &connect(version, "").bytes());
        assert!(code.is_some());
    }
}

#[test]
fn a_refusal_for_which_there_is_no_code_is_silent() {
    let broker = Target::plain();
    let connect = connect(Version::V311, "c").flip(0x01);
    assert_eq!(refusal(&broker, Version::V311, &connect.bytes()), None);
}
