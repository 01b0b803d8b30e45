//! Rules of the base that would give the login user more, or less, than the recipe: sudo itself says what holds.

use std::fmt::Write as _;

use super::bench::Bench;
use crate::fixtures::{Fixture, Machine, Release};

/// What sudo on this machine says with the card's accounts and rules: whether the user may run a program, and the
/// last of the rules about it.
///
/// Sudo wants more than one user number, which only root or `newuidmap` gives.
fn said(bench: &Bench, user: &str) -> String {
    bench.script(&format!(
        "rm -rf tree; mkdir tree; debugfs -R 'rdump /etc tree' \"pi.img$root\" 2>/dev/null
         map=; [ \"$(id -u)\" = 0 ] || map='--map-root-user --map-auto'
         unshare $map --mount sh -euc '
             for path in passwd group shadow sudoers sudoers.d; do mount --bind tree/etc/$path /etc/$path; done
             visudo -c >/dev/null
             if sudo -l -U {user} /bin/true >/dev/null; then echo allowed; else echo refused; fi
             sudo -l -U {user} | tail -n 1'"
    ))
}

/// A base whose rules about its user are not all of the simplest kind.
fn base(last: &str, main: impl FnOnce(String) -> String) -> Bench {
    let mut fixture = Fixture::new(Release::Trixie, Machine::Arm64);
    fixture.change("etc/sudoers", main);
    for (name, text) in [
        ("015_all", "Defaults !authenticate\n"),
        ("020_list", "bob, pi ALL=(ALL) NOPASSWD: ALL\n"),
        (
            "030_alias",
            "User_Alias BOSS = bob, pi, ada\nBOSS ALL=(ALL) NOPASSWD: ALL\n",
        ),
        ("040_group", "%adm ALL=(ALL) ALL\n"),
        (last, "%adm ALL=(ALL) /bin/true, !/bin/false\n"),
    ] {
        fixture.put(&format!("etc/sudoers.d/{name}"), text.into(), 0o440, (0, 0));
    }
    let bench = Bench::of(fixture);
    bench
        .sandbox
        .secret("hash", "$6$salt$0123456789012345678901234567890123456789");
    bench
}

fn outcome(bench: &Bench) -> String {
    let mut report = String::new();
    for name in ["ada", "pi"] {
        for policy in ["none", "password", "passwordless"] {
            let login = format!("name: {name}, sudo: {policy}, password-file: hash");
            bench.bake(&login).success();
            write!(report, "{name} {policy}: {}", said(bench, name)).unwrap();
        }
    }
    report
}

const KEPT: &str = "ada none: refused
    (ALL : ALL) !ALL
ada password: allowed
    (ALL : ALL) PASSWD: ALL
ada passwordless: allowed
    (ALL : ALL) NOPASSWD: ALL
pi none: refused
    (ALL : ALL) !ALL
pi password: allowed
    (ALL : ALL) PASSWD: ALL
pi passwordless: allowed
    (ALL : ALL) NOPASSWD: ALL
";

#[test]
fn what_the_recipe_says_holds_over_lists_aliases_and_groups_of_the_base() {
    let bench = base("050_more", |text| text);
    assert_eq!(outcome(&bench), KEPT);
    // Somebody else's rights are not ours to take.
    assert_eq!(
        bench.cat("/etc/sudoers.d/020_list"),
        "bob ALL=(ALL) NOPASSWD: ALL\n"
    );
    assert!(
        bench
            .cat("/etc/sudoers")
            .ends_with("@includedir /etc/sudoers.d\n")
    );
}

#[test]
fn it_holds_over_what_sudo_would_read_later() {
    let bench = base("zzz_last", |text| text);
    assert_eq!(outcome(&bench), KEPT);
    let bench = base("050_more", |text| text + "%adm ALL=(ALL) /bin/true\n");
    assert_eq!(outcome(&bench), KEPT);
    let bench = base("050_more", |text| {
        text.replace("@includedir /etc/sudoers.d\n", "# nothing more")
    });
    assert_eq!(outcome(&bench), KEPT);
}

#[test]
fn a_password_is_asked_for_where_the_only_grant_was_without() {
    let mut fixture = Fixture::new(Release::Trixie, Machine::Arm64);
    fixture.change("etc/sudoers", |text| {
        text.replace(
            "%sudo\tALL=(ALL:ALL) ALL",
            "%sudo ALL=(ALL:ALL) NOPASSWD: ALL",
        )
    });
    let bench = Bench::of(fixture);
    bench
        .sandbox
        .secret("hash", "$6$salt$0123456789012345678901234567890123456789");
    bench
        .bake("name: ada, sudo: password, password-file: hash")
        .success();
    assert_eq!(
        said(&bench, "ada"),
        "allowed\n    (ALL : ALL) PASSWD: ALL\n"
    );
}
