//! provision.lock as the command line sees it: obeyed without a network, refused, left alone.

use std::fs;

use image::Architecture;
use image::base::debian::{DebianBase, Package, PackageSet, Suite};
use provisioner::lock::{DebianLock, LockFile};

use crate::bake::{clean, with_base_of};
use crate::kinds::ARM64;
use crate::support::{Ended, Sandbox};

const RECIPE: &str = "system:\n  packages: [hostapd]\n  firewall: off\n  upgrades: none\n";

/// A sandbox with a base, a broker, a site and a recipe that wants a package more.
fn sandbox() -> Sandbox {
    let sandbox = with_base_of(&ARM64, |_| {});
    sandbox.provision(&["init", "--host", "broker"]).success();
    sandbox.write("my.yaml", RECIPE);
    sandbox
}

fn base() -> DebianBase {
    let base = DebianBase::new(Suite::Trixie, Architecture::Arm64).unwrap();
    base.with_packages(&["hostapd".to_owned()]).unwrap()
}

fn packages() -> PackageSet {
    let package = Package {
        version: "2:2.10-24".to_owned(),
        architecture: "arm64".to_owned(),
        size: 1000,
        sha256: "0123456789abcdef".repeat(4),
        path: "pool/main/w/wpa/hostapd_2.10-24_arm64.deb".to_owned(),
    };
    PackageSet::new([("hostapd".to_owned(), package)]).unwrap()
}

/// Writes a lock beside the recipe.
fn lock(sandbox: &Sandbox, wanted: &[&str]) {
    let mut lock = LockFile::open(sandbox.path("provision.lock")).unwrap();
    let entry = DebianLock {
        date: "2025-01-01".to_owned(),
        wanted: wanted.iter().map(|&name| name.to_owned()).collect(),
        packages: packages(),
    };
    lock.set_debian(Suite::Trixie, Architecture::Arm64, entry);
    lock.save().unwrap();
}

fn bake(sandbox: &Sandbox, more: &[&str]) -> Ended {
    let args = [
        "image",
        "--recipe",
        "./my.yaml",
        "--base",
        "debian",
        "--broker",
        "broker",
        "--free",
        "1M",
        "--out",
        "pi.img",
    ];
    sandbox.provision(&[&args[..], more].concat())
}

#[test]
fn a_locked_base_that_is_in_the_cache_needs_no_network() {
    let sandbox = sandbox();
    let base = base();
    lock(&sandbox, &base.roots());
    let cached = base
        .pin(packages())
        .path_in(&sandbox.path("home/.cache/provision"));
    fs::create_dir_all(cached.parent().unwrap()).unwrap();
    fs::copy(sandbox.path("base.img"), cached).unwrap();
    let before = sandbox.read("provision.lock");
    for more in [&["--json"][..], &["--json", "--locked"]] {
        let ended = bake(&sandbox, more).success();
        let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(json["lock"]["file"], "./provision.lock");
        assert_eq!(json["lock"]["changes"], serde_json::json!([]));
        assert!(
            ended.stderr.contains("packages are those of 2025-01-01"),
            "{}",
            ended.stderr
        );
        clean(&sandbox);
        assert_eq!(sandbox.read("provision.lock"), before);
    }
}

#[test]
fn locked_refuses_before_anything_is_made_and_says_what_to_do() {
    let sandbox = sandbox();
    fs::create_dir_all(sandbox.path("home/.cache/provision")).unwrap();
    let before = sandbox.listing();
    let missing = bake(&sandbox, &["--locked"]);
    insta::assert_snapshot!(missing.shown(), @r"
    exit: 2
    --- stdout
    --- stderr
    error: ./provision.lock has no packages that fit debian-trixie for arm64: it has none yet
      hint: run it once without --locked, which writes the lock, and keep that
    ");
    assert_eq!(sandbox.listing(), before);
    let plain = DebianBase::new(Suite::Trixie, Architecture::Arm64).unwrap();
    lock(&sandbox, &plain.roots());
    let before = sandbox.listing();
    for more in [&["--locked"][..], &["--locked", "--dry-run"]] {
        let unfit = bake(&sandbox, more);
        assert_eq!(unfit.code, 2);
        insta::allow_duplicates!(insta::assert_snapshot!(unfit.shown(), @r"
        exit: 2
        --- stdout
        --- stderr
        error: ./provision.lock has no packages that fit debian-trixie for arm64: now it is wanted with hostapd
          hint: run it once without --locked, which writes the lock, and keep that
        "));
        assert_eq!(sandbox.listing(), before);
    }
}

#[test]
fn an_update_that_reaches_no_mirror_changes_nothing() {
    let sandbox = sandbox();
    lock(&sandbox, &base().roots());
    let before = (sandbox.read("provision.lock"), sandbox.listing());
    let nobody = [
        "--mirror",
        "http://127.0.0.1:9/debian",
        "--security-mirror",
        "http://127.0.0.1:9/s",
    ];
    let ended = bake(
        &sandbox,
        &[&["--update", "--dry-run"][..], &nobody].concat(),
    );
    assert_eq!(ended.code, 1, "{}", ended.shown());
    assert!(ended.stderr.contains("127.0.0.1:9"), "{}", ended.stderr);
    assert!(ended.stderr.contains("--mirror"), "{}", ended.stderr);
    assert_eq!((sandbox.read("provision.lock"), sandbox.listing()), before);
}

#[test]
fn what_can_be_no_package_mirror_or_lock_is_the_users_fault() {
    let sandbox = sandbox();
    let mut told = String::new();
    let mut refuse = |ended: Ended| {
        assert_eq!(ended.code, 2, "{}", ended.shown());
        told.push_str(&ended.stderr);
    };
    refuse(bake(&sandbox, &["--locked", "--update"]));
    refuse(bake(&sandbox, &["--mirror", "[trusted=yes] http://x/"]));
    sandbox.write("provision.lock", "version: 1\ndebain: {}\n");
    refuse(bake(&sandbox, &[]));
    sandbox.write("my.yaml", "system: {packages: [sudo=1.0]}\n");
    refuse(bake(&sandbox, &[]));
    insta::assert_snapshot!(told, @r#"
    error: the argument '--locked' cannot be used with '--update'

    Usage: provision image --out <FILE|DIR> --recipe <NAME|FILE> --base <NAME|FILE> --broker <FILE> --free <SIZE> --locked --index-url <URL>

    For more information, try '--help'.
    error: --mirror "[trusted=yes] http://x/" is no address of a mirror
      hint: as in `http://deb.debian.org/debian`
    error: ./provision.lock:2:1: unknown key "debain"
      hint: did you mean "debian"?
    error: system.packages: "sudo=1.0" is not the name of a package
    "#);
}
