//! The options of a subscription (section 3.8.3.1).

use super::{expect_end, join, publish, subscribe};
use crate::wire::Target;

const NO_LOCAL: u8 = 0x04;
const RETAIN_AS_PUBLISHED: u8 = 0x08;
const RETAIN_IF_NEW: u8 = 0x10;
const RETAIN_NEVER: u8 = 0x20;

#[test]
fn with_no_local_a_client_does_not_hear_itself() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    client.subscribe("t", NO_LOCAL | 1);
    client.deliver(&publish("t", "own").qos(1, 1));
    client.expect_nothing();
    join(&broker, "other").deliver(&publish("t", "other's").qos(1, 1));
    client.expect_message("other's");
}

#[test]
fn no_local_goes_by_the_client_identifier_across_connections() {
    let broker = Target::plain();
    let mut client = super::resume(&broker, "c");
    client.subscribe("t", NO_LOCAL | 1);
    client.leave();
    let mut client = super::resume(&broker, "c");
    client.deliver(&publish("t", "own").qos(1, 1));
    client.expect_nothing();
}

#[test]
fn no_local_on_a_shared_subscription_ends_the_connection() {
    let broker = Target::plain();
    expect_end(
        &broker,
        &subscribe(1).to("$share/g/t", NO_LOCAL).bytes(),
        &[0x82],
    );
}

#[test]
fn retained_messages_are_sent_with_every_new_subscription_only_the_first_or_none() {
    let broker = Target::plain();
    let mut publisher = join(&broker, "publisher");
    publisher.deliver(&publish("t", "kept").retain().qos(1, 1));
    for (handling, first, again) in [(0, 1, 1), (RETAIN_IF_NEW, 1, 0), (RETAIN_NEVER, 0, 0)] {
        let mut client = join(&broker, "c");
        for expected in [first, again] {
            client.send(subscribe(1).to("t", handling).bytes());
            client.expect_begin("SUBACK m1 0x00");
            assert_eq!(
                client.pending().len(),
                expected,
                "retain handling {handling:#x}"
            );
        }
    }
}

#[test]
fn a_subscription_that_was_given_up_is_new_again() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    client.send(publish("t", "kept").retain().bytes());
    for _ in 0..2 {
        client.send(subscribe(1).to("t", RETAIN_IF_NEW).bytes());
        client.expect_begin("SUBACK m1 0x00");
        client.expect_message("kept");
        client.send(crate::wire::unsubscribe(super::V5, 2, &["t"]));
        client.expect_begin("UNSUBACK m2 0x00");
    }
}

#[test]
fn retain_as_published_keeps_the_flag_and_without_it_the_flag_is_gone() {
    let broker = Target::plain();
    let mut publisher = join(&broker, "publisher");
    for (options, kept) in [(0, 0), (RETAIN_AS_PUBLISHED, 1)] {
        let mut client = join(&broker, "c");
        client.send(subscribe(1).to("t", options | RETAIN_NEVER).bytes());
        client.expect_begin("SUBACK m1 0x00");
        publisher.send(publish("t", "retained").retain().bytes());
        assert_eq!(client.expect_message("retained").flags & 1, kept);
        publisher.send(publish("t", "not retained").bytes());
        assert_eq!(client.expect_message("not retained").flags & 1, 0);
    }
}

#[test]
fn a_retained_message_for_a_new_subscription_has_its_flag_whatever_the_options() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    client.send(publish("t", "kept").retain().bytes());
    for options in [0, RETAIN_AS_PUBLISHED] {
        client.send(subscribe(1).to("t", options).bytes());
        client.expect_begin("SUBACK m1 0x00");
        assert_eq!(client.expect_message("kept").flags & 1, 1);
    }
}

#[test]
fn retain_handling_3_and_reserved_bits_end_the_connection() {
    let broker = Target::plain();
    for options in [0x30, 0x40, 0x80, 0x03] {
        expect_end(
            &broker,
            &subscribe(1).to("t", options).bytes(),
            &[0x81, 0x82],
        );
    }
}

#[test]
fn options_are_those_of_the_last_subscription() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    client.subscribe("t", NO_LOCAL | RETAIN_AS_PUBLISHED);
    client.subscribe("t", 0);
    client.send(publish("t", "x").retain().bytes());
    assert_eq!(client.expect_message("x").flags & 1, 0);
    client.subscribe("t", RETAIN_NEVER | RETAIN_AS_PUBLISHED);
    client.send(publish("t", "y").retain().bytes());
    assert_eq!(client.expect_message("y").flags & 1, 1);
}
