//! Start, end, and what is said on the way.

use std::net::TcpListener;

use crate::harness::{Broker, Raw, config_file, connect, run_to_end};
use crate::support::free_port;

#[test]
fn a_start_says_what_is_opened_and_an_end_what_is_saved() {
    let broker = Broker::start("allow_anonymous true");
    let port = broker.port();
    let (_folder, log) = broker.stop();
    let version = concat!("mqtt-broker version ", env!("CARGO_PKG_VERSION"));
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines[0], format!("{version} starting"));
    assert!(
        lines[1].starts_with("Config loaded from ") && lines[1].ends_with("/broker.conf."),
        "{log}"
    );
    assert_eq!(
        lines[2],
        format!("Opening ipv4 listen socket on port {port}.")
    );
    assert_eq!(
        lines[3..],
        [
            format!("{version} running"),
            format!("{version} terminating")
        ]
    );
}

#[test]
fn a_port_in_use_ends_with_1_and_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let path = config_file(
        folder.path(),
        "broker.conf",
        "listener {port} 127.0.0.1\nallow_anonymous true\n",
        port,
    );
    let ended = run_to_end(&["-c", path.to_str().unwrap()]);
    assert_eq!(ended.code, Some(1));
    let expected =
        format!("Error: cannot listen on 127.0.0.1:{port}: Address already in use (os error 98)");
    assert_eq!(
        ended.stderr.matches(&expected).count(),
        1,
        "{}",
        ended.stderr
    );
}

#[test]
fn a_wrong_line_ends_with_3_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = "listener {port}\nallow_anonymus true\npassword_file {folder}/nowhere\n";
    let path = config_file(folder.path(), "broker.conf", text, free_port());
    let path = path.to_str().unwrap();
    for arguments in [&["-c", path][..], &["-c", path, "--test-config"]] {
        let ended = run_to_end(arguments);
        assert_eq!(ended.code, Some(3));
        assert!(
            ended.stderr.contains(&format!("{path}:2: ")),
            "{}",
            ended.stderr
        );
        assert!(
            ended.stderr.contains("allow_anonymous"),
            "what was meant: {}",
            ended.stderr
        );
    }
}

#[test]
fn what_is_wrong_in_other_files_is_found_before_anything_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    crate::support::write(folder.path().join("passwd"), "# people\nfred\n");
    let text = "listener {port} 127.0.0.1\npassword_file {folder}/passwd\n";
    let path = config_file(folder.path(), "broker.conf", text, free_port());
    let ended = run_to_end(&["-c", path.to_str().unwrap()]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("/passwd:2: "), "{}", ended.stderr);
    assert!(!ended.stderr.contains("Opening"), "{}", ended.stderr);
}

#[test]
fn a_good_configuration_is_said_to_be_good() {
    let folder = tempfile::tempdir().unwrap();
    let text = "listener {port} 127.0.0.1\nallow_anonymous true\n";
    let path = config_file(folder.path(), "broker.conf", text, free_port());
    let ended = run_to_end(&["-c", path.to_str().unwrap(), "--test-config"]);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "Configuration is valid.\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_bad_option_ends_with_3() {
    let ended = run_to_end(&["--nonsense"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("--nonsense"), "{}", ended.stderr);
}

#[test]
fn the_service_manager_is_told_what_happens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    manager
        .set_read_timeout(Some(crate::harness::PATIENCE))
        .unwrap();
    let told = |wanted: &str| loop {
        let mut text = [0; 256];
        let count = manager.recv(&mut text).unwrap();
        let text = String::from_utf8(text[..count].to_vec()).unwrap();
        if text.starts_with(wanted) {
            break text;
        }
    };
    let environment = [
        ("NOTIFY_SOCKET", path.to_str().unwrap()),
        ("WATCHDOG_USEC", "100000"),
    ];
    let broker = Broker::start_with(folder, "allow_anonymous true", &environment);
    told("READY=1");
    told("WATCHDOG=1");
    told("WATCHDOG=1");
    broker.signal("HUP");
    assert!(told("RELOADING=1").contains("MONOTONIC_USEC="));
    told("READY=1");
    broker.signal("TERM");
    told("STOPPING=1");
}

#[test]
fn a_socket_in_a_folder_is_a_listener_too() {
    let broker = Broker::start("allow_anonymous true\nlistener 0 {folder}/socket");
    let path = broker.folder().join("socket");
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    std::io::Write::write_all(&mut stream, b"\xC0\x00").unwrap();
    broker.wait_for("New connection from a local process.");
    assert_eq!(std::io::Read::read(&mut stream, &mut [0; 1]).unwrap(), 0);
}

#[test]
fn no_more_connections_are_taken_than_allowed() {
    let broker = Broker::start("allow_anonymous true\nmax_connections 1");
    let (mut first, _) = Raw::login(&broker, connect("first", true));
    let mut second = Raw::open(&broker);
    assert_eq!(second.try_receive(), None);
    broker.wait_for("denied: max_connections exceeded.");
    first.expect_nothing();
}

#[test]
fn the_broker_runs_in_the_background_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let text = "listener {port} 127.0.0.1\nallow_anonymous true\npid_file {folder}/pid\nlog_dest file {folder}/log\n";
    let path = config_file(folder.path(), "broker.conf", text, port);
    let ended = run_to_end(&["-d", "-c", path.to_str().unwrap()]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let pid_file = folder.path().join("pid");
    let start = std::time::Instant::now();
    let pid = loop {
        match std::fs::read_to_string(&pid_file) {
            Ok(pid) if pid.ends_with('\n') => break pid.trim().to_owned(),
            _ => assert!(start.elapsed() < crate::harness::PATIENCE, "no process id"),
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert!(
        std::process::Command::new("kill")
            .arg(pid)
            .status()
            .unwrap()
            .success()
    );
    while pid_file.exists() {
        assert!(
            start.elapsed() < crate::harness::PATIENCE,
            "it does not end"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
