//! Who is there and who wants what, in the log when somebody asks for it.

use crate::harness::{Broker, Raw, connect, publish};

#[test]
fn sigusr2_tells_who_is_there_and_who_wants_what() {
    let broker = Broker::start("allow_anonymous true\nsys_interval 0");
    let (mut fred, _) = Raw::login(&broker, connect("fred\t\u{7f}", true));
    let (mut jane, _) = Raw::login(&broker, connect(&"j".repeat(81), false));
    let qos = broker::codec::QoS::AtLeastOnce;
    fred.subscribe("owntracks/+/\u{1b}[2J", qos);
    jane.subscribe("a", qos);
    jane.subscribe("owntracks/+/\u{1b}[2J", qos);
    drop(jane);
    broker.wait_for("closed its connection.");
    publish(
        &broker,
        &["-t", "a", "-m", "xx", "-q", "1", "-r", "-i", "p"],
    );
    broker.wait_for("Client p ");
    broker.signal("USR2");
    broker.wait_for("\towntracks/+/\\u{1b}[2J: ");
    fred.expect_nothing();
    broker.wait_for("Received PINGREQ");
    let log = broker.log();
    let dump = &log[log.find("2 sessions").unwrap()..];
    let dump = &dump[..dump.find("Received PINGREQ").unwrap()];
    let dump = dump.replace(&"j".repeat(80), "jj");
    insta::assert_snapshot!(dump, @r"
    2 sessions, 1 of them connected, 3 subscriptions, 1 retained messages (3 bytes).
    Session fred	\u{7f} (c1) connected: 1 subscriptions, 0 messages waiting (0 bytes), 0 in flight.
    Session jj... (c0) away: 2 subscriptions, 1 messages waiting (3 bytes), 0 in flight.
    	a: jj... (QoS 1)
    	owntracks/+/\u{1b}[2J: fred	\u{7f} (QoS 1), jj... (QoS 1)
    ");
}

#[test]
fn a_dump_is_bounded() {
    let broker = Broker::start("allow_anonymous true\nsys_interval 0\nlog_type notice");
    let (mut many, _) = Raw::login(&broker, connect("many", true));
    for number in 0..1100 {
        many.subscribe(&format!("filter/{number}"), broker::codec::QoS::AtMostOnce);
    }
    broker.signal("USR2");
    broker.wait_for("... and 100 more subscriptions to other filters.");
    let log = broker.log();
    let dump = &log[log.find("1 sessions").unwrap()..];
    assert_eq!(dump.matches("\tfilter/").count(), 1000);
}
