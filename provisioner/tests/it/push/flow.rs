//! What a push leaves on a machine, and what the next ones change.

use std::path::Path;
use std::process::Command;

use super::host::{Host, possible, push, sandbox, write};
use crate::support::Sandbox;

/// Publishes as `user` with the clients of Mosquitto; options are in files, no password is an argument.
fn publish(sandbox: &Sandbox, port: u16, options: &str) -> bool {
    let folder = sandbox.path("client");
    std::fs::create_dir_all(&folder).unwrap();
    let ca = sandbox.path("site/pki/ca.crt");
    let common = format!("-h 127.0.0.1\n-p {port}\n-q 1\n--cafile {}\n", ca.display());
    write(&folder.join("mosquitto_pub"), &(common + options));
    let mut publish = Command::new("timeout");
    publish
        .args(["30", "mosquitto_pub", "-m", "x"])
        .env("XDG_CONFIG_HOME", &folder);
    publish.output().unwrap().status.success()
}

fn with_password(sandbox: &Sandbox, port: u16, user: &str, password: &str) -> bool {
    let password = password.trim();
    publish(
        sandbox,
        port,
        &format!("-u {user}\n-P {password}\n-t owntracks/{user}/x\n"),
    )
}

fn with_certificate(sandbox: &Sandbox, port: u16, user: &str, files: &Path) -> bool {
    let (certificate, key) = (files.join("client.crt"), files.join("client.key"));
    let (certificate, key) = (certificate.display(), key.display());
    publish(
        sandbox,
        port,
        &format!("--cert {certificate}\n--key {key}\n-t owntracks/{user}/x\n"),
    )
}

/// The fingerprint of the certificate that the broker shows.
fn shown(host: &Host) -> String {
    let script = format!(
        "openssl s_client -connect 127.0.0.1:{} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256",
        host.mqtt
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn fingerprint(sandbox: &Sandbox, file: &str) -> String {
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-noout", "-fingerprint", "-sha256", "-in", file]);
    sandbox.run(&mut openssl, "").success().stdout
}

#[test]
fn a_machine_gets_the_broker_and_changes_follow_with_the_next_push() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    let to = host.destination("pi");

    // Fresh, with nothing written by a look beforehand.
    let before = sandbox.listing();
    let look = push(&sandbox, &to, &["--accept-new", "--dry-run", "--exit-code"]);
    assert_eq!(look.code, 3, "{}", look.shown());
    assert!(
        look.stdout
            .contains("added    /etc/mqtt-broker/passwd  (site/passwd, secret)"),
        "{}",
        look.shown()
    );
    let after: Vec<_> = sandbox
        .listing()
        .into_iter()
        .filter(|line| !line.contains("known_hosts"))
        .collect();
    assert_eq!(before, after);
    let first = push(&sandbox, &to, &["--accept-new"]).success();
    assert_eq!(first.stdout, "testhost\n");
    let owner = sandbox.read("site/passwords/owner");
    assert!(with_password(&sandbox, host.mqtt, "owner", &owner));
    assert!(!with_password(&sandbox, host.mqtt, "owner", "wrong"));

    // Again: nothing is sent.
    let again = push(&sandbox, &to, &[]).success();
    assert!(
        again.stderr.contains("nothing is sent"),
        "{}",
        again.shown()
    );

    // What the card has: one switch, secrets for the service alone, its own user.
    let looked = host.run(
        &sandbox,
        "stat -c '%a %U:%G %n' /etc/mqtt-broker/passwd /etc/mqtt-broker/tls/server.key; \
         readlink /etc/mqtt-broker /usr/local/bin/mqtt-broker; ps -o user= -C mqtt-broker; \
         systemctl is-enabled mqtt-broker; ls /var/lib/mqtt-provision; stat -c %a /var/lib/mqtt-provision",
    );
    insta::assert_snapshot!(looked.stdout, @r"
    640 root:mqtt-broker /etc/mqtt-broker/passwd
    640 root:mqtt-broker /etc/mqtt-broker/tls/server.key
    ../usr/local/lib/mqtt-broker/current/etc
    ../lib/mqtt-broker/current/bin/mqtt-broker
    mqtt-broker
    enabled
    laid
    laid-folders
    lock
    pushes
    units
    700
    ");

    // A certificate.
    let old = shown(&host);
    sandbox.provision(&["rotate-certs"]).success();
    let previous = fingerprint(&sandbox, "site/hosts/testhost/previous/server.crt");
    assert_eq!(old, previous);
    let due = sandbox.provision(&["certs"]).success();
    assert!(due.stdout.contains("not pushed yet"), "{}", due.shown());
    push(&sandbox, &to, &[]).success();
    let new = shown(&host);
    assert_eq!(new, fingerprint(&sandbox, "site/hosts/testhost/server.crt"));
    assert_ne!(new, old);
    assert!(!sandbox.path("site/hosts/testhost/previous").exists());
    assert!(with_password(&sandbox, host.mqtt, "owner", &owner));

    // People: a password, certificates, and what is left of somebody who is removed.
    for name in ["fred", "jane"] {
        sandbox
            .provision(&["add-user", name, "--generate", "--client-cert"])
            .success();
    }
    let fred = sandbox.read("site/passwords/fred");
    let kept = sandbox.path("fred");
    std::fs::create_dir(&kept).unwrap();
    for file in ["client.crt", "client.key"] {
        std::fs::copy(
            sandbox.path("site/pki/clients/fred").join(file),
            kept.join(file),
        )
        .unwrap();
    }
    let jane = sandbox.path("site/pki/clients/jane");
    push(&sandbox, &to, &[]).success();
    assert!(with_password(&sandbox, host.mqtt, "fred", &fred));
    assert!(with_certificate(&sandbox, host.certificates, "fred", &kept));
    assert!(with_certificate(&sandbox, host.certificates, "jane", &jane));
    sandbox
        .provision(&["remove-user", "fred", "--yes"])
        .success();
    push(&sandbox, &to, &[]).success();
    assert!(!with_password(&sandbox, host.mqtt, "fred", &fred));
    assert!(
        !with_certificate(&sandbox, host.certificates, "fred", &kept),
        "a revoked certificate was let in"
    );
    assert!(with_certificate(&sandbox, host.certificates, "jane", &jane));

    // What somebody has edited there is as it should be again.
    host.run(&sandbox, "echo '# mine' >>/etc/mqtt-broker/broker.conf")
        .success();
    let look = push(&sandbox, &to, &["--dry-run"]).success();
    assert!(
        look.stdout
            .contains("changed  /etc/mqtt-broker/broker.conf"),
        "{}",
        look.shown()
    );
    push(&sandbox, &to, &[]).success();
    let again = push(&sandbox, &to, &[]).success();
    assert!(
        again.stderr.contains("nothing is sent"),
        "{}",
        again.shown()
    );
    assert!(with_password(&sandbox, host.mqtt, "owner", &owner));

    // Two releases are kept: the one in use, and one to go back to.
    let releases = host.run(&sandbox, "ls /usr/local/lib/mqtt-broker/releases | wc -l");
    assert_eq!(releases.stdout.trim(), "2");

    // And away again.
    sandbox
        .provision(&["remove", "testhost", "--yes", "--purge"])
        .success();
    let left = host.run(
        &sandbox,
        "find / -xdev \\( -name '*mqtt-broker*' -o -name '*mqtt-provision*' \\) ! -path '/proc/*' ! -path '/var/log/*'; \
         systemctl list-unit-files 'mqtt*' --no-legend; id mqtt-broker 2>&1 | grep -c 'no such user'",
    );
    assert_eq!(left.stdout.trim(), "1", "{}", left.shown());
    assert!(!sandbox.path("site/hosts/testhost/last-push.json").exists());
}

#[test]
fn the_name_it_was_reached_by_joins_the_certificate_and_a_second_machine_gets_a_host_of_its_own() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    // 127.0.0.2 is this computer too, and in no certificate yet; the SSH server listens there as well.
    let to = format!("pi@127.0.0.2:{}", host.ssh);
    let ended = push(&sandbox, &to, &["--accept-new"]).success();
    assert!(
        ended
            .stderr
            .contains("Added 127.0.0.2 to the names of testhost"),
        "{}",
        ended.shown()
    );
    assert!(
        ended
            .stderr
            .contains("Issued server certificate for testhost"),
        "{}",
        ended.shown()
    );
    let mut verify = Command::new("openssl");
    verify.args([
        "verify",
        "-CAfile",
        "site/pki/ca.crt",
        "-verify_ip",
        "127.0.0.2",
        "site/hosts/testhost/server.crt",
    ]);
    sandbox.run(&mut verify, "").success();
    assert!(
        sandbox
            .read("site/site.yaml")
            .contains("addresses: [127.0.0.2]")
    );

    // Another machine that calls itself the same: never with the same key.
    let second = Host::boot(&sandbox);
    let refused = push(&sandbox, &second.destination("pi"), &["--accept-new"]);
    assert_eq!(refused.code, 2, "{}", refused.shown());
    assert!(
        refused.stderr.contains("two never share a key"),
        "{}",
        refused.shown()
    );
    drop(host);
    let named = push(
        &sandbox,
        &second.destination("pi"),
        &["--accept-new", "--host", "second"],
    );
    let site = sandbox.read("site/site.yaml");
    assert_eq!(named.code, 0, "{}\n{site}", named.shown());
    assert!(site.contains("name: second"), "{site}");
    let keys =
        ["testhost", "second"].map(|name| sandbox.read(&format!("site/hosts/{name}/server.key")));
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn an_agents_key_lets_in_too_and_a_broker_for_another_processor_is_not_sent() {
    if !possible() {
        return;
    }
    let sandbox = sandbox();
    let host = Host::boot(&sandbox);
    host.site(&sandbox);
    let script = format!(
        "eval \"$(ssh-agent)\" >/dev/null; trap 'kill $SSH_AGENT_PID' EXIT; \
         ssh-add -q home/.ssh/id_ed25519; mv home/.ssh home/away; \
         {} push {} --broker broker --accept-new; code=$?; mv home/away home/.ssh; exit $code",
        env!("CARGO_BIN_EXE_provision"),
        host.destination("pi")
    );
    let mut shell = Command::new("sh");
    sandbox.run(shell.args(["-c", &script]), "").success();

    // The first bytes of a program for a 64-bit Pi, and no more of it than a look needs.
    let mut foreign = std::fs::read(sandbox.path("broker")).unwrap();
    foreign[18..20].copy_from_slice(&183_u16.to_le_bytes());
    std::io::Write::write_all(
        &mut std::fs::File::create(sandbox.path("foreign")).unwrap(),
        &foreign,
    )
    .unwrap();
    let to = host.destination("pi");
    let refused = sandbox.provision(&["push", &to, "--broker", "foreign"]);
    assert_eq!(refused.code, 2, "{}", refused.shown());
    assert!(
        refused
            .stderr
            .contains("it is made for aarch64, the target is x86_64"),
        "{}",
        refused.shown()
    );
}
