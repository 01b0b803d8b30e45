//! `mqtt-broker passwd` beside `mosquitto_passwd`, on the same files.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use broker::passwd::PasswordFile;

use super::ended;
use crate::support::{Mosquitto, run, write};

/// Runs it in `folder`, and expects it to do what it is told.
fn passwd(folder: &Path, arguments: &[&str], input: &str) -> String {
    let said = ended(folder, &[&["passwd"], arguments].concat(), input);
    assert!(said.starts_with("exit: 0\n"), "{arguments:?}: {said}");
    said
}

/// Mosquitto's own, likewise.
fn mosquitto_passwd(folder: &Path, arguments: &[&str]) {
    let path = folder.join("f");
    let words = arguments.iter().map(|word| match *word {
        "f" => path.to_str().unwrap(),
        other => other,
    });
    let words: Vec<_> = words.collect();
    let output = run("mosquitto_passwd", &words);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

fn file(folder: &Path) -> PasswordFile {
    PasswordFile::parse(&fs::read_to_string(folder.join("f")).unwrap()).unwrap()
}

/// Writes the file as one that nobody else may read.
fn private(folder: &Path, text: &str) {
    write(folder.join("f"), text);
    fs::set_permissions(folder.join("f"), fs::Permissions::from_mode(0o600)).unwrap();
}

/// The line of a user.
fn line(folder: &Path, user: &str) -> String {
    let text = fs::read_to_string(folder.join("f")).unwrap();
    let mut lines = text
        .lines()
        .filter(|line| line.starts_with(&format!("{user}:")));
    let line = lines.next().unwrap().to_owned();
    assert_eq!(lines.next(), None, "{user} is there once");
    line
}

/// A hash as Mosquitto 2.1 writes it, with a salt of 64 bytes, made by Python.
fn long_salt(password: &str) -> String {
    let script = "import hashlib,base64,os,sys\n\
        s=os.urandom(64); b=lambda x: base64.b64encode(x).decode()\n\
        print('$7$1000$'+b(s)+'$'+b(hashlib.pbkdf2_hmac('sha512',sys.argv[1].encode(),s,1000)),end='')";
    let output = run("python3", &["-c", script, password]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn both_programs_keep_what_the_other_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    passwd(folder, &["-c", "f", "fred"], "one\n");
    mosquitto_passwd(folder, &["-b", "f", "jane", "two"]);
    passwd(folder, &["-b", "-H", "sha512", "f", "ada", "three"], "");
    passwd(folder, &["-b", "-I", "7", "f", "bob", "four"], "");
    passwd(folder, &["-b", "-H", "argon2id", "f", "eve", "five"], "");
    mosquitto_passwd(folder, &["-b", "-H", "sha512", "f", "old", "six"]);
    let foreign = format!("new:{}", long_salt("seven"));
    write(
        folder.join("f"),
        fs::read_to_string(folder.join("f")).unwrap() + &foreign + "\n",
    );
    for (user, start) in [
        ("fred", "$7$12000$"),
        ("jane", "$7$101$"),
        ("ada", "$6$"),
        ("bob", "$7$7$"),
        ("eve", "$argon2id$v=19$"),
        ("old", "$6$"),
        ("new", "$7$1000$"),
    ] {
        assert!(line(folder, user).starts_with(&format!("{user}:{start}")));
    }
    let kept = ["jane", "eve", "new", "old"].map(|user| line(folder, user));

    // Each changes and removes what the other wrote, and leaves the rest as it is.
    mosquitto_passwd(folder, &["-b", "f", "fred", "ONE"]);
    passwd(folder, &["f", "ada"], "THREE\n");
    mosquitto_passwd(folder, &["-D", "f", "bob"]);
    assert_eq!(
        kept,
        ["jane", "eve", "new", "old"].map(|user| line(folder, user))
    );
    passwd(folder, &["-D", "f", "old"], "");
    assert_eq!(
        file(folder).names().collect::<Vec<_>>(),
        ["fred", "jane", "ada", "eve", "new"]
    );
    for (user, password) in [
        ("fred", "ONE"),
        ("jane", "two"),
        ("ada", "THREE"),
        ("eve", "five"),
        ("new", "seven"),
    ] {
        assert!(
            file(folder).authenticate(user, password.as_bytes()),
            "{user}"
        );
        assert!(!file(folder).authenticate(user, b"one"), "{user}");
    }
}

#[test]
fn a_real_mosquitto_lets_in_whom_the_command_wrote() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path().join("f"), "clear:pass: word \n");
    passwd(folder.path(), &["-U", "f"], "");
    passwd(folder.path(), &["-b", "f", "-dash", "--"], "");
    passwd(
        folder.path(),
        &["-b", "-H", "sha512", "f", "ada", "three"],
        "",
    );
    passwd(folder.path(), &["f", "Jane Doe"], "p\u{e4}ss\r\n");
    let path = folder.path().join("f");
    let config = format!(
        "listener @PORT@ 127.0.0.1\npassword_file {}\n",
        path.display()
    );
    let mosquitto = Mosquitto::start(folder.path(), &config).unwrap();
    let port = mosquitto.port.to_string();
    for (user, password, welcome) in [
        ("clear", "pass: word", true),
        ("-dash", "--", true),
        ("ada", "three", true),
        ("Jane Doe", "p\u{e4}ss", true),
        ("ada", "two", false),
    ] {
        let login = [
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
        let output = run("mosquitto_pub", &login);
        assert_eq!(output.status.success(), welcome, "{user}: {output:?}");
    }
}

#[test]
fn clear_text_is_hashed_as_mosquitto_passwd_does_but_no_hash_again() {
    let [ours, theirs] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for folder in [&ours, &theirs] {
        private(folder.path(), "fred:one\njane:two\n");
    }
    mosquitto_passwd(theirs.path(), &["-U", "f"]);
    insta::assert_snapshot!(passwd(ours.path(), &["-U", "f"], ""), @r#"
    exit: 0
    --- stdout
    --- stderr
    Hashed the passwords of fred, jane
    "#);
    for folder in [&ours, &theirs] {
        let file = file(folder.path());
        assert_eq!(file.names().collect::<Vec<_>>(), ["fred", "jane"]);
        assert!(file.authenticate("fred", b"one") && file.authenticate("jane", b"two"));
    }
    // What Mosquitto's would hash a second time, so that nobody got in any more.
    let before = fs::read_to_string(theirs.path().join("f")).unwrap();
    insta::assert_snapshot!(passwd(theirs.path(), &["-U", "f"], ""), @r#"
    exit: 0
    --- stdout
    --- stderr
    Nothing to hash: no password stands in clear text.
    "#);
    assert_eq!(fs::read_to_string(theirs.path().join("f")).unwrap(), before);
}

#[test]
fn a_password_that_looks_like_a_hash_is_hashed_or_said_to_be_left_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "bob:$ecr$et\njane:$7$s3cret$x\n");
    insta::assert_snapshot!(passwd(folder.path(), &["-U", "f"], ""), @r#"
    exit: 0
    --- stdout
    --- stderr
    Warning: f:2: the password of user "jane" has 2 parts after its type, expected 3.
    Hashed the passwords of bob
    Warning: the lines with a warning were left as they are, in clear text if they were; `mqtt-broker passwd f NAME` sets a password.
    "#);
    let text = fs::read_to_string(folder.path().join("f")).unwrap();
    assert!(PasswordFile::read(&text).0.authenticate("bob", b"$ecr$et"));
    insta::assert_snapshot!(passwd(folder.path(), &["-U", "f"], ""), @r#"
    exit: 0
    --- stdout
    --- stderr
    Warning: f:2: the password of user "jane" has 2 parts after its type, expected 3.
    Nothing was hashed.
    Warning: the lines with a warning were left as they are, in clear text if they were; `mqtt-broker passwd f NAME` sets a password.
    "#);
}

#[test]
fn comments_and_lines_that_are_wrong_are_kept_and_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let text = "# the family\n\nfred:$1$x$yyyyyyyyyyyyyyyyyyyyyy\noops\n# guests\n";
    private(folder.path(), text);
    insta::assert_snapshot!(passwd(folder.path(), &["-b", "f", "jane", "x"], ""), @r#"
    exit: 0
    --- stdout
    --- stderr
    Warning: the password was on the command line, where every user of this machine can see it while this program runs, and the shell may keep it in its history.
    Warning: f:3: the password of user "fred" is hashed with MD5, which is not understood: expected $7$ (PBKDF2), $6$ (SHA-512) or $argon2id$; set the password again.
    Warning: f:4: expected NAME:HASH, found no ':'.
    Adding password for user jane
    "#);
    let after = fs::read_to_string(folder.path().join("f")).unwrap();
    assert!(
        after.starts_with(text) && after.lines().count() == 6,
        "{after}"
    );
    passwd(folder.path(), &["-b", "f", "fred", "x"], "");
    assert!(line(folder.path(), "fred").starts_with("fred:$7$"));
    let words = ["passwd", "-D", "f", "fred"];
    ended(folder.path(), &words, "");
    let after = fs::read_to_string(folder.path().join("f")).unwrap();
    assert!(
        after.starts_with("# the family\n\noops\n# guests\njane:$7$"),
        "{after}"
    );
}

#[test]
fn the_new_file_has_the_old_owner_and_is_read_by_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let mode = || fs::metadata(&path).unwrap().mode() & 0o7777;
    passwd(folder.path(), &["-b", "-c", "f", "fred", "x"], "");
    assert_eq!(mode(), 0o600);
    for (before, after, warned) in [
        (0o400, 0o400, false),
        (0o640, 0o640, false),
        (0o644, 0o640, true),
        (0o666, 0o640, true),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(before)).unwrap();
        let said = passwd(folder.path(), &["-b", "f", "fred", "x"], "");
        assert_eq!(
            (mode(), said.contains("open to others")),
            (after, warned),
            "{before:o}: {said}"
        );
    }
    // Only root gives files away; only then is there an owner to be lost.
    if rustix_is_root() {
        std::os::unix::fs::chown(&path, Some(12_345), Some(54_321)).unwrap();
        passwd(folder.path(), &["-b", "f", "jane", "x"], "");
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (12_345, 54_321));
    }
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing is left over: {names:?}");
}

fn rustix_is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn a_link_stays_a_link() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("real")).unwrap();
    passwd(folder.path(), &["-b", "-c", "real/f", "fred", "x"], "");
    symlink("real/f", folder.path().join("f")).unwrap();
    passwd(folder.path(), &["-b", "f", "jane", "y"], "");
    assert!(
        fs::symlink_metadata(folder.path().join("f"))
            .unwrap()
            .is_symlink()
    );
    assert!(file(folder.path()).authenticate("jane", b"y"));
}

#[test]
fn twenty_at_the_same_time_lose_nobody() {
    let folder = tempfile::tempdir().unwrap();
    passwd(folder.path(), &["-b", "-c", "f", "first", "x"], "");
    let children: Vec<_> = (0..20)
        .map(|number| {
            Command::new(env!("CARGO_BIN_EXE_mqtt-broker"))
                .args(["passwd", "-b", "-I", "1", "f", &format!("u{number}"), "x"])
                .current_dir(folder.path())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(file(folder.path()).names().count(), 21);
}

#[test]
fn what_can_not_be_done_is_said_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder.join("f"), "fred:$6$bad\n");
    write(folder.join("latin"), b"# \xe9\nfred:x\n");
    fs::create_dir(folder.join("d")).unwrap();
    let mut said = String::new();
    for (arguments, input) in [
        (&["none", "fred"][..], "x\n"),
        (&["-D", "none", "fred"], ""),
        (&["-D", "f", "jane"], ""),
        (&["-U", "none"], ""),
        (&["f", "fred"], "\n"),
        (&["f", "fred"], ""),
        (&["f", "a:b"], "x\n"),
        (&["f", ""], "x\n"),
        (&["-b", "f", "fred", ""], ""),
        (&["-b", "-c", "no/such/f", "fred", "x"], ""),
        (&["d", "fred"], "x\n"),
        (&["latin", "fred"], "x\n"),
        (&["f"], ""),
    ] {
        let end = ended(folder, &[&["passwd"], arguments].concat(), input);
        let end = end
            .strip_prefix("exit: 1\n--- stdout\n--- stderr\n")
            .unwrap_or(&end);
        writeln!(said, "passwd {}\n{}", arguments.join(" "), end.trim_end()).unwrap();
    }
    insta::assert_snapshot!(said, @r#"
    passwd none fred
    Error: there is no file none; -c makes one.
    passwd -D none fred
    Error: there is no file none; -c makes one.
    passwd -D f jane
    Error: there is no user "jane" in f.
    passwd -U none
    Error: there is no file none; -c makes one.
    passwd f fred
    Error: a password has at least one character.
    passwd f fred
    Error: a password has at least one character.
    passwd f a:b
    Error: user name "a:b" contains ':': neither ':' nor control characters are possible.
    passwd f 
    Error: a user name has at least one character.
    passwd -b f fred 
    Warning: the password was on the command line, where every user of this machine can see it while this program runs, and the shell may keep it in its history.
    Error: a password has at least one character.
    passwd -b -c no/such/f fred x
    Error: cannot find no/such: No such file or directory (os error 2).
    passwd d fred
    Error: [FOLDER]/d is no file that could be replaced.
    passwd latin fred
    Error: [FOLDER]/latin is not UTF-8 in line 1.
    passwd f
    Error: expected FILE USER after the options, which come first; 1 given.
    `mqtt-broker passwd --help` says how to call it.
    "#);
    assert_eq!(
        fs::read_to_string(folder.join("f")).unwrap(),
        "fred:$6$bad\n"
    );
}

#[test]
fn c_replaces_a_file_and_says_who_is_lost_and_prints_to_a_hyphen() {
    let folder = tempfile::tempdir().unwrap();
    passwd(folder.path(), &["-b", "-c", "f", "fred", "x"], "");
    passwd(folder.path(), &["-b", "f", "jane", "x"], "");
    insta::assert_snapshot!(passwd(folder.path(), &["-c", "f", "ada"], "x\n"), @r#"
    exit: 0
    --- stdout
    --- stderr
    Warning: f was there, with 2 users; -c replaces it.
    Adding password for user ada
    "#);
    assert_eq!(file(folder.path()).names().collect::<Vec<_>>(), ["ada"]);
    let said = passwd(folder.path(), &["-c", "-", "ada"], "x\n");
    let (_, printed) = said.split_once("stdout\n").unwrap();
    let printed = PasswordFile::parse(printed.split("---").next().unwrap()).unwrap();
    assert!(printed.authenticate("ada", b"x"));
    assert!(!folder.path().join("-").exists());
}

#[test]
fn it_answers_to_the_name_of_mosquittos_tool() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("mosquitto_passwd");
    symlink(env!("CARGO_BIN_EXE_mqtt-broker"), &link).unwrap();
    let output = Command::new(&link)
        .args(["-b", "-c", "f", "fred", "x"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(file(folder.path()).authenticate("fred", b"x"));
}
