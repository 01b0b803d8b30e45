//! `provision inspect`.

use std::process::Command;

use super::card::{baked, cached, json, release, tamper};
use crate::support::{Sandbox, tool};

#[test]
fn a_baked_card_is_told_about_and_nothing_is_wrong_with_it() {
    let sandbox = baked();
    let before = sandbox.listing();
    let ended = sandbox
        .provision(&["inspect", "pi.img", "--strict"])
        .success();
    let lines: Vec<_> = ended
        .stdout
        .lines()
        .filter(|line| {
            ["system", "first boot", "host name", "finding"]
                .iter()
                .any(|topic| line.starts_with(topic))
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    system      debian trixie for arm64
    first boot  Debian
    host name   broker
    ");
    let told = json(
        &sandbox
            .provision(&["inspect", "pi.img", "--json"])
            .success(),
    );
    let broker = &told["broker"];
    assert_eq!(broker["intact"], true);
    assert_eq!(broker["accounts"], 1);
    assert_eq!(broker["certificate"]["key_fits"], true);
    assert_eq!(broker["certificate"]["issued_by_authority"], true);
    assert_eq!(told["device"], false);
    // What ssh-keygen and openssl say of the same things.
    let key = tool(&sandbox, "ssh-keygen -lf site/ssh/id_ed25519.pub")
        .success()
        .stdout;
    let print = told["users"][1]["ssh_keys"][0]["fingerprint"]
        .as_str()
        .unwrap();
    assert!(key.contains(print), "{key}");
    let certificate = tool(
        &sandbox,
        "openssl x509 -noout -fingerprint -sha256 -in site/hosts/broker/server.crt",
    )
    .success()
    .stdout;
    assert!(certificate.contains(broker["certificate"]["fingerprint"].as_str().unwrap()));
    assert_eq!(sandbox.listing(), before);
}

#[test]
fn no_secret_of_the_site_is_in_what_is_told() {
    let sandbox = baked();
    let told = sandbox
        .provision(&["inspect", "pi.img", "--json", "-vv"])
        .success();
    let text = sandbox.provision(&["inspect", "pi.img", "-vv"]).success();
    let shown = [told.stdout, told.stderr, text.stdout, text.stderr].concat();
    let hash = sandbox.read("site/passwd");
    let key = sandbox.read("site/hosts/broker/server.key");
    let ssh = sandbox.read("site/hosts/broker/ssh_host_ed25519_key");
    for secret in [
        hash.trim().split('$').next_back().unwrap(),
        key.lines().nth(1).unwrap(),
        ssh.lines().nth(1).unwrap(),
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn what_was_done_to_the_broker_is_found() {
    let sandbox = baked();
    let folder = release(&sandbox);
    tool(
        &sandbox,
        "openssl ecparam -name prime256v1 -genkey -noout -out other.key",
    )
    .success();
    tamper(
        &sandbox,
        &format!(
            "rm {folder}/etc/tls/server.key\nwrite other.key {folder}/etc/tls/server.key\nsif {folder}/etc/tls/server.key mode 0100644\n\
             sif {folder}/etc/broker.conf uid 1000\nrm {folder}/bin/mqtt-broker\n\
             rm /etc/systemd/system/multi-user.target.wants/mqtt-broker.service\n"
        ),
    );
    let ended = sandbox.provision(&["inspect", "pi.img", "--strict"]);
    assert_eq!(ended.code, 3, "{}", ended.shown());
    let findings: Vec<_> = ended
        .stdout
        .lines()
        .filter(|line| line.starts_with("finding"))
        .collect();
    let findings = findings.join("\n").replace(&folder, "[RELEASE]");
    insta::assert_snapshot!(findings, @r"
    finding     /usr/local/bin/mqtt-broker: it leads nowhere
    finding     [RELEASE]/etc/broker.conf: it is not root's
    finding     [RELEASE]/etc/tls/server.key: it is secret, and its mode is 0644
    finding     [RELEASE]: its contents are not those that its id was made from
    finding     [RELEASE]/bin/mqtt-broker: it is gone
    finding     [RELEASE]/etc/tls/server.crt: the key beside it is another one's
    finding     mqtt-broker.service: it is not enabled
    ");
    // Whoever only asks what is there is told so, and no more.
    sandbox.provision(&["inspect", "pi.img"]).success();
}

#[test]
fn a_link_that_leads_nowhere_and_a_release_that_was_replaced_are_found() {
    let sandbox = baked();
    let folder = release(&sandbox);
    sandbox.write("other.conf", "listener 1883\n");
    tamper(
        &sandbox,
        &format!("rm {folder}/etc/broker.conf\nwrite other.conf {folder}/etc/broker.conf\n"),
    );
    let told = json(
        &sandbox
            .provision(&["inspect", "pi.img", "--json"])
            .success(),
    );
    assert_eq!(told["broker"]["intact"], false);
    tamper(
        &sandbox,
        "rm /usr/local/lib/mqtt-broker/current\nsymlink /usr/local/lib/mqtt-broker/current releases/gone\n",
    );
    let ended = sandbox.provision(&["inspect", "pi.img"]).success();
    assert!(
        ended
            .stdout
            .contains("finding     /usr/local/lib/mqtt-broker/current: it leads to"),
        "{}",
        ended.shown()
    );
}

#[test]
fn a_packed_image_is_unpacked_for_the_time_of_looking() {
    let sandbox = baked();
    tool(&sandbox, "xz -1 -k pi.img; zip -q -1 pi.img.zip pi.img").success();
    let plain = json(
        &sandbox
            .provision(&["inspect", "pi.img", "--json"])
            .success(),
    );
    for name in ["pi.img.xz", "pi.img.zip"] {
        let packed = json(&sandbox.provision(&["inspect", name, "--json"]).success());
        assert_eq!(packed["partitions"], plain["partitions"]);
        assert_eq!(packed["broker"], plain["broker"]);
        assert_eq!(cached(&sandbox), [""; 0]);
    }
}

#[test]
fn what_is_no_card_is_refused_with_a_word() {
    let sandbox = Sandbox::new();
    sandbox.write("short", "x");
    tool(&sandbox, "truncate -s 4M empty.img; mkdir folder").success();
    let shown: Vec<_> = ["short", "empty.img", "folder", "absent.img"]
        .map(|name| sandbox.provision(&["inspect", name]).shown())
        .into();
    insta::assert_snapshot!(shown.join("\n"), @r"
    exit: 2
    --- stdout
    --- stderr
    error: short is not a card image: it has 1 bytes
      hint: use an image for the Raspberry Pi: an `.img` file, or one packed with xz, gzip, zstd or zip

    exit: 2
    --- stdout
    --- stderr
    error: empty.img is not a usable card image
      caused by: there is no partition table: the first sector ends in 00 00, not 55 aa
      hint: use an image for the Raspberry Pi: an `.img` file, or one packed with xz, gzip, zstd or zip

    exit: 2
    --- stdout
    --- stderr
    error: folder is a folder, not a card

    exit: 1
    --- stdout
    --- stderr
    error: looking at absent.img
      caused by: No such file or directory (os error 2)
    ");
}

/// A device has no length in its metadata. Where there are none to be had, there is nothing to try.
#[test]
fn a_card_in_a_device_is_read_like_an_image() {
    let sandbox = baked();
    let attached = tool(&sandbox, "losetup --find --show --read-only pi.img 2>&1");
    let device = attached.stdout.trim().to_owned();
    if attached.code != 0 {
        return;
    }
    let ended = sandbox.provision(&["inspect", &device, "--json"]);
    let same = sandbox.provision(&["diff", "pi.img", &device]);
    let verified = sandbox.provision(&["verify", &device, "--report", "pi.report.json"]);
    Command::new("losetup")
        .args(["--detach", &device])
        .status()
        .unwrap();
    let told = json(&ended.success());
    assert_eq!(told["device"], true);
    assert_eq!(told["broker"]["intact"], true);
    same.success();
    verified.success();
}
