//! Password files to and from Mosquitto.

use std::fs;
use std::num::NonZeroU32;

use broker::passwd::{Password, PasswordFile, PasswordHash};

use crate::support::{Mosquitto, run, write};

fn hash(password: &str, iterations: u32) -> PasswordHash {
    let password = Password::new(password.to_owned()).unwrap();
    PasswordHash::new(&password, NonZeroU32::new(iterations).unwrap()).unwrap()
}

#[test]
fn what_mosquitto_passwd_writes_lets_its_users_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passwd");
    let path = path.to_str().unwrap();
    for arguments in [
        ["-b", "-c", path, "fred", "secret"],
        ["-b", "-H", "sha512", path, "jane"],
    ] {
        let mut arguments = arguments.to_vec();
        if arguments.contains(&"-H") {
            arguments.push("correct horse");
        }
        let output = run("mosquitto_passwd", &arguments);
        assert!(output.status.success(), "{output:?}");
    }
    let text = fs::read_to_string(path).unwrap();
    let file = PasswordFile::parse(&text).unwrap();
    assert!(
        text.contains("fred:$7$") && text.contains("jane:$6$"),
        "{text}"
    );
    assert!(file.authenticate("fred", b"secret"));
    assert!(file.authenticate("jane", b"correct horse"));
    assert!(!file.authenticate("fred", b"correct horse"));
    assert!(!file.authenticate("nobody", b"secret"));
    assert_eq!(file.to_string(), text);
}

#[test]
fn mosquitto_passwd_replaces_a_user_in_a_file_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passwd");
    // No comment: version 2.0 of the program ends the file at one.
    let mut ours = PasswordFile::default();
    ours.set("fred", hash("old", 7)).unwrap();
    ours.set("jane", hash("hers", 7)).unwrap();
    write(&path, ours.to_string());
    let output = run(
        "mosquitto_passwd",
        &["-b", path.to_str().unwrap(), "fred", "new"],
    );
    assert!(output.status.success(), "{output:?}");
    let file = PasswordFile::parse(&fs::read_to_string(&path).unwrap()).unwrap();
    assert!(file.authenticate("fred", b"new") && !file.authenticate("fred", b"old"));
    assert!(file.authenticate("jane", b"hers"));
}

#[test]
fn a_real_mosquitto_lets_the_users_of_our_file_in_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passwd");
    let mut ours = PasswordFile::parse("# people\n\n").unwrap();
    ours.set("fred", hash("secret", 12_000)).unwrap();
    ours.set("Jane Doe", hash("pässword: #1", 1)).unwrap();
    write(&path, ours.to_string());
    let config = format!(
        "listener @PORT@ 127.0.0.1\npassword_file {}\n",
        path.display()
    );
    let mosquitto = Mosquitto::start(folder.path(), &config).unwrap();
    let port = mosquitto.port.to_string();
    for (user, password, welcome) in [
        ("fred", "secret", true),
        ("Jane Doe", "pässword: #1", true),
        ("fred", "Secret", false),
        ("nobody", "secret", false),
    ] {
        let arguments = [
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-u",
            user,
            "-P",
            password,
            "-t",
            "a",
            "-m",
            "b",
        ];
        let output = run("mosquitto_pub", &arguments);
        assert_eq!(
            output.status.success(),
            welcome,
            "{user} {password}: {output:?}"
        );
        assert_eq!(ours.authenticate(user, password.as_bytes()), welcome);
    }
}
