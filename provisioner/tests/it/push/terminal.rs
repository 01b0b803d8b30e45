//! Questions on a terminal, and where their answers must never be seen.

use std::process::Command;

use super::host::{Host, on_a_terminal, on_a_terminal_run, possible, push, sandbox};

#[test]
fn passwords_are_asked_for_and_in_no_argument_log_or_file() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    // Logged in with a key, root with a password; the first one is wrong.
    let push = format!(
        "push {} --broker broker --accept-new",
        host.destination("asks")
    );
    // Every process of this computer, as long as the push runs.
    let watch = format!(
        "while kill -0 $$ 2>/dev/null; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; done >{} & watcher=$!; ",
        sandbox.path("watched").display()
    );
    let mut watcher = Command::new("sh");
    watcher.args(["-c", &format!("{watch} wait")]);
    let mut watcher = watcher.spawn().unwrap();
    let ended = on_a_terminal(&sandbox, &push, &["wrong-secret\n", "asks-secret\n"]);
    watcher.kill().unwrap();
    watcher.wait().unwrap();
    assert_eq!(ended.code, 0, "{}", ended.shown());
    assert!(
        ended
            .stdout
            .contains("Password of asks for sudo on 127.0.0.1"),
        "{}",
        ended.shown()
    );
    let journal = host
        .run(
            &sandbox,
            "journalctl --no-pager; cat /var/lib/mqtt-provision/* 2>/dev/null",
        )
        .stdout;
    let watched = std::fs::read(sandbox.path("watched")).unwrap();
    let watched = String::from_utf8_lossy(&watched);
    assert!(watched.contains("provision"), "nothing was watched");
    let probe = sandbox.read("site/hosts/testhost/probe");
    let owner = sandbox.read("site/passwords/owner");
    let manifest = sandbox.read("site/hosts/testhost/last-push.json");
    for secret in ["wrong-secret", "asks-secret", probe.trim(), owner.trim()] {
        for (place, text) in [
            ("the terminal", ended.stdout.as_str()),
            ("a process", &watched),
            ("the machine's journal", &journal),
            ("last-push.json", &manifest),
        ] {
            assert!(!text.contains(secret), "{secret} was seen in {place}");
        }
    }
}

#[test]
fn wrong_passwords_and_no_answers_change_nothing() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    let to = format!(
        "push {} --broker broker --accept-new",
        host.destination("asks")
    );
    let wrong = on_a_terminal(&sandbox, &to, &["a\n", "b\n", "c\n"]);
    assert_eq!(wrong.code, 1, "{}", wrong.shown());
    assert!(
        wrong
            .stdout
            .contains("sudo refuses the password of asks; nothing was changed"),
        "{}",
        wrong.shown()
    );
    let plain = format!(
        "push {} --broker broker --accept-new",
        host.destination("plain")
    );
    let refused = on_a_terminal(&sandbox, &plain, &["plain-secret\n"]);
    assert!(
        refused
            .stdout
            .contains("plain may not use sudo; nothing was changed"),
        "{}",
        refused.shown()
    );
    // Ctrl-C at the prompt.
    let interrupted = on_a_terminal(&sandbox, &to, &["\x03"]);
    assert_eq!(interrupted.code, 130, "{}", interrupted.shown());
    let left = host.run(&sandbox, "ls /usr/local/lib /var/lib | grep -c mqtt");
    assert_eq!(left.stdout, "0\n");
}

#[test]
fn a_login_by_password_does_for_sudo_too_and_a_host_key_is_asked_about() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    let to = format!("push {} --broker broker", host.destination("asks"));
    let no = on_a_terminal(&sandbox, &to, &["n\n"]);
    assert!(
        no.stdout.contains("is not trusted; nothing was sent"),
        "{}",
        no.shown()
    );
    // Without any key: the password is asked for once.
    let (key, away) = (super::host::login_key(&sandbox), sandbox.path("away"));
    std::fs::rename(&key, &away).unwrap();
    std::fs::rename(sandbox.path("site/ssh/id_ed25519"), sandbox.path("away-2")).ok();
    let yes = on_a_terminal(&sandbox, &to, &["y\n", "asks-secret\n"]);
    assert_eq!(yes.code, 0, "{}", yes.shown());
    std::fs::rename(&away, &key).unwrap();
    assert!(
        !push(&sandbox, &host.destination("pi"), &["--dry-run"])
            .stdout
            .is_empty()
    );
}

#[test]
fn a_key_under_a_passphrase_is_unlocked_and_the_authoritys_too() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    let key = super::host::login_key(&sandbox);
    let mut keygen = Command::new("ssh-keygen");
    keygen
        .args(["-q", "-p", "-N", "key-secret", "-f"])
        .arg(&key);
    sandbox.run(&mut keygen, "").success();
    sandbox.write("ca-secret", "authority-secret\n");
    let lock = ["ca-passphrase", "--new-passphrase-file", "ca-secret"];
    sandbox.provision(&lock).success();
    let to = format!(
        "push pi@127.0.0.2:{} --broker broker --accept-new",
        host.ssh
    );
    let ended = on_a_terminal(&sandbox, &to, &["key-secret\n", "authority-secret\n"]);
    assert_eq!(ended.code, 0, "{}", ended.shown());
    assert!(
        ended
            .stdout
            .contains("Issued server certificate for testhost"),
        "{}",
        ended.shown()
    );
}

#[test]
fn ctrl_c_at_a_question_leaves_no_site_and_a_terminal_that_echoes() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    // What the shell on the same terminal sees afterwards.
    sandbox.write(
        "then.sh",
        &format!(
            "{} --color never push {} --broker broker --accept-new; echo \"code $?\"; stty -a | grep -ow -e '-\\?echo'\n",
            env!("CARGO_BIN_EXE_provision"),
            host.destination("asks")
        ),
    );
    let ended = on_a_terminal_run(&sandbox, "sh then.sh", &["\x03"]);
    assert!(ended.stdout.contains("code 130"), "{}", ended.shown());
    assert!(
        ended.stdout.trim_end().ends_with("\necho"),
        "{}",
        ended.shown()
    );
    assert!(!sandbox.path("site").exists());
}
