//! What is wrong is said before anything is made.

use std::fs;

use super::bench::{fleet, state, with_fleet};
use crate::bake::with_base_of;
use crate::kinds::ARM64;
use crate::support::tool;

#[test]
fn a_file_with_a_bad_row_changes_nothing() {
    let sandbox = with_fleet();
    let before = state(&sandbox);
    let mut errors = String::new();
    for table in [
        "name,adress\nnorth,1.2.3.4\n",
        "name,people\nnorth,jane\nsouth,jone\n",
        "name,address\nnorth,10.0.0.5\nsouth,10.0.0.5/24\n",
        "name,address,gateway\nnorth,10.0.0.5/24,10.0.1.1\n",
        "name\nnorth\nNorth\n",
        "name\nnorth\nBroker\n",
        "name,san\nnorth,-bad-\n",
    ] {
        sandbox.write("bad.csv", table);
        let ended = fleet(&sandbox, &["--fleet", "bad.csv"]);
        assert_eq!(ended.code, 2, "{table}: {}", ended.shown());
        assert_eq!(ended.stdout, "");
        errors += &ended.stderr;
    }
    insta::assert_snapshot!(errors, @r#"
    error: bad.csv:1: unknown column "adress"
      hint: did you mean "address"?
    error: bad.csv:3: there is no person jone; did you mean jane?
      hint: `provision add-user` adds people to the site
    error: bad.csv:3: 10.0.0.5 is taken, in line 2
    error: bad.csv:2: gateway 10.0.1.1: it is in none of the addresses' networks
    error: bad.csv:3: the card North is there already, in line 2
    error: bad.csv:3: the site has a host broker: write it like that
    error: bad.csv:2: "-bad-" is neither an IP address nor a host name: each part between dots has 1 to 63 letters, digits and inner hyphens
    "#);
    fs::remove_file(sandbox.path("bad.csv")).unwrap();
    assert_eq!(state(&sandbox), before);
}

#[test]
fn a_card_that_does_not_fit_the_base_is_heard_of_before_the_others_are_made() {
    let sandbox = with_base_of(&ARM64, |_| {});
    sandbox.provision(&["init", "--host", "broker"]).success();
    sandbox.write("fleet.csv", "name,address\nnorth,\nsouth,192.168.7.12/24\n");
    let before = state(&sandbox);
    let ended = fleet(&sandbox, &["--quiet"]);
    insta::assert_snapshot!(ended.shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    warning: the base lacks nftables, unattended-upgrades: the Pi installs what is missing once it is in the Internet
    warning: until then there is no firewall, since nftables is among it
    error: fleet.csv:3: south can't be made
      caused by: the base has no NetworkManager, which `system.wifi` and `system.network` are set with
      hint: use Raspberry Pi OS bookworm or newer, or the base `debian`
    ");
    assert_eq!(state(&sandbox), before);
}

#[test]
fn what_contradicts_a_fleet_is_refused_and_changes_nothing() {
    let sandbox = with_fleet();
    fs::create_dir(sandbox.path("taken")).unwrap();
    fs::create_dir(sandbox.path("taken/south.img")).unwrap();
    fs::create_dir(sandbox.path("mapped")).unwrap();
    fs::create_dir(sandbox.path("mapped/attic.img.bmap")).unwrap();
    tool(
        &sandbox,
        "mkdir bases; cp --sparse=always base.img bases/attic.img",
    )
    .success();
    tool(&sandbox, "mkdir linked; ln -s ../base.img linked/north.img").success();
    sandbox.write("file", "x");
    sandbox.write("wifi", "");
    sandbox.write(
        "fixed.yaml",
        "system:\n  network:\n    wired: {method: static, addresses: [192.168.7.3/24]}\n",
    );
    let before = state(&sandbox);
    let mut errors = String::new();
    for more in [
        &["--host", "broker"][..],
        &["--san", "a.example.com"],
        &["--check"],
        &["--fleet", "missing.csv"],
        &["--out", "file"],
        &["--out", "missing/cards"],
        &["--out", "taken"],
        &["--out", "mapped", "--with", "bmap"],
        &["--out", "linked"],
        &["--out", "bases", "--base", "bases/attic.img"],
        &["--recipe", "./fixed.yaml"],
        &["--target", "x86_64"],
    ] {
        let ended = fleet(&sandbox, &[more, &["--quiet"]].concat());
        assert_eq!(ended.stdout, "");
        errors.extend([&ended.code.to_string(), ": ", &ended.stderr]);
    }
    insta::assert_snapshot!(errors, @r"
    2: error: --host is for one card, and with --fleet the file names them all
      hint: its columns are name, address, gateway, dns, people and san
    2: error: --san is for one card, and with --fleet the file names them all
      hint: its columns are name, address, gateway, dns, people and san
    2: error: --check builds one card twice, and --fleet makes many
      hint: all are built in the same way: check one, --check --host NAME
    1: error: reading missing.csv
      caused by: No such file or directory (os error 2)
    2: error: --out file is no folder, and each card has an image
      hint: name a folder: --out cards
    2: error: --out missing/cards: there is no folder missing
    2: error: --out taken/south.img exists and is no regular file
    2: error: mapped/attic.img.bmap exists and is no regular file
    2: error: --out linked/north.img exists and is no regular file
    2: error: bases/attic.img is the base image itself
      hint: name another folder
    2: error: fleet.csv:4: south has no address with a prefix, and the recipe's 192.168.7.3/24 is for one card alone
    2: error: no card can be made for x86_64: it is no Raspberry Pi
      hint: choose --target aarch64 (Pi 3, Zero 2 W, 4) or --target armv7 (Pi 2, 3)
    ");
    assert_eq!(state(&sandbox), before);
}
