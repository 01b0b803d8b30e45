//! What a base has of its user beside accounts and home, when the card's user has another name.

use super::bench::Bench;
use crate::fixtures::{Fixture, Machine, Release};

fn base() -> Fixture {
    let mut fixture = Fixture::new(Release::Trixie, Machine::Arm64);
    for (path, owner) in [
        ("var/mail/pi", (1000, 8)),
        ("var/spool/cron/crontabs/pi", (1000, 103)),
        ("var/lib/systemd/linger/pi", (0, 0)),
        ("var/lib/AccountsService/users/pi", (0, 0)),
        ("var/spool/cron/crontabs/root", (0, 103)),
    ] {
        fixture.put(path, b"of a user\n".into(), 0o600, owner);
    }
    fixture.link("var/spool/mail", "../mail");
    for (path, text) in [
        ("etc/systemd/system/own.service", "[Service]\nUser=pi\n"),
        (
            "etc/systemd/system/own.service.d/a.conf",
            "[Service]\nExecStart=/home/pi/run\n",
        ),
        ("etc/systemd/system/other.service", "[Service]\nUser=pip\n"),
        ("etc/cron.d/own", "@daily pi date\n"),
        (
            "var/lib/AccountsService/users/pip",
            "[User]\nIcon=/home/pi/.face\n",
        ),
        // The card has its own of these.
        (
            "etc/systemd/system/mqtt-broker.service",
            "[Service]\nUser=pi\n",
        ),
    ] {
        fixture.file(path, text);
    }
    for (path, target) in [
        ("home/pi/into", "/home/pi/a/b"),
        ("home/pi/itself", "/home/pi"),
        ("home/pi/beside", "/home/pip/a"),
        ("home/pi/near", "a/b"),
    ] {
        fixture.link(path, target);
    }
    fixture
}

const MOVED: [&str; 4] = [
    "/var/mail",
    "/var/spool/cron/crontabs",
    "/var/lib/systemd/linger",
    "/var/lib/AccountsService/users",
];

#[test]
fn what_has_the_name_of_a_renamed_user_gets_the_new_one_and_what_says_it_is_named() {
    let bench = Bench::of(base());
    let ended = bench.bake("name: ada").success();
    bench.clean();
    let listed: String = MOVED.iter().map(|folder| bench.listing(folder)).collect();
    insta::assert_snapshot!(listed, @r"
    100600 1000:8 /var/mail/ada
    100600 1000:103 /var/spool/cron/crontabs/ada
    100600 0:103 /var/spool/cron/crontabs/root
    100600 0:0 /var/lib/systemd/linger/ada
    100600 0:0 /var/lib/AccountsService/users/ada
    100644 0:0 /var/lib/AccountsService/users/pip
    ");
    assert_eq!(bench.cat("/var/mail/ada"), "of a user\n");
    let warnings: Vec<_> = ended
        .stderr
        .lines()
        .filter(|line| line.contains("warning"))
        .collect();
    insta::assert_snapshot!(warnings.join("\n"), @r"
    warning: /etc/systemd/system/own.service in the base names User=pi, and that user is ada on this card
    warning: /etc/systemd/system/own.service.d/a.conf in the base names /home/pi, and that user is ada on this card
    warning: /etc/cron.d/own in the base names pi, and that user is ada on this card
    warning: /var/lib/AccountsService/users/pip in the base names /home/pi, and that user is ada on this card
    ");
    bench.script("mkdir card; debugfs -R 'rdump /home card' \"pi.img$root\" 2>/dev/null");
    let links = bench.script("cd card/home/ada; readlink into itself beside near");
    assert_eq!(links, "/home/ada/a/b\n/home/ada\n/home/pip/a\na/b\n");
}

#[test]
fn what_has_the_name_of_a_user_that_keeps_it_stays() {
    let bench = Bench::of(base());
    let ended = bench.bake("name: pi").success();
    bench.clean();
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    for folder in MOVED {
        assert!(bench.has(&format!("{folder}/pi")), "{folder}");
    }
}

#[test]
fn a_new_home_has_the_folders_links_and_modes_of_its_skeleton() {
    let mut fixture = Fixture::new(Release::Debian, Machine::Arm64);
    fixture.directory("etc/skel/.config", 0o700, (0, 0));
    fixture.put("etc/skel/.config/a/b", b"b\n".into(), 0o600, (0, 0));
    fixture.put("etc/skel/bin/run", b"#!/bin/sh\n".into(), 0o755, (0, 0));
    fixture.link("etc/skel/link", ".config/a");
    let bench = Bench::of(fixture);
    bench.bake("name: ada").success();
    bench.clean();
    let folders = [
        "/home/ada",
        "/home/ada/.config",
        "/home/ada/.config/a",
        "/home/ada/bin",
    ];
    let listed: String = folders.iter().map(|folder| bench.listing(folder)).collect();
    insta::assert_snapshot!(listed, @r"
    100644 1000:1000 /home/ada/.bashrc
    040700 1000:1000 /home/ada/.config
    100644 1000:1000 /home/ada/.profile
    040700 1000:1000 /home/ada/.ssh
    040755 1000:1000 /home/ada/bin
    120777 1000:1000 /home/ada/link
    040755 1000:1000 /home/ada/.config/a
    100600 1000:1000 /home/ada/.config/a/b
    100755 1000:1000 /home/ada/bin/run
    ");
}
