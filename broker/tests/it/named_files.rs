//! Files that a configuration names and that are not as they should be, and listeners that can't be: what is said, at
//! a start and by `--test-config`, with the line that names them.

use std::path::Path;

use crate::harness::{Broker, Certificates, config_file, run_to_end};
use crate::support::{Mosquitto, free_port, write};

/// What is said of a configuration in `folder`, at a start that fails and by `--test-config`.
fn said(folder: &Path, config: &str) -> String {
    let port = free_port();
    let path = config_file(folder, "broker.conf", config, port);
    let clean = |text: &str| {
        let errors: Vec<_> = text
            .lines()
            .filter_map(|line| line.split_once("Error: "))
            .map(|(_, error)| error.trim_end_matches('.'))
            .collect();
        let text = errors.join("\n").replace(folder.to_str().unwrap(), "[DIR]");
        text.replace(&port.to_string(), "[PORT]")
    };
    let path = path.to_str().unwrap();
    let started = run_to_end(&["-c", path]);
    let tested = run_to_end(&["-c", path, "--test-config"]);
    assert_ne!(started.code, Some(0), "{config}");
    if tested.code == Some(0) {
        return format!("start only: {}", clean(&started.stderr));
    }
    assert_eq!(tested.code, Some(3), "{config}");
    let (started, tested) = (clean(&started.stderr), clean(&tested.stderr));
    if started == tested {
        started
    } else {
        format!("start: {started}\ntest: {tested}")
    }
}

#[test]
fn a_file_that_is_not_there_is_named_with_its_line_and_what_may_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Certificates::new();
    authority.write_authority(folder.path(), "ca");
    authority.write_server(folder.path(), "server");
    authority.write_server(folder.path(), "other");
    write(folder.path().join("junk"), "junk\n");
    let tls = "certfile {folder}/server.crt\nkeyfile {folder}/server.key";
    let cases = [
        "password_file {folder}/nowhere",
        "password_file \"{folder}/passwd\"",
        "acl_file {folder}/acl # who may what",
        "acl_file 'acl'",
        "log_dest file {folder}/no/log # here",
        "pid_file {folder}/no/pid",
        "certfile {folder}/server.crt # ours\nkeyfile {folder}/server.key",
        "certfile {folder}/junk\nkeyfile {folder}/server.key",
        "certfile {folder}/server.crt\nkeyfile {folder}/other.key",
        "certfile {folder}/server.crt\nkeyfile {folder}/server.crt",
        &format!("{tls}\ncafile \"{{folder}}/ca.crt\""),
        &format!("{tls}\ncafile {{folder}}/junk"),
        &format!("{tls}\ncapath {{folder}}/nowhere"),
        &format!("{tls}\ncafile {{folder}}/ca.crt\ncrlfile {{folder}}/junk"),
    ];
    let lines: Vec<_> = cases
        .iter()
        .map(|case| {
            said(
                folder.path(),
                &format!("listener {{port}} 127.0.0.1\n{case}\n"),
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    [DIR]/broker.conf:2: password_file: cannot read [DIR]/nowhere: No such file or directory (os error 2)
    [DIR]/broker.conf:2: password_file: cannot read "[DIR]/passwd": No such file or directory (os error 2); quotes are part of the value: write the path without them
    [DIR]/broker.conf:2: acl_file: cannot read [DIR]/acl # who may what: No such file or directory (os error 2); here # does not begin a comment, which needs a line of its own
    [DIR]/broker.conf:2: acl_file: cannot read 'acl': No such file or directory (os error 2); quotes are part of the value: write the path without them
    start only: [DIR]/broker.conf:2: log_dest: cannot open log file [DIR]/no/log # here: No such file or directory (os error 2); here # does not begin a comment, which needs a line of its own
    start only: [DIR]/broker.conf:2: pid_file: cannot write the process id to [DIR]/no/pid: No such file or directory (os error 2)
    start: [DIR]/broker.conf:2: certfile: the listener on 127.0.0.1 port [PORT] cannot encrypt: cannot read [DIR]/server.crt # ours: No such file or directory (os error 2); here # does not begin a comment, which needs a line of its own
    test: [DIR]/broker.conf:2: certfile: cannot read [DIR]/server.crt # ours: No such file or directory (os error 2); here # does not begin a comment, which needs a line of its own
    [DIR]/broker.conf:2: certfile: the listener on 127.0.0.1 port [PORT] cannot encrypt: [DIR]/junk contains no certificate in PEM form
    [DIR]/broker.conf:3: keyfile: the listener on 127.0.0.1 port [PORT] cannot encrypt: the key in [DIR]/other.key is not that of the certificate in [DIR]/server.crt
    [DIR]/broker.conf:3: keyfile: the listener on 127.0.0.1 port [PORT] cannot encrypt: [DIR]/server.crt contains no PRIVATE KEY in PEM form
    start: [DIR]/broker.conf:4: cafile: the listener on 127.0.0.1 port [PORT] cannot encrypt: cannot read "[DIR]/ca.crt": No such file or directory (os error 2); quotes are part of the value: write the path without them
    test: [DIR]/broker.conf:4: cafile: cannot read "[DIR]/ca.crt": No such file or directory (os error 2); quotes are part of the value: write the path without them
    [DIR]/broker.conf:4: cafile: the listener on 127.0.0.1 port [PORT] cannot encrypt: [DIR]/junk contains no certificate in PEM form
    [DIR]/broker.conf:4: capath: the listener on 127.0.0.1 port [PORT] cannot encrypt: cannot read [DIR]/nowhere: No such file or directory (os error 2)
    [DIR]/broker.conf:5: crlfile: the listener on 127.0.0.1 port [PORT] cannot encrypt: [DIR]/junk contains no X509 CRL in PEM form
    "#);
}

#[test]
fn a_reload_names_the_line_too() {
    let broker = Broker::start("allow_anonymous true");
    broker.reconfigure("allow_anonymous true\nlog_dest file {folder}/no/log");
    assert!(!broker.try_reload());
    let line = format!(
        "Error: {0}/broker.conf:5: log_dest: cannot open log file {0}/no/log: No such file or directory",
        broker.folder().display()
    );
    broker.wait_for(&line);
}

#[test]
fn listeners_that_cannot_both_be_open_are_found_before_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        "listener {port}\nlistener {port} 127.0.0.1",
        "listener {port} 127.0.0.1\nlistener {port}\nsocket_domain ipv4",
        "listener {port} localhost\nlistener {port} 127.0.0.1",
        "listener {port} no..host",
        "listener {port} 127.0.0.1\nsocket_domain ipv6",
    ];
    for text in cases {
        let theirs = text.replace("{port}", "@PORT@");
        assert!(Mosquitto::start(folder.path(), &theirs).is_err(), "{text}");
    }
    let lines: Vec<_> = cases.iter().map(|text| said(folder.path(), text)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    [DIR]/broker.conf:2: the listener on line 1 has this port already, at the same address or at all: give each an address of its own
    [DIR]/broker.conf:2: the listener on line 1 has this port already, at the same address or at all: give each an address of its own
    start: cannot listen on 127.0.0.1:[PORT]: Address already in use (os error 98)
    test: [DIR]/broker.conf:2: cannot listen on 127.0.0.1 port [PORT]: the listener on localhost port [PORT] has this port already, at the same address or at all
    start: cannot listen on no..host port [PORT]: failed to lookup address information: Name or service not known
    test: [DIR]/broker.conf:1: cannot listen on no..host port [PORT]: failed to lookup address information: Name or service not known
    start: cannot listen on 127.0.0.1 port [PORT]: it has no address of the family that socket_domain asks for
    test: [DIR]/broker.conf:1: cannot listen on 127.0.0.1 port [PORT]: it has no address of the family that socket_domain asks for
    ");
}

#[test]
fn listeners_on_other_families_and_addresses_are_all_open() {
    let (port, other) = (free_port(), free_port());
    let broker = Broker::start(&format!(
        "allow_anonymous true\nlistener {port}\nsocket_domain ipv4\nlistener {port} ::1\n\
         listener {other} 127.0.0.1\nlistener {other} 127.0.0.2"
    ));
    for address in ["127.0.0.1", "127.0.0.2"] {
        std::net::TcpStream::connect((address, other)).unwrap();
    }
    std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    drop(broker);
}

#[test]
fn a_comment_behind_an_address_is_passed_over_as_mosquitto_does() {
    let folder = tempfile::tempdir().unwrap();
    for text in [
        "listener @PORT@ # my port\n",
        "listener @PORT@ 127.0.0.1 # my port\n",
    ] {
        let theirs =
            Mosquitto::start(folder.path(), text).map_err(|said| format!("{text}: {said}"));
        let port = theirs.unwrap().port;
        let text = text.replace("@PORT@", &port.to_string());
        let config = broker::config::Config::parse("f", &text).unwrap();
        let value = text.split(" #").next().unwrap();
        assert_eq!(
            config.warnings[0].to_string(),
            format!("f:1: the text after {value} is ignored; a comment needs a line of its own")
        );
        assert_eq!(config.listeners.len(), 1);
    }
    let text = "listener 0 /run/broker.sock # mine\n";
    let config = broker::config::Config::parse("f", text).unwrap();
    let path = broker::config::Endpoint::Unix("/run/broker.sock".into());
    assert_eq!(config.listeners[0].endpoint, path);
}
