//! From root to somebody else.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{Broker, PATIENCE, Raw, config_file, connect, run_to_end};
use crate::support::{free_port, program};

/// Whether the tests run as root, which is the only one who can become somebody else.
fn is_root() -> bool {
    let output = program("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// What the kernel says of a process and all of its threads, for one word.
fn of_all_threads(pid: u32, word: &str) -> Vec<String> {
    let threads = Path::new("/proc").join(pid.to_string()).join("task");
    // One that ends meanwhile has nothing left to say.
    let status = |thread: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("status")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(word))?;
        Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    std::fs::read_dir(threads)
        .unwrap()
        .filter_map(status)
        .collect()
}

fn id(option: &str, user: &str) -> String {
    let output = program("id").args([option, user]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn all_threads_give_up_the_rights_of_root_for_good() {
    if !is_root() {
        return;
    }
    let broker = Broker::start(
        "allow_anonymous true\nuser nobody\nlog_dest stderr\nlog_dest file {folder}/log",
    );
    broker.wait_for("Running as user nobody now.");
    let (user, group) = (id("-u", "nobody"), id("-g", "nobody"));
    let users = of_all_threads(broker.pid(), "Uid:");
    assert!(users.len() > 1);
    for ids in users {
        assert_eq!(ids, [user.as_str(); 4].join(" "));
    }
    for ids in of_all_threads(broker.pid(), "Gid:") {
        assert_eq!(ids, [group.as_str(); 4].join(" "));
    }
    for groups in of_all_threads(broker.pid(), "Groups:") {
        assert_eq!(groups, id("-G", "nobody"));
    }
    for capabilities in of_all_threads(broker.pid(), "CapEff:") {
        assert_eq!(capabilities, "0000000000000000");
    }
    // What root has opened still works.
    Raw::login(&broker, connect("x", true));
    let log = std::fs::metadata(broker.folder().join("log")).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&log).to_string(), user);
}

#[test]
fn without_a_line_the_user_that_mosquitto_left_will_do() {
    if !is_root() {
        return;
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_mqtt-broker"))
        .args(["-p", &free_port().to_string()])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let users = ["mqtt-broker", "mosquitto"].map(|user| id("-u", user));
    let user = users.iter().find(|id| !id.is_empty()).unwrap();
    let expected = [user.as_str(); 4].join(" ");
    let start = Instant::now();
    loop {
        let users = of_all_threads(child.id(), "Uid:");
        if !users.is_empty() && users.iter().all(|ids| *ids == expected) {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{users:?} is not {expected}");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_user_that_does_not_exist_ends_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let text = "listener {port} 127.0.0.1\nallow_anonymous true\nuser nobody-of-this-name\n";
    let path = config_file(folder.path(), "broker.conf", text, free_port());
    let test = run_to_end(&["-c", path.to_str().unwrap(), "--test-config"]);
    if !is_root() {
        // Then it has no effect, as with Mosquitto.
        assert_eq!(test.code, Some(0));
        return;
    }
    let start = run_to_end(&["-c", path.to_str().unwrap()]);
    for ended in [test, start] {
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        let expected = "Error: cannot become user nobody-of-this-name: there is no such user";
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
}

#[test]
fn state_that_the_user_cannot_keep_is_warned_of() {
    if !is_root() {
        return;
    }
    let broker = Broker::start(
        "allow_anonymous true\nuser nobody\npersistence true\npersistence_location {folder}/",
    );
    broker.wait_for("Warning: the state can't be kept: this user may not write to ");
}

#[test]
fn a_limit_of_the_whole_broker_holds_for_all_listeners_together() {
    let port = free_port();
    let broker = Broker::start(&format!(
        "allow_anonymous true\nglobal_max_connections 1\nlistener {port} 127.0.0.1"
    ));
    let (mut first, _) = Raw::login(&broker, connect("first", true));
    let mut second = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    second.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(std::io::Read::read(&mut second, &mut [0; 1]).unwrap(), 0);
    broker.wait_for("denied: global_max_connections exceeded.");
    first.expect_nothing();
}

#[test]
fn a_limit_of_memory_keeps_new_connections_out() {
    let broker = Broker::start("allow_anonymous true\nmemory_limit 1");
    assert_eq!(Raw::open(&broker).try_receive(), None);
    broker.wait_for("denied: memory_limit exceeded.");
}
