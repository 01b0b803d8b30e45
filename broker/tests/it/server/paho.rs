//! A client that somebody else wrote and many use, with sessions, wills and all qualities of service.

use std::process::Command;

use crate::harness::Broker;

#[test]
fn paho_hears_what_it_should_over_a_day_of_a_phone() {
    let broker = Broker::start("allow_anonymous true");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/server/day_of_a_phone.py");
    // The system's own: ci/setup installs paho for it.
    let mut paho = Command::new("timeout");
    paho.args([
        "120",
        "/usr/bin/python3",
        script,
        &broker.port().to_string(),
    ]);
    let ended = paho.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    assert!(
        ended.status.success() && said.contains("all heard"),
        "{said}"
    );
}
