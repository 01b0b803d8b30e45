//! Images that grow, and images that may not.

use image::{Card, Entry, Overlay};

use crate::support::{Bench, Features, assert_sound, debugfs, overlay, run, tool};

fn big(bytes: usize) -> Overlay {
    overlay([("/usr/bin/big", Entry::file(vec![7; bytes], 0o755, "test"))])
}

#[test]
fn an_image_grows_by_what_its_files_need_on_both_releases() {
    for features in Features::BOTH {
        let bench = Bench::new(features);
        let report = bench.assemble(&big(40 << 20)).unwrap();
        assert!(report.grown >= 20 << 20, "{report:?}");
        assert_eq!(report.size % (4 << 20), 0);
        assert_sound(&bench.output());
        let listing = run(tool("sfdisk").arg("-l").arg(bench.output()));
        assert!(
            listing.contains(&format!("{} bytes", report.size)),
            "{listing}"
        );
        // What was there before is still there.
        assert_eq!(
            debugfs(&bench.output(), "cat /etc/hostname"),
            "raspberrypi\n"
        );
        let card = Card::open(&bench.output()).unwrap();
        assert!(card.read("/boot/firmware/config.txt").unwrap().is_some());
    }
}

#[test]
fn free_room_is_what_was_asked_for() {
    for free in [1 << 20, 30 << 20, 200 << 20, 1 << 30] {
        let bench = Bench::new(Features::Trixie);
        let report = bench
            .assemble_with(&Overlay::new(), |request| request.free = free)
            .unwrap();
        assert!(report.free >= free, "{} of {free}", report.free);
        assert!(report.free < free + (64 << 20), "{} of {free}", report.free);
        assert_sound(&bench.output());
    }
}

#[test]
fn inodes_are_room_too() {
    let bench = Bench::new(Features::Trixie);
    let mut many = Overlay::new();
    for index in 0..1500 {
        let path = format!("/var/lib/many/{}/{index}", index / 100);
        many.insert(
            image::EntryPath::new(path).unwrap(),
            Entry::symlink("x", "test"),
        )
        .unwrap();
    }
    let report = bench.assemble(&many).unwrap();
    assert!(report.grown > 0);
    assert_sound(&bench.output());
}

#[test]
fn a_limit_is_kept_and_both_sizes_are_named() {
    let bench = Bench::new(Features::Trixie);
    let error = bench
        .assemble_with(&big(40 << 20), |request| request.limit = Some(80 << 20))
        .unwrap_err();
    insta::assert_snapshot!(error, @"the image would have 96468992 bytes, and at most 83886080 are allowed");
    assert_eq!(
        error.hint().unwrap(),
        "allow 92M or more, or ask for less free room"
    );
    assert!(!bench.output().exists());
}

#[test]
fn an_image_that_fits_keeps_its_size() {
    let bench = Bench::new(Features::Bookworm);
    let report = bench.assemble(&big(1 << 20)).unwrap();
    assert_eq!(report.grown, 0);
    assert_eq!(report.size, std::fs::metadata(bench.base()).unwrap().len());
}
