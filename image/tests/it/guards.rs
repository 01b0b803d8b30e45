//! Images that can't be a base, and what is said of each.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::path::Path;

use image::mbr::{MBR_SIZE, Mbr, Partition, PartitionType, Sectors};
use image::{Card, Entry, Overlay};

use crate::support::{
    Bench, Features, ROOT, assert_sound, chain, debugfs, overlay, run, superblock, tool,
};

/// What is said when `image` is opened, with the hint.
fn said(bench: &Bench) -> String {
    let error = image::Error::from(Card::open(&bench.base()).unwrap_err());
    let hint = error.hint().unwrap_or_else(|| "no hint".to_owned());
    format!("{}\n  hint: {hint}", chain(&error))
        .replace(bench.folder.path().to_str().unwrap(), "[DIR]")
}

/// A base with a `mke2fs` option, or `None` where this version refuses it.
fn made(options: &[&str]) -> Bench {
    Bench::made(options, |_| {})
}

#[test]
fn features_that_would_be_broken_are_refused_by_name() {
    let mut report = String::new();
    for features in [
        "quota",
        "project,quota",
        "bigalloc",
        "encrypt",
        "verity",
        "casefold",
        "inline_data",
        "large_dir",
        "ea_inode",
        "mmp",
        "meta_bg,^resize_inode",
    ] {
        let bench = made(&["-b", "4096", "-O", features]);
        report.push_str(features);
        report.push_str(": ");
        report.push_str(said(&bench).lines().nth(1).unwrap_or_default().trim());
        report.push('\n');
    }
    insta::assert_snapshot!(report, @r"
    quota: because the ext4 file system has features that are not supported: quota
    project,quota: because the ext4 file system has features that are not supported: quota, project
    bigalloc: because the ext4 file system has features that are not supported: bigalloc
    encrypt: because the ext4 file system has features that are not supported: encrypt
    verity: because the ext4 file system has features that are not supported: verity
    casefold: because the ext4 file system has features that are not supported: casefold
    inline_data: because the ext4 file system has features that are not supported: inline_data
    large_dir: because the ext4 file system has features that are not supported: large_dir
    ea_inode: because the ext4 file system has features that are not supported: ea_inode
    mmp: because the ext4 file system has features that are not supported: mmp
    meta_bg,^resize_inode: because the ext4 file system has features that are not supported: meta_bg
    ");
}

#[test]
fn every_unknown_feature_is_named_by_its_set_and_bit() {
    let mut report = String::new();
    for (set, value) in [
        ("feature_incompat", "0x8000242"),
        ("feature_ro_compat", "0x4000003"),
        ("feature_compat", "0x800003c"),
    ] {
        let bench = Bench::new(Features::Bookworm);
        superblock(&bench, set, value);
        report.push_str(&said(&bench));
        report.push('\n');
    }
    insta::assert_snapshot!(report, @r"
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system has features that are not supported: FEATURE_I27
      hint: take a base whose root file system is made as Raspberry Pi OS makes it: `mke2fs -t ext4 -b 4096`
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system has features that are not supported: FEATURE_R26
      hint: take a base whose root file system is made as Raspberry Pi OS makes it: `mke2fs -t ext4 -b 4096`
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system has features that are not supported: FEATURE_C27
      hint: take a base whose root file system is made as Raspberry Pi OS makes it: `mke2fs -t ext4 -b 4096`
    ");
}

#[test]
fn states_that_need_a_repair_are_told_apart() {
    let mut report = String::new();
    for (field, value) in [
        ("feature_incompat", "0x246"),
        ("state", "0"),
        ("state", "3"),
        ("journal_dev", "0x801"),
        ("feature_ro_compat", "0x1046b"),
        ("feature_incompat", "0x240"),
    ] {
        let bench = Bench::new(Features::Bookworm);
        superblock(&bench, field, value);
        report.push_str(&said(&bench));
        report.push('\n');
    }
    insta::assert_snapshot!(report, @r"
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system needs its journal replayed (needs_recovery is set)
      hint: take an image that was never booted, or repair this one: `e2fsck -fy 'IMAGE?offset=BYTES'`
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system was not unmounted cleanly (state 0)
      hint: take an image that was never booted, or repair this one: `e2fsck -fy 'IMAGE?offset=BYTES'`
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system is marked as having errors
      hint: take an image that was never booted, or repair this one: `e2fsck -fy 'IMAGE?offset=BYTES'`
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system has its journal on another device
      hint: take a base whose root file system is made as Raspberry Pi OS makes it: `mke2fs -t ext4 -b 4096`
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system has deleted files to clean up (orphan_present is set)
      hint: take an image that was never booted, or repair this one: `e2fsck -fy 'IMAGE?offset=BYTES'`
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system lacks the feature filetype
      hint: take a base whose root file system is made as Raspberry Pi OS makes it: `mke2fs -t ext4 -b 4096`
    ");
}

#[test]
fn small_blocks_and_wide_block_numbers_are_as_good_as_any() {
    for options in [
        &["-b", "1024"][..],
        &["-b", "2048"],
        &["-b", "4096", "-O", "64bit"],
        &["-b", "1024", "-O", "^metadata_csum,uninit_bg"],
        &["-b", "4096", "-O", "^has_journal"],
        &["-b", "4096", "-O", "^extents,^64bit,^flex_bg"],
    ] {
        let bench = made(options);
        let big = vec![7; 20 << 20];
        let entries = overlay([
            ("/etc/hostname", Entry::file("new\n", 0o644, "test")),
            ("/srv/big", Entry::file(big, 0o644, "test")),
        ]);
        // With and without growth.
        for free in [0, 64 << 20] {
            bench
                .assemble_with(&entries, |request| request.free = free)
                .unwrap_or_else(|error| panic!("{options:?} {free}: {}", chain(&error)));
            assert_sound(&bench.output());
            assert_eq!(debugfs(&bench.output(), "cat /etc/hostname"), "new\n");
        }
    }
}

#[test]
fn blocks_that_a_pi_can_not_mount_and_inodes_of_old_are_refused() {
    let large = said(&made(&["-b", "65536", "-F"]));
    let small = said(&made(&["-b", "4096", "-I", "128"]));
    insta::assert_snapshot!(format!("{large}\n{small}"), @r"
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system has blocks of 65536 bytes, a Raspberry Pi can mount 4096 at most
      hint: take a base whose root file system is made as Raspberry Pi OS makes it: `mke2fs -t ext4 -b 4096`
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system has inodes of 128 bytes, 256 are needed at least
      hint: take a base whose root file system is made as Raspberry Pi OS makes it: `mke2fs -t ext4 -b 4096`
    ");
}

/// Rewrites the partition table of the base.
fn table(bench: &Bench, change: impl FnOnce(&mut Mbr)) {
    let file = File::options()
        .read(true)
        .write(true)
        .open(bench.base())
        .unwrap();
    let mut sector = [0; MBR_SIZE];
    file.read_exact_at(&mut sector, 0).unwrap();
    let mut mbr = Mbr::parse(&sector).unwrap();
    change(&mut mbr);
    file.write_all_at(&mbr.to_bytes(), 0).unwrap();
}

fn linux(number: u8, start: u64, length: u64) -> Partition {
    Partition {
        number,
        kind: PartitionType::LINUX,
        bootable: false,
        start: Sectors::new(start),
        length: Sectors::new(length),
    }
}

#[test]
fn tables_and_files_that_are_no_card_are_told_with_a_cure() {
    let cases: [fn(&Bench); 5] = [
        // Cut off on the way.
        |bench| truncate(&bench.base(), (ROOT.0 + ROOT.1) * 512 - 4096),
        // Two that could be the root.
        |bench| {
            truncate(&bench.base(), (ROOT.0 + ROOT.1 + 2048) * 512);
            table(bench, |mbr| {
                mbr.set(linux(3, ROOT.0 + ROOT.1, 2048)).unwrap();
            });
        },
        // A file system larger than its partition.
        |bench| {
            table(bench, |mbr| {
                mbr.set(linux(2, ROOT.0, ROOT.1 - 8)).unwrap();
            });
        },
        // A GPT, alone and beside partitions.
        |bench| {
            run(tool("sfdisk")
                .args(["--quiet", "--no-reread", "--part-type"])
                .arg(bench.base())
                .args(["1", "ee"]));
        },
        |bench| {
            let file = File::options().write(true).open(bench.base()).unwrap();
            file.write_all_at(&[0; 4096], 0).unwrap();
            drop(file);
            let mut sfdisk = tool("sfdisk");
            sfdisk
                .args(["--quiet", "--no-reread", "--no-tell-kernel"])
                .arg(bench.base());
            crate::support::feed(&mut sfdisk, b"label: gpt\nsize=8M\n");
        },
    ];
    let mut report = String::new();
    for case in cases {
        let bench = Bench::new(Features::Trixie);
        case(&bench);
        report.push_str(&said(&bench));
        report.push('\n');
    }
    insta::assert_snapshot!(report, @r"
    [DIR]/base.img is not a usable card image
      because partition 2 ends at sector 139264, the image has 139256
      hint: the image is cut off: download, copy or unpack it again
    [DIR]/base.img is not a usable card image
      because partitions 2 and 3 are both Linux ones (type 0x83), and which is the root can't be told
      hint: use a base with one FAT and one Linux partition, as Raspberry Pi OS has them
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system has 25165824 bytes, and its partition only 25161728
      hint: the image is damaged or cut off: take another copy of it
    [DIR]/base.img is not a usable card image
      because the image has a hybrid GPT/MBR partition table, and Raspberry Pi images have an MBR
      hint: use an image for the Raspberry Pi with an MBR, as those of Raspberry Pi OS have it
    [DIR]/base.img is not a usable card image
      because the image has a GPT partition table, and Raspberry Pi images have an MBR
      hint: use an image for the Raspberry Pi with an MBR, as those of Raspberry Pi OS have it
    ");
}

fn truncate(path: &Path, size: u64) {
    let mut file = File::options().append(true).open(path).unwrap();
    file.flush().unwrap();
    file.set_len(size).unwrap();
}

#[test]
fn a_root_partition_that_is_not_the_last_is_written_but_does_not_grow() {
    let bench = Bench::new(Features::Trixie);
    truncate(&bench.base(), (ROOT.0 + ROOT.1 + 2048) * 512);
    table(&bench, |mbr| {
        let swap = Partition {
            kind: PartitionType(0x82),
            ..linux(3, ROOT.0 + ROOT.1, 2048)
        };
        mbr.set(swap).unwrap();
    });
    bench.assemble(&Overlay::new()).unwrap();
    assert_sound(&bench.output());
    let error = bench
        .assemble_with(&Overlay::new(), |request| request.free = 100 << 20)
        .unwrap_err();
    insta::assert_snapshot!(format!("{error}\n{}", error.hint().unwrap()), @r"
    partition 2 can't be resized: partition 3 lies behind it
    use a base whose root partition is the last, or ask for no more room than it has
    ");
}

#[test]
fn a_fat_partition_that_is_full_has_a_hint() {
    let bench = Bench::new(Features::Trixie);
    let large = Entry::file(vec![0; 40 << 20], 0o755, "test");
    let error = bench
        .assemble(&overlay([("/boot/firmware/initrd.img", large)]))
        .unwrap_err();
    insta::assert_snapshot!(format!("{error}\n{}", error.hint().unwrap()), @r"
    the FAT partition has 37150208 bytes free, and 42008576 are needed
    put less onto it, or use a base with a larger FAT partition
    ");
}
