//! Shared subscriptions (section 4.8.2).

use super::{join, publish, resume, subscribe};
use crate::wire::{Client, Target, ack, ack_with, kind};

/// Two members of a group, and one who is not.
fn group(broker: &Target, options: u8) -> [Client; 2] {
    ["one", "two"].map(|name| {
        let mut member = resume(broker, name);
        member.subscribe("$share/group/t", options);
        member
    })
}

#[test]
fn a_message_goes_to_one_of_a_group_and_to_everybody_else() {
    let broker = Target::plain();
    let mut members = group(&broker, 0);
    let mut other = join(&broker, "other");
    other.subscribe("$share/other/t", 0);
    let mut alone = join(&broker, "alone");
    alone.subscribe("t", 0);
    let mut publisher = join(&broker, "publisher");
    for number in 0..20_u8 {
        publisher.send(publish("t", [b'a' + number]).bytes());
    }
    publisher.expect_nothing();
    let heard = |client: &mut Client| -> Vec<u8> {
        client
            .pending()
            .iter()
            .flat_map(|packet| packet.payload.clone())
            .collect()
    };
    let everything: Vec<_> = (b'a'..b'a' + 20).collect();
    assert_eq!(heard(&mut alone), everything);
    assert_eq!(heard(&mut other), everything);
    let [one, two] = members.each_mut().map(heard);
    assert!(
        !one.is_empty() && !two.is_empty(),
        "shared, not given to one alone"
    );
    let mut together = [one, two].concat();
    together.sort_unstable();
    assert_eq!(together, everything);
}

#[test]
fn a_share_has_a_name_without_wildcards_and_a_filter() {
    let broker = Target::plain();
    for filter in [
        "$share/g",
        "$share//t",
        "$share/+/t",
        "$share/#/t",
        "$share/g+/t",
        "$share/g/",
        "$share/g/a#",
    ] {
        let mut client = join(&broker, "offender");
        client.send(subscribe(1).to(filter, 0).bytes());
        let told = client.packet();
        assert!(
            matches!(told.codes[..], [0x81 | 0x82 | 0x8F]),
            "{filter}: {told}"
        );
    }
}

#[test]
fn a_message_for_a_group_comes_with_the_quality_of_service_that_was_granted() {
    let broker = Target::plain();
    for granted in [0, 1, 2] {
        let mut client = join(&broker, "c");
        client.subscribe("$share/g/t", granted);
        let mut publisher = join(&broker, "publisher");
        for published in [1, 2] {
            publisher.deliver(&publish("t", "x").qos(published, 1));
            assert_eq!(client.expect_message("x").qos(), published.min(granted));
        }
    }
}

#[test]
fn what_was_begun_with_one_of_a_group_is_ended_with_it() {
    let broker = Target::plain();
    let [one, two] = group(&broker, 2);
    join(&broker, "publisher").deliver(&publish("t", "x").qos(2, 1));
    let mut clients = [("one", one), ("two", two)];
    let chosen = clients
        .iter_mut()
        .position(|(_, client)| !client.pending().is_empty())
        .unwrap();
    let [one, two] = clients;
    let ((name, begun), (_, mut other)) = if chosen == 0 { (one, two) } else { (two, one) };
    begun.vanish();
    other.expect_nothing();
    let mut back = resume(&broker, name);
    let again = back.expect_begin("PUBLISH d1 q2");
    back.send(ack(kind::PUBREC, again.id.unwrap()));
    back.expect_begin("PUBREL");
    other.expect_nothing();
}

#[test]
fn what_was_begun_with_a_session_that_ends_goes_to_nobody_else() {
    let broker = Target::plain();
    let [one, two] = group(&broker, 2);
    join(&broker, "publisher").deliver(&publish("t", "x").qos(2, 1));
    let mut clients = [("one", one), ("two", two)];
    let chosen = clients
        .iter_mut()
        .position(|(_, client)| !client.pending().is_empty())
        .unwrap();
    let [one, two] = clients;
    let ((name, begun), (_, mut other)) = if chosen == 0 { (one, two) } else { (two, one) };
    begun.vanish();
    join(&broker, name).leave();
    other.expect_nothing();
}

#[test]
fn a_message_that_is_refused_goes_to_nobody_else() {
    let broker = Target::plain();
    for (qos, answer) in [(1, kind::PUBACK), (2, kind::PUBREC)] {
        let mut members = group(&broker, qos);
        join(&broker, "publisher").deliver(&publish("t", "x").qos(qos, 1));
        let mut refused = 0;
        for _ in 0..2 {
            for member in &mut members {
                for message in member.pending() {
                    assert_eq!(message.kind, kind::PUBLISH, "{message}");
                    refused += 1;
                    member.send(ack_with(answer, message.id.unwrap(), 0x83, &[]));
                }
            }
        }
        assert_eq!(refused, 1);
    }
}

#[test]
fn a_group_is_sent_no_retained_messages() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    client.send(publish("t", "kept").retain().bytes());
    client.subscribe("$share/g/t", 0);
    client.expect_nothing();
}

#[test]
fn a_member_that_is_away_leaves_the_messages_to_those_who_are_there() {
    let broker = Target::plain();
    let [one, mut two] = group(&broker, 1);
    one.leave();
    let mut publisher = join(&broker, "publisher");
    for number in 0..6_u8 {
        publisher.deliver(&publish("t", [b'0' + number]).qos(1, 1));
        two.expect_message(std::str::from_utf8(&[b'0' + number]).unwrap());
    }
}

#[test]
fn a_share_is_given_up_by_its_whole_name() {
    let broker = Target::plain();
    let mut client = join(&broker, "c");
    client.subscribe("$share/g/t", 0);
    client.send(crate::wire::unsubscribe(
        super::V5,
        1,
        &["t", "$share/h/t", "$share/g/t"],
    ));
    client.expect("UNSUBACK m1 0x11 0x11 0x00 {}");
    client.send(publish("t", "x").bytes());
    client.expect_nothing();
}
