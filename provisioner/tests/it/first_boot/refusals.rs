//! Bases that are damaged, or that nobody can tell the name of.

use std::fmt::Write as _;
use std::fs;

use super::bench::Bench;
use crate::fixtures::{Fixture, Machine, Release};
use crate::kinds::ARMHF;

/// What is said of a damaged copy of a base, one damage after the other.
fn refusals(release: Release) -> String {
    let mut report = String::new();
    for (what, damage) in damages() {
        let mut fixture = Fixture::new(release, Machine::Arm64);
        let command = damage(&mut fixture);
        let bench = Bench::of(fixture);
        if !command.is_empty() {
            bench.script(command);
        }
        let before = bench.script("sha256sum base.img");
        let ended = bench.bake("name: ada");
        assert_eq!(ended.code, 2, "{what}: {}", ended.shown());
        let written = |name: &str| bench.sandbox.path(name).exists();
        assert!(!written("pi.img") && !written("site"), "{what}");
        assert_eq!(bench.script("sha256sum base.img"), before, "{what}");
        let (_, error) = ended.stderr.split_once("error: ").unwrap();
        write!(report, "{what}: {error}").unwrap();
    }
    report
}

#[test]
fn a_damaged_trixie_is_refused_with_a_word_for_it_and_nothing_is_written() {
    insta::assert_snapshot!(refusals(Release::Trixie), @r"
    cut off in the FAT: preparing base [HERE]/base.img
      caused by: [HERE]/base.img can't be a base
      caused by: [HERE]/base.img is not a usable card image
      caused by: partition 1 ends at sector 90112, the image has 18432
      hint: the image is cut off: download, copy or unpack it again
    no FAT: preparing base [HERE]/base.img
      caused by: [HERE]/base.img can't be a base
      caused by: partition 1 of [HERE]/base.img is not a readable FAT file system
      caused by: Invalid boot sector signature
      hint: the image is damaged: download or copy it again
    not closed: preparing base [HERE]/base.img
      caused by: [HERE]/base.img can't be a base
      caused by: partition 2 of [HERE]/base.img can't be used
      caused by: the ext4 file system needs its journal replayed (needs_recovery is set)
      hint: take an image that was never booted, or repair this one: `e2fsck -fy 'IMAGE?offset=BYTES'`
    no passwd: the base has no /etc/passwd
      hint: take another copy of the base, this one is damaged
    no shadow: the base has no /etc/shadow
      hint: take another copy of the base, this one is damaged
    half a passwd: in the base, /etc/passwd:7: it has 6 fields, 7 are needed
      hint: take another copy of the base, this one is damaged
    another machine: preparing base [HERE]/base.img
      caused by: [HERE]/base.img is for armhf, and arm64 is wanted
      hint: choose the target that fits the base, or a base that fits the target
    passwd is no text: /etc/passwd in the base is not UTF-8: invalid utf-8 sequence of 1 bytes from index 0
      hint: take another copy of the base, this one is damaged
    ");
}

#[test]
fn a_damaged_bookworm_is_refused_and_nothing_is_written() {
    refusals(Release::Bookworm);
}

#[test]
fn a_damaged_debian_is_refused_and_nothing_is_written() {
    refusals(Release::Debian);
}

type Damage = fn(&mut Fixture) -> &'static str;

/// What is done to a base: to its files, or, by a command, to the image.
fn damages() -> [(&'static str, Damage); 8] {
    [
        ("cut off in the FAT", |_| "truncate -s 9M base.img"),
        (
            "no FAT",
            |_| "dd if=/dev/zero of=base.img bs=1 seek=${boot#@@} count=512 conv=notrunc status=none",
        ),
        (
            "not closed",
            |_| "debugfs -w -R 'feature needs_recovery' \"base.img$root\" 2>/dev/null",
        ),
        ("no passwd", |fixture| {
            fixture.remove("etc/passwd");
            ""
        }),
        ("no shadow", |fixture| {
            fixture.remove("etc/shadow");
            ""
        }),
        ("half a passwd", |fixture| {
            fixture.change("etc/passwd", |text| text[..text.len() - 30].to_owned());
            ""
        }),
        ("another machine", |fixture| {
            let other = fs::read(ARMHF.library(ARMHF.loader)).unwrap();
            fixture.put("usr/bin/true", other, 0o755, (0, 0));
            ""
        }),
        ("passwd is no text", |fixture| {
            fixture.put("etc/passwd", vec![0xFF; 40], 0o644, (0, 0));
            ""
        }),
    ]
}

#[test]
fn a_base_whose_release_is_not_told_is_taken_with_a_warning() {
    let mut fixture = Fixture::new(Release::Trixie, Machine::Arm64);
    fixture.remove("usr/lib/os-release");
    let bench = Bench::of(fixture);
    let ended = bench.bake("name: ada").success();
    let said = "the base is taken for Raspberry Pi OS with cloud-init, but /etc/os-release names no release";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    bench.clean();
    assert!(!bench.has("/home/pi"));
}

#[test]
fn what_would_be_baked_knows_what_the_base_is() {
    let bench = Bench::new(Release::Trixie, Machine::Arm64);
    bench
        .sandbox
        .provision(&["init", "--host", "broker"])
        .success();
    let listed = |base: &str| {
        let args = ["render", "--broker", "broker", "--base", base];
        bench.sandbox.provision(&args).success().stdout
    };
    assert!(!listed("base.img").contains("grow-root"));
    assert!(listed("debian").contains("unit grow-root.service"));
}
