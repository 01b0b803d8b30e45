//! What lies beside an image fits it, all of it or none.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::bench::{beside, image, with_base, without_cache};
use crate::bake::clean;
use crate::kinds::ARM64;
use crate::support::{Sandbox, tool};

#[test]
fn everything_that_was_asked_for_lies_beside_the_image_and_fits_it() {
    let sandbox = with_base(&ARM64);
    let ended = image(&sandbox, &["--with", "all", "--compress", "xz:0", "--json"]).success();
    clean(&sandbox);
    let names = [
        "SHA256SUMS",
        "pi.img",
        "pi.img.bmap",
        "pi.img.xz",
        "pi.report.json",
        "pi.rpi-imager-manifest",
        "pi.spdx.json",
    ];
    assert_eq!(beside(&sandbox), names);
    let checked = tool(&sandbox, "sha256sum --strict --check SHA256SUMS")
        .success()
        .stdout;
    assert_eq!(checked.lines().count(), names.len() - 1, "{checked}");
    tool(&sandbox, "xz -dc pi.img.xz | cmp - pi.img").success();
    // bmaptool finds the map by itself.
    for from in ["pi.img", "pi.img.xz"] {
        tool(
            &sandbox,
            &format!("bmaptool copy {from} copy.img 2>bmaptool.log && cmp copy.img pi.img"),
        )
        .success();
        assert!(
            sandbox
                .read("bmaptool.log")
                .contains("discovered bmap file")
        );
    }
    // The digests that are printed are those of the list.
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    let printed = printed["outputs"].as_array().unwrap();
    let sums = sandbox.read("SHA256SUMS");
    for output in printed
        .iter()
        .filter(|output| output["path"] != "SHA256SUMS")
    {
        let line = format!(
            "{}  {}\n",
            output["sha256"].as_str().unwrap(),
            output["path"].as_str().unwrap()
        );
        assert!(sums.contains(&line), "{line}{sums}");
    }
    assert_eq!(printed.len(), names.len());
    let mode = |name: &str| {
        fs::metadata(sandbox.path(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    for name in names {
        let private = ["pi.img", "pi.img.xz"].contains(&name);
        assert_eq!(mode(name), if private { 0o600 } else { 0o644 }, "{name}");
    }
}

#[test]
fn what_was_of_the_image_before_goes_and_what_is_of_others_stays() {
    let sandbox = with_base(&ARM64);
    sandbox.write("SHA256SUMS", &format!("{}  other.iso\n", "1".repeat(64)));
    sandbox.write("pi.img.zst", "somebody's own\n");
    let ended = image(&sandbox, &["--with", "all", "--compress", "xz:0"]).success();
    assert!(
        ended
            .stderr
            .contains("warning: pi.img.zst is not of this image"),
        "{}",
        ended.stderr
    );
    assert!(sandbox.read("SHA256SUMS").contains("  other.iso\n"));
    let ended = image(&sandbox, &["--free", "2M"].as_slice()[..0]).success();
    for name in [
        "pi.img.bmap",
        "pi.img.xz",
        "pi.rpi-imager-manifest",
        "pi.spdx.json",
    ] {
        let said = format!("Removed {name}, which was of the image before");
        assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    }
    assert_eq!(
        beside(&sandbox),
        ["SHA256SUMS", "pi.img", "pi.img.zst", "pi.report.json"]
    );
    assert_eq!(
        sandbox.read("SHA256SUMS"),
        format!("{}  other.iso\n", "1".repeat(64))
    );
    assert_eq!(sandbox.read("pi.img.zst"), "somebody's own\n");
}

#[test]
fn what_a_killed_build_has_left_goes_with_the_next_one_and_what_is_being_made_stays() {
    let sandbox = with_base(&ARM64);
    for name in [
        ".pi.img.abc123.part",
        ".pi.img.zst.abc123.part",
        ".pi.img.live00.part",
        ".other.img.abc123.part",
    ] {
        sandbox.write(name, "keys\n");
    }
    let live = fs::File::open(sandbox.path(".pi.img.live00.part")).unwrap();
    live.lock().unwrap();
    let dry = image(&sandbox, &["--dry-run"]);
    assert!(
        sandbox.path(".pi.img.abc123.part").exists(),
        "{}",
        dry.shown()
    );
    let ended = image(&sandbox, &[]).success();
    let said = "Removed 2 unfinished files of a build that was cut short (10 B)";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let names = [
        ".other.img.abc123.part",
        ".pi.img.live00.part",
        "pi.img",
        "pi.report.json",
    ];
    assert_eq!(beside(&sandbox), names);
    drop(live);
    let ended = image(&sandbox, &[]).success();
    assert!(
        ended.stderr.contains("Removed 1 unfinished file of"),
        "{}",
        ended.stderr
    );
}

#[test]
fn files_that_no_report_lists_are_never_removed_and_misleading_ones_get_another_name() {
    let sandbox = with_base(&ARM64);
    let theirs = ["pi.img.bmap", "pi.rpi-imager-manifest", "pi.spdx.json"];
    for name in theirs {
        sandbox.write(name, "theirs\n");
    }
    let ended = image(&sandbox, &[]).success();
    for said in [
        "pi.img.bmap is not of this image; it is called pi.img.bmap.old now",
        "pi.rpi-imager-manifest is not of this image; it is called pi.rpi-imager-manifest.old now",
        "pi.spdx.json is not of this image; nothing was done to it",
    ] {
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    assert!(!ended.stderr.contains("Removed"), "{}", ended.stderr);
    let kept = [
        "pi.img.bmap.old",
        "pi.rpi-imager-manifest.old",
        "pi.spdx.json",
    ];
    for name in kept {
        assert_eq!(sandbox.read(name), "theirs\n", "{name}");
    }
    sandbox.write("pi.img.bmap", "theirs too\n");
    let before = sandbox.listing();
    let ended = image(&sandbox, &[]);
    assert_eq!(ended.code, 2, "{}", ended.shown());
    assert!(
        ended
            .stderr
            .contains("can't be called ./pi.img.bmap.old either"),
        "{}",
        ended.stderr
    );
    assert_eq!(sandbox.listing(), before);
    // A new one may take its place.
    image(&sandbox, &["--with", "bmap"]).success();
    assert_eq!(sandbox.read("pi.img.bmap.old"), "theirs\n");
}

#[test]
fn an_old_block_map_does_not_stay_as_a_link_and_a_folder_in_the_way_is_refused_at_once() {
    let sandbox = with_base(&ARM64);
    tool(&sandbox, "echo old >elsewhere; ln -s elsewhere pi.img.bmap").success();
    image(&sandbox, &[]).success();
    let names = ["pi.img", "pi.img.bmap.old", "pi.report.json"];
    assert_eq!(beside(&sandbox), names);
    assert_eq!(sandbox.read("elsewhere"), "old\n");
    fs::create_dir(sandbox.path("pi.img.bmap")).unwrap();
    let ended = image(&sandbox, &["--with", "bmap"]);
    assert_eq!(ended.code, 2, "{}", ended.shown());
    assert!(
        ended
            .stderr
            .contains("pi.img.bmap exists and is no regular file"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_base_that_is_named_like_the_packed_image_is_never_removed() {
    let sandbox = with_base(&ARM64);
    tool(&sandbox, "xz -0 <base.img >pi.img.xz; cp pi.img.xz kept.xz").success();
    sandbox
        .provision(&[
            "image",
            "--broker",
            "broker",
            "--base",
            "pi.img.xz",
            "--free",
            "1M",
            "--out",
            "pi.img",
        ])
        .success();
    tool(&sandbox, "cmp pi.img.xz kept.xz").success();
}

#[test]
fn a_disk_that_fills_up_leaves_the_old_image_with_all_that_is_beside_it() {
    let sandbox = with_base(&ARM64);
    sandbox.provision(&["init", "--host", "broker"]).success();
    fs::create_dir(sandbox.path("small")).unwrap();
    let provision = env!("CARGO_BIN_EXE_provision");
    // There is room for the image, but not for the packed one: the broker's bytes are in both.
    let script = format!(
        "mount -t tmpfs -o size=SIZE tmpfs small
         for name in pi.img pi.img.bmap pi.report.json SHA256SUMS; do echo old >small/$name; done
         if {provision} image --base base.img --broker broker --free 1M --with all --compress xz:0 --out small/pi.img
         then exit 9; fi
         cat small/*; ls -A small"
    );
    let allocated = allocated(&sandbox);
    let script = script.replace("SIZE", &format!("{}k", allocated / 1024 + 250));
    let mut command = std::process::Command::new("unshare");
    let ended = sandbox
        .run(command.args(["-rm", "sh", "-euc", &script]), "")
        .success();
    let names = "SHA256SUMS\npi.img\npi.img.bmap\npi.report.json\n";
    assert_eq!(ended.stdout, format!("old\nold\nold\nold\n{names}"));
    assert!(
        ended.stderr.contains("the disk is full"),
        "{}",
        ended.stderr
    );
}

/// The bytes that an image takes on a disk.
fn allocated(sandbox: &Sandbox) -> u64 {
    image(sandbox, &["--out", "probe.img"]).success();
    let about = fs::metadata(sandbox.path("probe.img")).unwrap();
    std::os::unix::fs::MetadataExt::blocks(&about) * 512
}

#[test]
fn what_would_be_written_is_said_before_it_is() {
    let sandbox = with_base(&ARM64);
    sandbox.provision(&["init", "--host", "broker"]).success();
    let before = sandbox.listing();
    let ended = image(
        &sandbox,
        &["--dry-run", "--with", "all", "--compress", "xz"],
    )
    .success();
    let said = "It would go into pi.img, pi.img.xz, pi.img.bmap, pi.rpi-imager-manifest, pi.spdx.json, pi.report.json, \
                SHA256SUMS.";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert_eq!(without_cache(sandbox.listing()), without_cache(before));
}
