//! What is on each card.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::bench::{LIST, NAMES, clean, debugfs, etc, fleet, names, with_fleet};
use crate::bake::with_base_of;
use crate::kinds::ARM64;
use crate::support::{Sandbox, tool};

const WIRED: &str = "cat /etc/NetworkManager/system-connections/wired.nmconnection";

/// The names that a card's certificate is good for, and that the site's authority says so.
fn certificate(sandbox: &Sandbox, image: &str) -> String {
    sandbox.write("card.crt", &etc(sandbox, image, "tls/server.crt"));
    tool(sandbox, "openssl verify -CAfile site/pki/ca.crt card.crt").success();
    let shown = tool(
        sandbox,
        "openssl x509 -noout -ext subjectAltName -in card.crt",
    );
    shown.success().stdout
}

#[test]
fn each_card_has_what_its_row_says_and_keys_of_its_own() {
    let sandbox = with_fleet();
    let ended = fleet(&sandbox, &[]).success();
    assert_eq!(
        ended.stdout,
        "cards/north.img\ncards/south.img\ncards/attic.img\n"
    );
    let mut keys = BTreeSet::new();
    for name in NAMES {
        let image = format!("cards/{name}.img");
        clean(&sandbox, &image);
        let read = |path: &str| debugfs(&sandbox, &image, &format!("cat {path}"));
        assert_eq!(read("/etc/hostname"), format!("{name}\n"));
        assert!(read("/etc/hosts").contains(&format!("127.0.1.1\t{name}\n")));
        let own = |file: &str| sandbox.read(&format!("site/hosts/{name}/{file}"));
        assert_eq!(
            read("/etc/ssh/ssh_host_ed25519_key"),
            own("ssh_host_ed25519_key")
        );
        assert_eq!(etc(&sandbox, &image, "tls/server.key"), own("server.key"));
        keys.insert(own("ssh_host_ed25519_key"));
        keys.insert(own("server.key"));
        let mode = fs::metadata(sandbox.path(&image))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(keys.len(), 6, "two cards share a key");
    let mode = fs::metadata(sandbox.path("cards"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(
        names(&sandbox, "cards").len(),
        6,
        "images and their reports"
    );
}

#[test]
fn addresses_are_on_the_cable_and_in_the_certificate_as_the_rows_say() {
    let sandbox = with_fleet();
    fleet(&sandbox, &[]).success();
    let wired = |name: &str| debugfs(&sandbox, &format!("cards/{name}.img"), WIRED);
    insta::assert_snapshot!(section(&wired("north"), "[ipv4]"), @r"
    [ipv4]
    method=manual
    address1=192.168.7.11/24
    gateway=192.168.7.1
    dns=192.168.7.1;9.9.9.9;
    ");
    insta::assert_snapshot!(section(&wired("south"), "[ipv4]"), @r"
    [ipv4]
    method=auto
    ");
    assert_eq!(wired("south"), wired("attic"));
    let names = NAMES.map(|name| certificate(&sandbox, &format!("cards/{name}.img")));
    insta::assert_snapshot!(names.join(""), @r"
    X509v3 Subject Alternative Name: 
        DNS:north, DNS:north.local, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:192.168.7.11, DNS:north.example.com
    X509v3 Subject Alternative Name: 
        DNS:south, DNS:south.local, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:192.168.7.12
    X509v3 Subject Alternative Name: 
        DNS:attic, DNS:attic.local, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1
    ");
}

fn section(text: &str, name: &str) -> String {
    let lines = text.lines().skip_while(|line| *line != name);
    let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    lines.join("\n")
}

#[test]
fn only_who_may_log_in_is_on_a_card() {
    let sandbox = with_fleet();
    fleet(&sandbox, &[]).success();
    let people = ["fred", "jane", "owner"];
    let hash = |name: &str| {
        let file = sandbox.read("site/passwd");
        let line = file
            .lines()
            .find(|line| line.starts_with(&format!("{name}:")));
        line.unwrap().split_once(':').unwrap().1.to_owned()
    };
    for (card, may) in [
        ("north", &people[1..2]),
        ("south", &people[..2]),
        ("attic", &people[..]),
    ] {
        let image = format!("cards/{card}.img");
        let has = |text: &str| {
            sandbox.write("text", text);
            tool(&sandbox, &format!("LC_ALL=C grep -qaF -f text {image}")).code == 0
        };
        let (passwd, acl) = (
            etc(&sandbox, &image, "passwd"),
            etc(&sandbox, &image, "acl"),
        );
        for name in people {
            let may = may.contains(&name);
            assert_eq!(
                passwd.contains(&format!("{name}:")),
                may,
                "{card}: {passwd}"
            );
            assert_eq!(
                acl.contains(&format!("user {name}\n")),
                may,
                "{card}: {acl}"
            );
            assert_eq!(has(&hash(name)), may, "the hash of {name} on {card}");
            let clear = sandbox.read(&format!("site/passwords/{name}"));
            assert!(!has(clear.trim()), "the password of {name} on {card}");
        }
    }
}

#[test]
fn a_table_without_people_opens_no_host_to_everybody() {
    let sandbox = with_fleet();
    let site = sandbox.read("site/site.yaml");
    sandbox.write("site/site.yaml", &format!("{site}    people: [fred]\n"));
    sandbox.write("fleet.csv", "name,address\nbroker,192.168.7.2\n");
    fleet(&sandbox, &[]).success();
    let passwd = etc(&sandbox, "cards/broker.img", "passwd");
    assert!(
        passwd.contains("fred:") && !passwd.contains("jane:"),
        "{passwd}"
    );
    assert!(certificate(&sandbox, "cards/broker.img").contains("192.168.7.2"));
}

#[test]
fn a_list_and_a_second_run_give_the_same_bytes_and_so_does_a_card_made_alone() {
    let sandbox = with_fleet();
    fleet(&sandbox, &["--with", "bmap,sums"]).success();
    sandbox.write("fleet.yaml", LIST);
    let more = [
        "--fleet",
        "fleet.yaml",
        "--out",
        "others",
        "--with",
        "bmap,sums",
    ];
    fleet(&sandbox, &more).success();
    tool(&sandbox, "diff -r cards others").success();
    fleet(&sandbox, &more).success();
    tool(&sandbox, "diff -r cards others").success();
    let alone = [
        "image", "--broker", "broker", "--base", "base.img", "--free", "1M",
    ];
    sandbox
        .provision(&[&alone[..], &["--host", "attic", "--out", "alone.img"]].concat())
        .success();
    tool(&sandbox, "cmp alone.img cards/attic.img").success();
}

#[test]
fn cards_that_are_resized_have_the_size_that_was_asked_for() {
    let sandbox = with_fleet();
    for (more, expected) in [
        (&["--size", "300M"][..], Some(300 << 20)),
        (&["--shrink"][..], None),
    ] {
        fleet(&sandbox, more).success();
        for name in NAMES {
            let image = format!("cards/{name}.img");
            clean(&sandbox, &image);
            let size = fs::metadata(sandbox.path(&image)).unwrap().len();
            assert!(expected.is_none_or(|expected| size == expected), "{size}");
            assert!(expected.is_some() || size < 72 << 20, "{size}");
            assert_eq!(
                debugfs(&sandbox, &image, "cat /etc/hostname"),
                format!("{name}\n")
            );
            let report = sandbox.read(&format!("cards/{name}.report.json"));
            let report: serde_json::Value = serde_json::from_str(&report).unwrap();
            let grown = size.saturating_sub(72 << 20);
            assert_eq!(report["grown"], grown, "beside the base, not its copy");
        }
        assert_eq!(names(&sandbox, "cards").len(), 6, "the shared copy is gone");
    }
}

#[test]
fn an_empty_folder_becomes_a_site_whose_hosts_are_the_cards() {
    let sandbox = with_base_of(&ARM64, |_| {});
    sandbox.write("fleet.csv", "name,people\nnorth,owner\nsouth,\n");
    let ended = fleet(&sandbox, &["--port", "8885"]).success();
    let password = sandbox.read("site/passwords/owner");
    assert_eq!(ended.stderr.matches(password.trim()).count(), 1);
    insta::assert_snapshot!(sandbox.read("site/site.yaml"), @r#"
    # Who this broker is for. People are in people.yaml.
    # After a change here: `provision push`, or `provision image` for a new card.

    organization: "fleet"

    # Locations are published to <topic-base>/<user>/<device>.
    topic-base: "owntracks"

    hosts:
      - name: "north"
        addresses: []
        san: []
        port: 8885
        people: [owner]
      - name: "south"
        addresses: []
        san: []
        port: 8885
    "#);
    assert!(etc(&sandbox, "cards/south.img", "broker.conf").contains("listener 8885"));
    sandbox.write("more.csv", "name,people\nwest,jane\n");
    let before = sandbox.listing();
    let ended = fleet(
        &sandbox,
        &["--site", "other", "--fleet", "more.csv", "--out", "more"],
    );
    insta::assert_snapshot!(ended.shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: more.csv:2: there is no person jane, and no site yet
      hint: `provision init` makes the site, `provision add-user` adds people to it
    ");
    assert_eq!(sandbox.listing(), before);
}
