//! Messages between Debian's mosquitto clients.

use crate::harness::{Broker, Subscriber, publish};

const ANYBODY: &str = "allow_anonymous true";

#[test]
fn messages_arrive_with_the_lower_of_both_qualities_of_service() {
    let broker = Broker::start(ANYBODY);
    for subscribed in ["0", "1", "2"] {
        let subscriber = Subscriber::start(&broker, &["-t", "a/+", "-q", subscribed]);
        for published in ["0", "1", "2"] {
            for version in ["mqttv31", "mqttv311"] {
                let arguments = [
                    "-V", version, "-i", "sender", "-t", "a/b", "-q", published, "-m", version,
                ];
                assert!(publish(&broker, &arguments).status.success());
                let lower = subscribed.min(published);
                assert_eq!(subscriber.message(), format!("a/b 0 {lower} {version}"));
            }
        }
    }
}

#[test]
fn owntracks_on_android_is_served_as_it_speaks() {
    let broker = Broker::start(ANYBODY);
    // MQTT 3.1, quality of service 2 for what it subscribes to, a session that stays, an hour of keep-alive.
    let phone = Subscriber::start(
        &broker,
        &[
            "-V",
            "mqttv31",
            "-i",
            "phone",
            "-c",
            "-k",
            "3600",
            "-q",
            "2",
            "-t",
            "owntracks/+/+",
            "-t",
            "owntracks/+/+/cmd",
        ],
    );
    let location = r#"{"_type":"location"}"#;
    let arguments = [
        "-V",
        "mqttv31",
        "-i",
        "other",
        "-c",
        "-k",
        "3600",
        "-q",
        "1",
        "-r",
        "-t",
        "owntracks/jane/5s",
        "-m",
        location,
    ];
    assert!(publish(&broker, &arguments).status.success());
    assert_eq!(phone.message(), format!("owntracks/jane/5s 0 1 {location}"));
    broker.wait_for("as phone (p3, c0, k3600).");
    broker.wait_for(
        "Received PUBLISH from other (d0, q1, r1, m1, 'owntracks/jane/5s', ... (20 bytes))",
    );
    broker.wait_for("Sending PUBACK to other (m1, rc0)");
}

#[test]
fn a_retained_message_comes_with_its_flag_and_an_empty_one_removes_it() {
    let broker = Broker::start(ANYBODY);
    publish(&broker, &["-t", "a/b", "-m", "kept", "-r", "-q", "1"]);
    publish(&broker, &["-t", "a/c", "-m", "removed", "-r"]);
    publish(&broker, &["-t", "a/c", "-n", "-r"]);
    let subscriber = Subscriber::start(&broker, &["-t", "a/#", "-q", "2"]);
    assert_eq!(subscriber.message(), "a/b 1 1 kept");
    publish(&broker, &["-t", "a/b", "-m", "live", "-r"]);
    assert_eq!(subscriber.message(), "a/b 0 0 live");
}

#[test]
fn topics_that_begin_with_a_dollar_are_hidden_from_wildcards() {
    let broker = Broker::start(ANYBODY);
    let everything = Subscriber::start(&broker, &["-t", "#", "-t", "+/broker/version"]);
    let version = Subscriber::start(&broker, &["-t", "$SYS/broker/version"]);
    assert_eq!(
        version.message(),
        concat!(
            "$SYS/broker/version 1 0 mqtt-broker version ",
            env!("CARGO_PKG_VERSION")
        )
    );
    publish(&broker, &["-t", "last", "-m", "x"]);
    assert_eq!(everything.message(), "last 0 0 x");
}

#[test]
fn nobody_writes_what_the_broker_says_of_itself() {
    let broker = Broker::start(ANYBODY);
    publish(
        &broker,
        &["-t", "$SYS/broker/version", "-m", "forged", "-r", "-q", "1"],
    );
    broker.wait_for("Denied PUBLISH");
    let version = Subscriber::start(&broker, &["-t", "$SYS/broker/version"]);
    assert!(version.message().contains("mqtt-broker version"));
}

#[test]
fn a_large_message_arrives_whole() {
    let broker = Broker::start(ANYBODY);
    let subscriber = Subscriber::start(&broker, &["-t", "large", "-q", "1"]);
    let payload = "0123456789abcdef".repeat(60_000);
    crate::support::write(broker.folder().join("payload"), &payload);
    let path = broker.folder().join("payload");
    assert!(
        publish(
            &broker,
            &["-t", "large", "-q", "1", "-f", path.to_str().unwrap()]
        )
        .status
        .success()
    );
    assert!(subscriber.message() == format!("large 0 1 {payload}"));
}

#[test]
fn log_lines_are_published_where_the_configuration_asks_for_it() {
    let broker = Broker::start("allow_anonymous true\nlog_dest stderr\nlog_dest topic");
    let subscriber = Subscriber::start(&broker, &["-t", "$SYS/broker/log/N", "-i", "watcher"]);
    publish(&broker, &["-i", "somebody", "-t", "x", "-m", "y"]);
    while !subscriber.message().contains("as somebody (p4, c1, k60).") {}
}
