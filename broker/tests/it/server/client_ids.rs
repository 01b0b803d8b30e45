//! Client identifiers that are refused, and those that are replaced, by Mosquitto and by us.

use std::process::Stdio;

use crate::harness::{Broker, Raw, connect, publish, text};
use crate::support::{Mosquitto, program, run};

/// Ids and names that are tried, and what becomes of them.
const CASES: [(&str, &[&str], bool); 9] = [
    ("clientid_prefixes home-", &["-i", "home-1"], true),
    ("clientid_prefixes home-", &["-i", "home"], false),
    ("clientid_prefixes home-", &["-i", "Home-1"], false),
    (
        "clientid_prefixes home-",
        &["-i", "x", "-u", "home-"],
        false,
    ),
    ("use_username_as_clientid true", &["-i", "x"], false),
    (
        "use_username_as_clientid true",
        &["-i", "x", "-u", "fred"],
        true,
    ),
    (
        "use_username_as_clientid true\nclientid_prefixes home-",
        &["-i", "home-1", "-u", "fred"],
        true,
    ),
    (
        "use_username_as_clientid true\nclientid_prefixes home-",
        &["-i", "x", "-u", "home-1"],
        false,
    ),
    ("use_username_as_clientid false", &["-i", "x"], true),
];

#[test]
fn mosquitto_and_we_let_in_the_same() {
    for (config, arguments, expected) in CASES {
        let arguments = [arguments, &["-t", "a", "-m", "b"]].concat();
        let config = format!("allow_anonymous true\n{config}");
        let ours = Broker::start(&config);
        let status = publish(&ours, &arguments).status;
        assert_eq!(
            status.success(),
            expected,
            "we with {config:?} on {arguments:?}"
        );
        let folder = tempfile::tempdir().unwrap();
        let theirs = format!("listener @PORT@ 127.0.0.1\n{config}\n");
        let theirs = Mosquitto::start(folder.path(), &theirs).unwrap();
        let output = program("timeout")
            .args([
                "30",
                "mosquitto_pub",
                "-h",
                "127.0.0.1",
                "-p",
                &theirs.port.to_string(),
            ])
            .args(&arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(
            output.status.success(),
            expected,
            "Mosquitto with {config:?} on {arguments:?}"
        );
    }
}

#[test]
fn nobody_takes_a_session_over_that_belongs_to_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let passwd = folder.path().join("passwd");
    let passwd = passwd.to_str().unwrap();
    for arguments in [
        ["-b", "-c", passwd, "fred", "1"].as_slice(),
        &["-b", passwd, "jane", "2"],
    ] {
        assert!(run("mosquitto_passwd", arguments).status.success());
    }
    let broker = Broker::start_in(
        folder,
        "password_file {folder}/passwd\nuse_username_as_clientid true",
    );
    let login = |name: &str, password: &'static str| {
        let mut connect = connect("same", true);
        connect.username = Some(text(name));
        connect.password = Some(password.as_bytes().into());
        Raw::login(&broker, connect).0
    };
    let mut fred = login("fred", "1");
    let _jane = login("jane", "2");
    fred.expect_nothing();
    broker.wait_for(" as jane (p4");
}
