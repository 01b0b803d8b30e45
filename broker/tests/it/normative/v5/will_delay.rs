//! The delay and the properties of wills (section 3.1.3.2).

use super::{connect, join, resume};
use crate::wire::{
    Client, Connect, Target, Will, disconnect, disconnect_with, property, property_id as id,
};

fn mortal(delay: u32, expiry: u32) -> Connect {
    let will = Will::new("will", "gone")
        .qos(1)
        .with(property(id::WILL_DELAY, delay));
    connect("mortal")
        .resume()
        .will(will)
        .with(property(id::SESSION_EXPIRY, expiry))
}

#[test]
fn a_will_waits_for_its_delay_and_is_not_sent_to_who_is_back_before_it() {
    let broker = Target::plain();
    let mut heir = join(&broker, "heir");
    heir.subscribe("will", 1);
    Client::enter(&broker, &mortal(3600, 3600)).0.vanish();
    heir.expect_nothing();
    resume(&broker, "mortal").leave();
    heir.expect_nothing();
    Client::enter(&broker, &mortal(1, 3600)).0.vanish();
    heir.expect_message("gone");
}

#[test]
fn a_will_is_sent_when_its_session_ends_before_its_delay() {
    let broker = Target::plain();
    let mut heir = join(&broker, "heir");
    heir.subscribe("will", 1);
    Client::enter(&broker, &mortal(3600, 0)).0.vanish();
    heir.expect_message("gone");
    Client::enter(&broker, &mortal(3600, 3600)).0.vanish();
    heir.expect_nothing();
    // A clean start ends the old session.
    join(&broker, "mortal").leave();
    heir.expect_message("gone");
}

#[test]
fn a_disconnect_voids_a_will_unless_it_asks_for_it() {
    let broker = Target::plain();
    let mut heir = join(&broker, "heir");
    heir.subscribe("will", 1);
    for (packet, published) in [
        (disconnect(), false),
        (disconnect_with(0x00, &[]), false),
        (disconnect_with(0x04, &[]), true),
        (disconnect_with(0x80, &[]), true),
    ] {
        let (mut client, _) = Client::enter(&broker, &mortal(0, 0));
        client.send(&packet);
        client.expect_closed();
        if published {
            heir.expect_message("gone");
        }
        heir.expect_nothing();
    }
}

#[test]
fn a_wills_properties_are_passed_on_in_their_order() {
    let broker = Target::plain();
    let mut heir = join(&broker, "heir");
    heir.subscribe("will", 0);
    let properties = [
        property(id::PAYLOAD_FORMAT, 1),
        property(id::CONTENT_TYPE, "text/plain"),
        property(id::RESPONSE_TOPIC, "answers"),
        property(id::CORRELATION_DATA, "\u{0}\u{1}data"),
        property(id::USER_PROPERTY, ("b", "1")),
        property(id::USER_PROPERTY, ("a", "2")),
        property(id::USER_PROPERTY, ("b", "1")),
    ];
    let will = properties
        .iter()
        .cloned()
        .fold(Will::new("will", "gone"), Will::with);
    Client::enter(&broker, &connect("mortal").will(will))
        .0
        .vanish();
    let message = heir.expect_message("gone");
    super::properties::same(&message, &properties);
}
