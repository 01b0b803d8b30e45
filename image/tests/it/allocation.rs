//! What matters in an image, against what e2fsprogs, dosfstools and mtools say.

use std::collections::BTreeSet;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use image::allocation::Allocation;
use image::{Card, Entry, Overlay};

use crate::support::{
    Bench, Features, ROOT, assert_sound, at_boot, debugfs, feed, overlay, run, tamper, tool, write,
};

/// Where the partition of [`formatted`] begins.
const OFFSET: u64 = 4 << 20;

/// An image with one Linux partition of 200 MiB, made with these options of `mke2fs`.
fn formatted(folder: &Path, options: &[&str]) -> std::path::PathBuf {
    let image = folder.join("disk.img");
    File::create(&image)
        .unwrap()
        .set_len(OFFSET + (200 << 20))
        .unwrap();
    let mut sfdisk = tool("sfdisk");
    sfdisk.args(["--quiet", "--label", "dos"]).arg(&image);
    feed(&mut sfdisk, b"8192,,83\n");
    let tree = folder.join("tree");
    std::fs::create_dir_all(tree.join("deep/er")).unwrap();
    for index in 0..40 {
        write(&tree.join(format!("deep/er/{index}")), vec![index; 70_000]);
    }
    run(tool("mke2fs")
        .args(["-q", "-t", "ext4", "-E", &format!("offset={OFFSET}")])
        .args(options)
        .arg("-d")
        .arg(&tree)
        .arg(&image)
        .arg("200m"));
    run(tool("debugfs")
        .args(["-w", "-R", "rm /deep/er/7"])
        .arg(format!("{}?offset={OFFSET}", image.display())));
    image
}

/// The blocks that `dumpe2fs` says are free, as bytes of the image, and the size of a block.
fn free_for_dumpe2fs(image: &Path) -> (BTreeSet<u64>, u64) {
    let text = run(tool("dumpe2fs").arg(format!("{}?offset={OFFSET}", image.display())));
    let size = text
        .lines()
        .find_map(|line| line.strip_prefix("Block size:"))
        .unwrap();
    let size: u64 = size.trim().parse().unwrap();
    let lists = text
        .lines()
        .filter_map(|line| line.strip_prefix("  Free blocks: "));
    let mut free = BTreeSet::new();
    for range in lists
        .flat_map(|list| list.split(", "))
        .filter(|range| !range.is_empty())
    {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
        free.extend((first..=last).map(|block| OFFSET + block * size));
    }
    (free, size)
}

#[test]
fn what_is_free_on_ext4_is_what_dumpe2fs_says() {
    let kinds: [&[&str]; 9] = [
        &["-b", "4096", "-O", "^64bit,^metadata_csum,^orphan_file"],
        &[
            "-b",
            "4096",
            "-O",
            "metadata_csum,metadata_csum_seed,orphan_file",
        ],
        &["-b", "1024", "-O", "^flex_bg,^resize_inode,sparse_super2"],
        &[
            "-b",
            "1024",
            "-O",
            "^sparse_super,^resize_inode,^metadata_csum",
        ],
        &[
            "-b",
            "2048",
            "-O",
            "^64bit,uninit_bg,^metadata_csum",
            "-G",
            "4",
        ],
        &[
            "-b",
            "4096",
            "-g",
            "2048",
            "-O",
            "^resize_inode",
            "-J",
            "size=4",
        ],
        &["-b", "1024", "-O", "meta_bg,^resize_inode"],
        &["-b", "1024", "-g", "256", "-O", "meta_bg,^resize_inode"],
        &[
            "-b",
            "4096",
            "-g",
            "2048",
            "-O",
            "meta_bg,^resize_inode,^64bit,^flex_bg",
        ],
    ];
    for options in kinds {
        let folder = tempfile::tempdir().unwrap();
        let image = formatted(folder.path(), options);
        assert_agrees_with_dumpe2fs(&image, &format!("{options:?}"));
    }
}

/// Fails unless the map of the ext4 file system in `image` is that which `dumpe2fs` has.
fn assert_agrees_with_dumpe2fs(image: &Path, what: &str) {
    let (free, size) = free_for_dumpe2fs(image);
    assert!(free.len() > 100, "{what}");
    let mut expected = BTreeSet::new();
    let mut unit = OFFSET;
    while unit < OFFSET + (200 << 20) {
        if (unit..unit + 4096)
            .step_by(usize::try_from(size).unwrap())
            .all(|block| free.contains(&block))
        {
            expected.insert(unit);
        }
        unit += 4096;
    }
    let allocation = Allocation::read(image).unwrap();
    let found = allocation.free().filter(|range| range.start >= OFFSET);
    let found: BTreeSet<u64> = found.flat_map(|range| range.step_by(4096)).collect();
    let wrong: Vec<_> = found.symmetric_difference(&expected).take(5).collect();
    assert!(wrong.is_empty(), "{what}: {wrong:?}");
}

#[test]
fn descriptors_that_lie_together_at_first_and_spread_out_later_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let features = "meta_bg,uninit_bg,^metadata_csum,^resize_inode";
    let image = formatted(folder.path(), &["-b", "4096", "-g", "256", "-O", features]);
    // As if it had grown past the one block that was kept for its table.
    run(tool("debugfs")
        .args(["-w", "-R", "set_super_value first_meta_bg 1"])
        .arg(format!("{}?offset={OFFSET}", image.display())));
    assert_agrees_with_dumpe2fs(&image, features);
}

#[test]
fn a_file_system_that_is_not_understood_counts_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let image = formatted(folder.path(), &["-b", "4096", "-O", "bigalloc"]);
    let whole = |image: &Path| {
        let allocation = Allocation::read(image).unwrap();
        let partition = OFFSET..OFFSET + (200 << 20);
        assert_eq!(allocation.used().last(), Some(&partition));
    };
    whole(&image);
    let file = File::options().write(true).open(&image).unwrap();
    file.write_all_at(&[0; 4096], OFFSET).unwrap();
    whole(&image);
}

/// Fills everything in `image` that doesn't matter.
fn spoil(image: &Path, free: impl Iterator<Item = Range<u64>>) -> u64 {
    let file = File::options().write(true).open(image).unwrap();
    let mut spoilt = 0;
    for range in free {
        let length = range.end - range.start;
        file.write_all_at(&vec![0xA5; usize::try_from(length).unwrap()], range.start)
            .unwrap();
        spoilt += length;
    }
    spoilt
}

/// A card with some files on both file systems.
fn card(features: Features) -> Bench {
    let bench = Bench::new(features);
    let mut files = overlay([("/etc/hostname", Entry::file("broker1\n", 0o644, "recipe"))]);
    for index in 0..30 {
        let file = || Entry::file(vec![index; 3000 * usize::from(index)], 0o644, "test");
        for folder in ["/var/lib/many", "/boot/firmware/overlays"] {
            let path = image::EntryPath::new(format!("{folder}/{index}.bin")).unwrap();
            files.insert(path, file()).unwrap();
        }
    }
    bench.assemble(&files).unwrap();
    bench
}

#[test]
fn nothing_that_matters_is_left_out_whatever_lies_in_the_rest() {
    for features in Features::BOTH {
        let bench = card(features);
        let (image, spoilt) = (bench.output(), bench.path("spoilt.img"));
        std::fs::copy(&image, &spoilt).unwrap();
        let allocation = Allocation::read(&image).unwrap();
        let junk = spoil(&spoilt, allocation.free());
        assert!(junk > 30 << 20, "only {junk} bytes are free");
        assert_sound(&spoilt);
        for (number, image) in [&image, &spoilt].into_iter().enumerate() {
            let tree = bench.path(&format!("tree{number}"));
            let boot = tree.join("boot");
            std::fs::create_dir_all(&boot).unwrap();
            run(tool("mcopy")
                .args(["-s", "-n", "-i", &at_boot(image), "::*"])
                .arg(&boot));
            debugfs(image, &format!("rdump / {}", tree.display()));
        }
        run(tool("diff")
            .args(["-r", "--no-dereference"])
            .args([bench.path("tree0"), bench.path("tree1")]));
        let hostname = Card::open(&spoilt).unwrap().read("/etc/hostname").unwrap();
        assert_eq!(hostname.unwrap(), b"broker1\n");
    }
}

#[test]
fn what_was_deleted_on_the_base_is_not_on_the_card_and_stays_on_the_base() {
    const MARK: &[u8] = b"what was written here before";
    let bench = Bench::new(Features::Trixie);
    let (file, base) = (bench.path("old"), bench.base());
    write(&file, MARK.repeat(500));
    let commands = format!("write {} etc/old\nrm etc/old\n", file.display());
    tamper(&base, &commands);
    run(tool("mcopy")
        .arg("-i")
        .arg(at_boot(&base))
        .arg(&file)
        .arg("::/old"));
    run(tool("mdel").args(["-i", &at_boot(&base), "::/old"]));
    let count = |image: &Path| {
        let bytes = std::fs::read(image).unwrap();
        bytes
            .windows(MARK.len())
            .filter(|window| *window == MARK)
            .count()
    };
    let before = count(&base);
    assert!(before >= 900, "the base holds {before} marks");
    bench.assemble(&Overlay::new()).unwrap();
    assert_eq!(count(&bench.output()), 0);
    assert_eq!(count(&base), before);
    assert_sound(&bench.output());
    assert_eq!(
        debugfs(&bench.output(), "cat /etc/hostname"),
        "raspberrypi\n"
    );
}

#[test]
fn free_room_takes_no_room_and_what_lies_before_the_partitions_is_kept() {
    let bench = Bench::new(Features::Bookworm);
    let file = File::options().write(true).open(bench.base()).unwrap();
    file.write_all_at(b"boot loader", 5 << 20).unwrap();
    bench.assemble(&Overlay::new()).unwrap();
    let allocation = Allocation::read(&bench.output()).unwrap();
    let used = allocation.used();
    assert_eq!(used[0], 0..1 << 20);
    assert_eq!(used[1], 5 << 20..(5 << 20) + 4096);
    assert_eq!(used[2].start, 8 << 20);
    assert!(
        allocation.bytes() < ROOT.0 * 512 / 4,
        "{} bytes matter",
        allocation.bytes()
    );
    assert_eq!(
        allocation.bytes() + allocation.free().map(|r| r.end - r.start).sum::<u64>(),
        allocation.size()
    );
    let allocated =
        std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(bench.output()).unwrap()) * 512;
    assert!(
        allocated <= allocation.bytes(),
        "{allocated} bytes are on the disk"
    );
}
