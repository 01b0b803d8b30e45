//! Enhanced authentication, which is not offered (section 4.12).

use super::{V5, connect, expect_end, refusal};
use crate::wire::{Client, Target, auth, kind, property, property_id as id};

#[test]
fn a_method_of_authentication_is_refused_with_its_code() {
    let broker = Target::plain();
    let with_method = connect("c")
        .with(property(id::AUTH_METHOD, "SCRAM-SHA-1"))
        .with(property(id::AUTH_DATA, "data"));
    assert_eq!(refusal(&broker, V5, &with_method.bytes()), Some(0x8C));
}

#[test]
fn without_a_method_nothing_of_authentication_is_sent() {
    let broker = Target::plain();
    let (mut client, answer) = Client::enter(&broker, &connect("c"));
    assert_eq!(answer.property(id::AUTH_METHOD), None);
    assert_eq!(answer.property(id::AUTH_DATA), None);
    assert!(
        client
            .pending()
            .iter()
            .all(|packet| packet.kind != kind::AUTH)
    );
}

#[test]
fn an_auth_without_a_method_in_the_connect_ends_the_connection() {
    let broker = Target::plain();
    for code in [0x00, 0x18, 0x19] {
        expect_end(
            &broker,
            &auth(code, &[property(id::AUTH_METHOD, "SCRAM-SHA-1")]),
            &[0x82],
        );
    }
}

#[test]
fn an_auth_before_the_connect_ends_the_connection() {
    let broker = Target::plain();
    let mut client = Client::open(&broker, V5);
    client.send(auth(0x18, &[property(id::AUTH_METHOD, "SCRAM-SHA-1")]));
    client.expect_closed();
}
