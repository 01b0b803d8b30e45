//! What a push must not do: each with a clear message, and nothing changed, here or there.

use std::process::{Command, Stdio};

use super::host::{Host, Quirks, keygen, login_key, possible, push, sandbox};
use crate::support::{Ended, Sandbox, free_port};

/// The ports of a message differ from run to run.
fn told(ended: &Ended, host: &Host) -> String {
    let text = ended.shown();
    let text = text
        .replace(&host.ssh.to_string(), "[SSH]")
        .replace(&host.mqtt.to_string(), "[MQTT]");
    // Fingerprints too.
    let mut words: Vec<_> = text.split(' ').map(str::to_owned).collect();
    for word in &mut words {
        if let Some(at) = word.find("SHA256:") {
            word.replace_range(at..(at + 50).min(word.len()), "[FINGERPRINT]");
        }
    }
    words.join(" ")
}

/// Nothing of ours is on the machine.
fn untouched(sandbox: &Sandbox, host: &Host) {
    let found = host.run(
        sandbox,
        "find /usr/local /etc /usr/lib /var/lib -xdev \\( -name '*mqtt-broker*' -o -name '.incoming*' -o \
         -name '*provision-new' \\); systemctl is-active mqtt-broker",
    );
    assert_eq!(found.stdout, "inactive\n", "{}", found.shown());
}

#[test]
fn a_machine_that_does_not_answer_and_a_name_that_nobody_has() {
    let sandbox = sandbox();
    let port = free_port();
    let ended = push(&sandbox, &format!("pi@127.0.0.1:{port}"), &[]);
    assert_eq!(ended.code, 1);
    let said = ended.stderr.replace(&port.to_string(), "[PORT]");
    insta::assert_snapshot!(said, @r"
    error: 127.0.0.1 does not answer on port [PORT]: Connection refused (os error 111)
      hint: is the machine on, in this network, and does it run an SSH server?
    ");
    let ended = push(&sandbox, "pi@no-such-machine.invalid", &[]);
    assert_eq!(ended.code, 1);
    assert!(
        ended
            .stderr
            .contains("no-such-machine.invalid has no address"),
        "{}",
        ended.shown()
    );
    let ended = push(&sandbox, "broker.local", &[]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("there is no user"),
        "{}",
        ended.shown()
    );
    assert!(!sandbox.path("site").exists());
}

#[test]
fn a_host_key_that_is_new_or_another_than_before() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    let to = host.destination("pi");
    let unknown = push(&sandbox, &to, &[]);
    insta::assert_snapshot!(told(&unknown, &host), @r"
    exit: 1
    --- stdout
    --- stderr
    error: the host key of 127.0.0.1, [FINGERPRINT], was never seen before
      hint: compare it with what `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints there, then use --accept-new
    ");
    assert!(!sandbox.path("site").exists());

    host.site(&sandbox);
    // Somebody else's key under the machine's name, in the user's own file.
    let other = sandbox.path("other");
    keygen(&other);
    let key = sandbox.read("other.pub");
    sandbox.write(
        "home/.ssh/known_hosts",
        &format!("[127.0.0.1]:{} {key}", host.ssh),
    );
    for more in [&[][..], &["--accept-new"]] {
        let changed = push(&sandbox, &to, more);
        assert_eq!(changed.code, 1);
        assert!(
            changed
                .stderr
                .contains("shows another host key than before"),
            "{}",
            changed.shown()
        );
        assert!(
            changed.stderr.contains("ssh-keygen -R '[127.0.0.1]:"),
            "{}",
            changed.shown()
        );
    }
    // Hashed, as Debian writes names.
    let mut hash = Command::new("ssh-keygen");
    hash.args(["-H", "-f", "home/.ssh/known_hosts"]);
    sandbox.run(&mut hash, "").success();
    assert_eq!(push(&sandbox, &to, &["--accept-new"]).code, 1);
    untouched(&sandbox, &host);

    // OpenSSH's own client knows the machine by all of its keys; one of them is enough.
    let known = sandbox.path("home/.ssh/known_hosts");
    let mut scan = Command::new("ssh-keyscan");
    scan.args(["-H", "-p", &host.ssh.to_string(), "127.0.0.1"]);
    let scanned = sandbox.run(&mut scan, "").success().stdout;
    super::host::write(&known, &scanned);
    let trusted = push(&sandbox, &to, &["--dry-run"]);
    assert_eq!(trusted.code, 0, "{}", trusted.shown());
}

#[test]
fn a_key_that_nobody_knows_there() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    let stranger = sandbox.path("stranger");
    keygen(&stranger);
    let to = host.destination("pi");
    let before = sandbox.listing();
    let ended = push(&sandbox, &to, &["--accept-new", "--identity", "stranger"]);
    insta::assert_snapshot!(told(&ended, &host), @r"
    exit: 1
    --- stdout
    --- stderr
    error: pi@127.0.0.1:[SSH] lets nobody in: tried stranger; it takes publickey,password
      hint: name a key with --identity FILE, or make yours known there: ssh-copy-id pi@127.0.0.1
    ");
    let missing = push(&sandbox, &to, &["--accept-new", "--identity", "nowhere"]);
    assert_eq!(
        (
            missing.code,
            missing.stderr.contains("there is no key nowhere")
        ),
        (2, true)
    );
    assert_eq!(sandbox.listing(), before);
    untouched(&sandbox, &host);
}

#[test]
fn a_user_who_is_not_root_and_cannot_become_it() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    // Where sudo asks and nobody is there to answer.
    let asks = push(&sandbox, &host.destination("asks"), &["--accept-new"]);
    insta::assert_snapshot!(told(&asks, &host), @r"
    exit: 2
    --- stdout
    --- stderr
    error: there is no terminal to ask at: Password of asks for sudo on 127.0.0.1
      hint: let asks use sudo without a password, or run this on a terminal
    ");
    untouched(&sandbox, &host);
    drop(host);
    let quirks = ["--bind-ro=/dev/null:/usr/bin/sudo".to_owned()];
    let host = Host::boot_with(
        &sandbox,
        &Quirks {
            nspawn: &quirks,
            ..Quirks::default()
        },
    );
    let without = push(&sandbox, &host.destination("plain"), &["--accept-new"]);
    insta::assert_snapshot!(told(&without, &host), @r"
    exit: 1
    --- stdout
    --- stderr
    error: plain is not root, and there is no sudo
      hint: log in as root, or install sudo there
    ");
}

#[test]
fn a_port_that_another_program_holds_and_files_that_are_somebody_elses() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    let to = host.destination("pi");
    let holder = format!("sshd-holder -p {}", host.mqtt);
    let start = format!("mkdir -p /run/sshd; cp /usr/sbin/sshd /run/sshd-holder; /run/{holder}");
    host.run(&sandbox, &start).success();
    let held = push(&sandbox, &to, &["--accept-new"]);
    let said = told(&held, &host);
    let process = said
        .split("(process ")
        .nth(1)
        .unwrap()
        .split(')')
        .next()
        .unwrap()
        .to_owned();
    insta::assert_snapshot!(said.replace(&process, "[PID]"), @r"
    exit: 1
    --- stdout
    --- stderr
    error: port [MQTT] is held by sshd-holder (process [PID]); nothing was changed
      hint: stop it there (sudo systemctl disable --now sshd-holder), or give the host another port in site.yaml
    ");
    untouched(&sandbox, &host);
    host.run(&sandbox, "kill $(pgrep sshd-holder); rm /run/sshd-holder")
        .success();
    host.run(
        &sandbox,
        "mkdir /etc/mqtt-broker; echo mine >/etc/mqtt-broker/passwd",
    )
    .success();
    let foreign = push(&sandbox, &to, &["--accept-new"]);
    insta::assert_snapshot!(told(&foreign, &host), @r"
    exit: 1
    --- stdout
    --- stderr
    error: /etc/mqtt-broker is there already and is not provision's; nothing was changed
      hint: move it away: sudo mv /etc/mqtt-broker /etc/mqtt-broker.old
    ");
    let kept = host.run(&sandbox, "cat /etc/mqtt-broker/passwd").success();
    assert_eq!(kept.stdout, "mine\n");
}

#[test]
fn a_disk_that_is_full_before_or_becomes_so_on_the_way() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let quirks = ["--tmpfs=/usr/local/lib:mode=755,size=4M".to_owned()];
    let host = Host::boot_with(
        &sandbox,
        &Quirks {
            nspawn: &quirks,
            ..Quirks::default()
        },
    );
    host.site(&sandbox);
    let full = push(&sandbox, &host.destination("pi"), &["--accept-new"]);
    assert_eq!(full.code, 1);
    assert!(
        full.stderr.contains("the machine has 4.0 MiB left"),
        "{}",
        full.shown()
    );
    untouched(&sandbox, &host);
    drop(host);
    // Room for the release, none for what goes elsewhere.
    let quirks = ["--tmpfs=/usr/lib/sysusers.d:mode=755,size=4k".to_owned()];
    let host = Host::boot_with(
        &sandbox,
        &Quirks {
            nspawn: &quirks,
            ..Quirks::default()
        },
    );
    host.run(
        &sandbox,
        "dd if=/dev/zero of=/usr/lib/sysusers.d/full bs=4k count=1 status=none",
    );
    let half = push(
        &sandbox,
        &host.destination("pi"),
        &["--accept-new", "--host", "other"],
    );
    assert_eq!(half.code, 1);
    assert!(
        half.stderr.contains("is as it was before"),
        "{}",
        half.shown()
    );
    untouched(&sandbox, &host);
}

#[test]
fn a_machine_without_systemd_and_one_with_a_processor_that_is_too_old() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let quirks = Quirks {
        without_systemd: true,
        ..Quirks::default()
    };
    let host = Host::boot_with(&sandbox, &quirks);
    let bare = push(&sandbox, &host.destination("pi"), &["--accept-new"]);
    assert_eq!(bare.code, 1);
    assert!(
        bare.stderr.contains("does not run systemd"),
        "{}",
        bare.shown()
    );
    drop(host);
    // What a Pi Zero says of itself.
    sandbox.write(
        "uname",
        "#!/bin/sh\ncase $1 in -m) echo armv6l ;; *) exec /usr/bin/uname \"$@\" ;; esac\n",
    );
    sandbox.write("od", "#!/bin/sh\necho ' 7f 45 4c 46 01 01 01 00 00 00 00 00 00 00 00 00 03 00 28 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 04 00 05'\n");
    let mut chmod = Command::new("chmod");
    sandbox.run(chmod.args(["+x", "uname", "od"]), "").success();
    let bind = |name: &str| {
        format!(
            "--bind-ro={}:/usr/local/bin/{name}",
            sandbox.path(name).display()
        )
    };
    let quirks = ["uname", "od"].map(bind);
    let host = Host::boot_with(
        &sandbox,
        &Quirks {
            nspawn: &quirks,
            ..Quirks::default()
        },
    );
    let old = push(&sandbox, &host.destination("pi"), &["--accept-new"]);
    insta::assert_snapshot!(told(&old, &host), @r"
    exit: 1
    --- stdout
    --- stderr
    error: testhost has an armv6l processor (Pi 1, Zero, Zero W), and the broker is made for ARMv7 and newer: it would stop at its first instruction; nothing was changed
      hint: a Pi 2, 3, 4, 5 or Zero 2 W will do
    ");
    assert!(!sandbox.path("site").exists());
    untouched(&sandbox, &host);
}

#[test]
fn a_broker_that_does_not_start_is_taken_back_and_the_old_one_serves_on() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    let to = host.destination("pi");
    push(&sandbox, &to, &["--accept-new"]).success();
    let before = host.run(
        &sandbox,
        "readlink /usr/local/lib/mqtt-broker/current; cat /etc/systemd/system/mqtt-broker.service",
    );
    // A state folder that the service may not write: it starts by its configuration, and fails by this.
    std::fs::create_dir_all(sandbox.path("mine/etc/systemd/system/mqtt-broker.service.d")).unwrap();
    sandbox.write(
        "mine/etc/systemd/system/mqtt-broker.service.d/bad.conf",
        "[Service]\nExecStartPre=/bin/false\n",
    );
    let failed = push(&sandbox, &to, &["--overlay", "mine"]);
    assert_eq!(failed.code, 1);
    assert!(
        failed.stderr.contains("the service does not start"),
        "{}",
        failed.shown()
    );
    assert!(
        failed.stderr.contains("is as it was before"),
        "{}",
        failed.shown()
    );
    let after = host.run(
        &sandbox,
        "readlink /usr/local/lib/mqtt-broker/current; cat /etc/systemd/system/mqtt-broker.service",
    );
    assert_eq!(before.stdout, after.stdout);
    let serves = host.run(
        &sandbox,
        "systemctl is-active mqtt-broker; ls /etc/systemd/system/mqtt-broker.service.d",
    );
    assert_eq!(serves.stdout, "active\n", "{}", serves.shown());

    // It starts, and does not let the probe in: proved, it is not, and the old one comes back.
    sandbox.write(
        "mine/etc/systemd/system/mqtt-broker.service.d/bad.conf",
        "[Service]\n",
    );
    std::fs::create_dir_all(sandbox.path("mine/etc/mqtt-broker")).unwrap();
    sandbox.write("mine/etc/mqtt-broker/passwd", "owner:$7$101$AAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n");
    let unproved = push(&sandbox, &to, &["--overlay", "mine"]);
    assert_eq!(unproved.code, 1);
    assert!(
        unproved.stderr.contains("could not be proved"),
        "{}",
        unproved.shown()
    );
    assert!(
        unproved.stderr.contains("broker: "),
        "the broker's own words are missing: {}",
        unproved.shown()
    );
    let after = host.run(
        &sandbox,
        "readlink /usr/local/lib/mqtt-broker/current; cat /etc/systemd/system/mqtt-broker.service",
    );
    assert_eq!(before.stdout, after.stdout);
    push(&sandbox, &to, &[]).success();
}

#[test]
fn files_that_the_broker_would_refuse_are_found_while_the_old_one_serves_on() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    let to = host.destination("pi");
    push(&sandbox, &to, &["--accept-new"]).success();
    let serves = "systemctl show -P MainPID mqtt-broker; readlink /usr/local/lib/mqtt-broker/current; \
                  sha256sum /etc/systemd/system/mqtt-broker.service; ls /usr/local/lib/mqtt-broker/releases";
    let before = host.run(&sandbox, serves).success().stdout;
    std::fs::create_dir_all(sandbox.path("mine/etc/mqtt-broker")).unwrap();
    sandbox.write("mine/etc/mqtt-broker/acl", "topic nonsense and more\n");
    let refused = push(&sandbox, &to, &["--overlay", "mine"]);
    assert_eq!(refused.code, 1);
    for part in [
        "the broker would refuse its files",
        "/etc/mqtt-broker/acl:1",
        "is as it was before",
    ] {
        assert!(refused.stderr.contains(part), "{}", refused.shown());
    }
    let after = host.run(&sandbox, serves).success().stdout;
    assert_eq!(
        before, after,
        "the broker was restarted, or something is left"
    );
}

#[test]
fn a_site_that_others_can_read_and_a_second_command_at_the_same_time() {
    let sandbox = sandbox();
    sandbox.provision(&["init", "--host", "testhost"]).success();
    let mut chmod = Command::new("chmod");
    sandbox
        .run(chmod.args(["644", "site/hosts/testhost/probe"]), "")
        .success();
    let open = push(&sandbox, "pi@127.0.0.1:1", &[]);
    insta::assert_snapshot!(open.shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: site/hosts/testhost/probe is secret, but its mode is 0644
      hint: chmod 600 site/hosts/testhost/probe
    ");
    let mut chmod = Command::new("chmod");
    sandbox
        .run(chmod.args(["600", "site/hosts/testhost/probe"]), "")
        .success();
    let mut lock = Command::new("flock");
    lock.args(["--no-fork", "site/.lock", "sleep", "60"])
        .current_dir(sandbox.path("."));
    let mut holder = lock.stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let second = push(&sandbox, "pi@127.0.0.1:1", &[]);
    holder.kill().unwrap();
    holder.wait().unwrap();
    insta::assert_snapshot!(second.shown(), @r"
    exit: 1
    --- stdout
    --- stderr
    error: another command is working on site
      hint: wait for it to end, then try again
    ");
    assert!(login_key(&sandbox).exists());
}
