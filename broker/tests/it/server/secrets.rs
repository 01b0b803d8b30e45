//! Passwords and hashes in files that are taken for others: none reaches the log.

use std::path::Path;

use crate::harness::{Broker, config_file, run_to_end};
use crate::support::{run, write};

/// Mosquitto's own password file, and what nobody may read of it.
fn password_file(folder: &Path) -> Vec<String> {
    let path = folder.join("passwd");
    for (user, more) in [("fred", "-c"), ("Jane Doe", "-b")] {
        let arguments = ["-b", more, path.to_str().unwrap(), user, "flintstone"];
        let made = run("mosquitto_passwd", &arguments);
        assert!(made.status.success(), "{made:?}");
    }
    let text = std::fs::read_to_string(&path).unwrap();
    // Before it was hashed, and the hash alone.
    write(&path, format!("{text}bob:fl1nt:stone\n$7$101$fl1nt\n"));
    let hashes = text.lines().filter_map(|line| line.split_once(':'));
    let mut secrets: Vec<String> = hashes
        .flat_map(|(_, hash)| hash.split('$').filter(|part| part.len() > 3))
        .map(str::to_owned)
        .collect();
    assert_eq!(secrets.len(), 4, "two salts and two digests");
    secrets.extend(["$7$", "fl1nt", "stone"].map(str::to_owned));
    secrets
}

fn assert_none(secrets: &[String], log: &str) {
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn a_password_file_that_is_taken_for_an_acl_file_or_the_configuration_is_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = password_file(folder.path());
    let passwd = folder.path().join("passwd");
    let passwd = passwd.to_str().unwrap();
    for arguments in [&["-c", passwd][..], &["-c", passwd, "--test-config"]] {
        let ended = run_to_end(arguments);
        assert_eq!(ended.code, Some(3));
        let found = r#"passwd:1: unknown configuration variable "fred:…""#;
        assert!(ended.stderr.contains(found), "{}", ended.stderr);
        assert_none(&secrets, &ended.stderr);
    }
    let text = "listener {port} 127.0.0.1\nacl_file {folder}/passwd\nallow_anonymous true\n";
    let config = config_file(folder.path(), "wrong.conf", text, 1);
    let ended = run_to_end(&["-c", config.to_str().unwrap()]);
    assert_eq!(ended.code, Some(3));
    let found =
        r#"passwd:1: invalid line: expected `user`, `topic`, `pattern` or `#`, found "fred:…""#;
    assert!(ended.stderr.contains(found), "{}", ended.stderr);
    assert_none(&secrets, &ended.stderr);

    let broker = Broker::start_in(folder, "allow_anonymous true");
    broker.reconfigure("allow_anonymous true\nacl_file {folder}/passwd");
    assert!(!broker.try_reload());
    assert!(broker.log().contains(found), "{}", broker.log());
    assert_none(&secrets, &broker.log());
}

#[test]
fn a_password_in_clear_text_that_looks_like_a_hash_is_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let text = "a:$ecr$et\nb:$7$ecr$et$x\nc:$argon2id$ecr$et$x$y\nd:$argon2id$v=19$ecret$x$y\ne:$7$1$ecr?$et\n";
    write(folder.path().join("passwd"), text);
    let text = "listener {port} 127.0.0.1\npassword_file {folder}/passwd\n";
    let config = config_file(folder.path(), "broker.conf", text, 1);
    let ended = run_to_end(&["-c", config.to_str().unwrap()]);
    assert_eq!(ended.code, Some(3));
    assert_eq!(ended.stderr.lines().count(), 5, "{}", ended.stderr);
    assert_none(&["ecr".to_owned(), "et$".to_owned()], &ended.stderr);
}

#[test]
fn a_hash_that_would_take_hours_to_check_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let made = run(
        "mosquitto_passwd",
        &[
            "-b",
            "-c",
            folder.path().join("passwd").to_str().unwrap(),
            "fred",
            "x",
        ],
    );
    assert!(made.status.success(), "{made:?}");
    let text = std::fs::read_to_string(folder.path().join("passwd")).unwrap();
    write(
        folder.path().join("passwd"),
        text.replace("$7$101$", "$7$4294967295$"),
    );
    let text = "listener {port} 127.0.0.1\npassword_file {folder}/passwd\n";
    let config = config_file(folder.path(), "broker.conf", text, 1);
    let ended = run_to_end(&["-c", config.to_str().unwrap()]);
    assert_eq!(ended.code, Some(3));
    let said = "passwd:1: the password of user \"fred\" costs too much: a login may take 1000000 iterations";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}
