//! What root leaves to the user that the broker becomes, and what it does not let that user make of it.

use std::fs::{self, Permissions, set_permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, lchown, symlink};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::harness::{Broker, PATIENCE, config_file, run_to_end};
use crate::support::{free_port, program, write};

fn is_root() -> bool {
    program("id").arg("-u").output().unwrap().stdout == b"0\n"
}

fn id(option: &str, user: &str) -> u32 {
    let output = program("id").args([option, user]).output().unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

/// A folder that everybody may look into, and that belongs to `user`.
fn folder_of(user: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    chown(folder.path(), Some(id("-u", user)), Some(id("-g", user))).unwrap();
    folder
}

fn mode(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn files_that_the_user_cannot_read_again_are_warned_of_at_the_start() {
    if !is_root() {
        return;
    }
    let folder = folder_of("nobody");
    let path = |name: &str| folder.path().join(name);
    write(path("passwd"), "");
    write(path("acl"), "");
    mode(&path("passwd"), 0o600);
    let config = "user nobody\npassword_file {folder}/passwd\nacl_file {folder}/acl\n\
                  log_dest stderr\nlog_dest file /dev/null\n";
    let warning = format!(
        "cannot be read again at a reload: {}: Permission denied (os error 13): user nobody lacks the right to",
        path("passwd").display()
    );
    let text = format!("listener {{port}} 127.0.0.1\n{config}");
    let file = config_file(folder.path(), "broker.conf", &text, free_port());
    let test = run_to_end(&["-c", file.to_str().unwrap(), "--test-config"]);
    assert_eq!(test.code, Some(0), "{}", test.stderr);
    assert!(
        test.stderr.contains(&format!("Warning: {warning}\n")),
        "{}",
        test.stderr
    );

    let broker = Broker::start_in(folder, config);
    broker.wait_for(&format!("Warning: {warning}.\n"));
    for said in [test.stderr, broker.log()] {
        assert_eq!(said.matches("again at a reload").count(), 1, "{said}");
    }
    assert!(!broker.try_reload());
    mode(&broker.folder().join("passwd"), 0o644);
    broker.reload();
}

#[test]
fn root_writes_neither_log_nor_process_id_through_a_link_of_the_user() {
    if !is_root() {
        return;
    }
    let folder = folder_of("nobody");
    let path = |name: &str| folder.path().join(name);
    write(path("secret"), "root's own\n");
    symlink(path("secret"), path("link")).unwrap();
    symlink(path("real"), path("way")).unwrap();
    fs::create_dir(path("real")).unwrap();
    for link in ["link", "way"] {
        lchown(path(link), Some(id("-u", "nobody")), None).unwrap();
    }
    for (line, code) in [
        ("log_dest file {folder}/link", 3),
        ("log_dest file {folder}/way/log", 3),
        ("pid_file {folder}/link", 1),
        ("pid_file {folder}/way/pid", 1),
    ] {
        let text =
            format!("listener {{port}} 127.0.0.1\nallow_anonymous true\nuser nobody\n{line}\n");
        let file = config_file(folder.path(), "broker.conf", &text, free_port());
        let ended = run_to_end(&["-c", file.to_str().unwrap()]);
        assert_eq!(ended.code, Some(code), "{line}: {}", ended.stderr);
        let reason = "is a link that belongs to user ";
        assert!(ended.stderr.contains(reason), "{line}: {}", ended.stderr);
    }
    assert_eq!(fs::read_to_string(path("secret")).unwrap(), "root's own\n");
    assert_eq!(fs::read_dir(path("real")).unwrap().count(), 0);
    // A link of root's own is as good as its target, as /dev/stdout is.
    for link in ["link", "way"] {
        lchown(path(link), Some(0), None).unwrap();
    }
    let config = "allow_anonymous true\nuser nobody\nlog_dest stderr\nlog_dest file {folder}/link\npid_file {folder}/way/pid";
    let broker = Broker::start_in(folder, config);
    let pid = fs::read_to_string(broker.folder().join("real/pid")).unwrap();
    assert_eq!(pid, format!("{}\n", broker.pid()));
    let log = fs::read_to_string(broker.folder().join("secret")).unwrap();
    assert!(
        log.starts_with("root's own\n") && log.contains(" starting\n"),
        "{log}"
    );
}

/// Whose a socket is, and who may connect to it.
fn owner(path: &Path) -> (u32, u32, u32) {
    let start = Instant::now();
    while UnixStream::connect(path).is_err() {
        assert!(
            start.elapsed() < PATIENCE,
            "nobody listens at {}",
            path.display()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let metadata = path.metadata().unwrap();
    (metadata.uid(), metadata.gid(), metadata.mode() & 0o777)
}

#[test]
fn a_socket_in_a_folder_is_the_users_and_its_groups_as_mosquittos_is_and_goes_with_the_broker() {
    if !is_root() {
        return;
    }
    let folder = folder_of("mosquitto");
    let path = folder.path().join("theirs");
    let config = folder.path().join("theirs.conf");
    let text = format!("user mosquitto\nlistener 0 {}\n", path.display());
    write(&config, text);
    let mut child = program("mosquitto")
        .arg("-c")
        .arg(config)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let theirs = owner(&path);
    child.kill().unwrap();
    child.wait().unwrap();

    let socket = "allow_anonymous true\nuser mosquitto\nlistener 0 {folder}/ours";
    let broker = Broker::start_in(folder, socket);
    let path = broker.folder().join("ours");
    assert_eq!(owner(&path), theirs);
    assert_eq!(
        theirs,
        (id("-u", "mosquitto"), id("-g", "mosquitto"), 0o770)
    );
    // It goes when its listener does, comes again, and goes when the broker ends.
    broker.reconfigure("allow_anonymous true\nuser mosquitto");
    broker.reload();
    assert!(!path.exists());
    broker.reconfigure(socket);
    broker.reload();
    assert_eq!(owner(&path), theirs);
    let (folder, _) = broker.stop();
    assert!(!folder.path().join("ours").exists());
}

#[test]
fn a_socket_is_removed_by_nobody_else_than_who_has_made_it() {
    let broker = Broker::start("allow_anonymous true\nlistener 0 {folder}/socket");
    let path = broker.folder().join("socket");
    assert_eq!(owner(&path).2, 0o770);
    fs::remove_file(&path).unwrap();
    write(&path, "another's\n");
    let (folder, _) = broker.stop();
    assert!(folder.path().join("socket").exists());
}

#[test]
fn what_takes_effect_at_the_next_start_is_said_at_each_reload() {
    let broker = Broker::start("allow_anonymous true\nuser root");
    broker.reconfigure("allow_anonymous true\nuser nobody\npid_file {folder}/pid");
    broker.reload();
    broker.reload();
    for option in ["user", "pid_file"] {
        let line = format!("Warning: {option} takes effect at the next start.\n");
        assert_eq!(broker.log().matches(&line).count(), 2, "{}", broker.log());
    }
    broker.reconfigure("allow_anonymous true\nuser root");
    broker.reload();
    assert_eq!(broker.log().matches("at the next start").count(), 4);
}

#[test]
fn a_system_without_a_logger_is_warned_of() {
    if Path::new("/dev/log").exists() {
        return;
    }
    let text = "listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest syslog\npid_file {folder}/no/pid\n";
    let folder = tempfile::tempdir().unwrap();
    let file = config_file(folder.path(), "broker.conf", text, free_port());
    let warning = "Warning: log_dest syslog: no logger listens at /dev/log, and lines for it are lost until one does: ";
    for arguments in [
        &["-c", file.to_str().unwrap()][..],
        &["-c", file.to_str().unwrap(), "--test-config"],
    ] {
        let ended = run_to_end(arguments);
        assert!(ended.stderr.contains(warning), "{}", ended.stderr);
    }
    let broker = Broker::start("allow_anonymous true\nlog_dest syslog\nlog_dest stderr");
    broker.wait_for(warning);
}
