//! Images as the real tools pack them, whole and damaged.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use image::device::{Layout, Source, SourceError, TargetError, flash};
use tempfile::TempDir;

use super::memory::{Fault, Memory};
use crate::support::{chain, run, tool, write};

const CARD: u64 = 20 << 20;

/// A folder with a small card image in it: a table, random bytes, and zeros.
fn bench() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = "truncate -s 16M base.img
        printf 'label: dos\\nstart=2048,size=2048,type=c\\nstart=4096,size=28672,type=83\\n' |
            sfdisk --quiet --no-reread --no-tell-kernel base.img
        dd if=/dev/urandom of=base.img bs=1M seek=4 count=2 conv=notrunc status=none";
    run(tool("sh").args(["-euc", script]).current_dir(folder.path()));
    folder
}

/// Packs `base.img` with a command of the shell, whose output is the archive.
fn packed(folder: &TempDir, name: &str, command: &str) -> PathBuf {
    let script = format!("{{ {command}; }} >'{name}'");
    run(tool("sh")
        .args(["-euc", &script])
        .current_dir(folder.path()));
    folder.path().join(name)
}

fn outcome(path: &Path) -> (Memory, Result<(), String>) {
    let card = Memory::new(CARD, Fault::None);
    let flashed = || -> Result<(), SourceError> {
        let source = Source::open(path)?;
        let layout = Layout::of_source(&source)?;
        let done = flash(&source, &layout, vec![card.destination("sdb")]);
        if done.source.is_err() {
            assert!(matches!(done.cards[0], Err(TargetError::NoMore { .. })));
        }
        done.source
    };
    let result =
        flashed().map_err(|error| chain(&error).replace(&path.display().to_string(), "IMG"));
    (card, result)
}

const KINDS: [(&str, &str); 10] = [
    ("a.xz", "xz -c -T1 -0 base.img"),
    ("blocks.xz", "xz -c -T2 -0 --block-size=4MiB base.img"),
    (
        "two.xz",
        "head -c 5000000 base.img | xz -c -0; head -c 8 /dev/zero; tail -c +5000001 base.img | xz -c -0",
    ),
    ("a.zst", "zstd -q -c -1 base.img"),
    ("long.zst", "zstd -q -c -3 --long=27 <base.img"),
    (
        "two.zst",
        "head -c 5000000 base.img | zstd -q -c; tail -c +5000001 base.img | zstd -q -c",
    ),
    ("a.gz", "gzip -c -1 base.img"),
    (
        "two.gz",
        "head -c 5000000 base.img | gzip -c -1; tail -c +5000001 base.img | gzip -c -1",
    ),
    (
        "a.zip",
        "python3 -m zipfile -c ignored.zip base.img && cat ignored.zip",
    ),
    (
        "readme.zip",
        "echo hello >README; python3 -m zipfile -c ignored.zip README base.img && cat ignored.zip",
    ),
];

#[test]
fn archives_of_all_kinds_arrive_as_the_image_that_was_packed() {
    let bench = bench();
    let image = fs::read(bench.path().join("base.img")).unwrap();
    for (name, command) in KINDS {
        let path = packed(&bench, name, command);
        let (card, result) = outcome(&path);
        assert_eq!(result, Ok(()), "{name}");
        assert!(card.bytes().starts_with(&image), "{name}");
        // The size is known beforehand, from the archive or from the partition table in it.
        assert_eq!(
            Source::open(&path).unwrap().size(),
            image.len() as u64,
            "{name}"
        );
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn archives_that_are_cut_off_or_damaged_leave_a_card_that_can_not_boot() {
    let bench = bench();
    for (name, command) in KINDS {
        let path = packed(&bench, name, command);
        let size = fs::metadata(&path).unwrap().len();
        let whole = fs::read(&path).unwrap();
        for what in ["cut off", "damaged"] {
            write(&path, &whole);
            let file = File::options().write(true).open(&path).unwrap();
            if what == "cut off" {
                file.set_len(size / 2).unwrap();
            } else {
                file.write_all_at(&[0xFF; 64], size / 2).unwrap();
            }
            let (card, result) = outcome(&path);
            let error = result.expect_err(&format!("{name} {what}"));
            assert!(error.starts_with("IMG ("), "{name} {what}: {error}");
            assert!(error.contains("is damaged"), "{name} {what}: {error}");
            assert_ne!(card.bytes()[510..512], [0x55, 0xAA], "{name} {what}");
        }
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_packed_image_that_lacks_its_end_is_refused_before_the_head() {
    let bench = bench();
    let path = packed(&bench, "short.gz", "head -c 9000000 base.img | gzip -c -1");
    let (card, result) = outcome(&path);
    let error = result.unwrap_err();
    assert!(
        error.starts_with("IMG is cut off: it has 9000000 bytes unpacked"),
        "{error}"
    );
    assert_ne!(card.bytes()[510..512], [0x55, 0xAA]);
}

#[test]
fn a_raw_image_that_lacks_its_end_is_refused_before_anything_is_written() {
    let bench = bench();
    let path = packed(&bench, "short.img", "head -c 9000000 base.img");
    let (card, result) = outcome(&path);
    assert!(result.unwrap_err().starts_with("IMG is cut off"));
    assert!(card.bytes().iter().all(|byte| *byte == 0xA5));
}

#[test]
fn what_is_no_image_is_refused_whatever_its_name_is() {
    let bench = bench();
    let refused =
        |name: &str, command: &str| outcome(&packed(&bench, name, command)).1.unwrap_err();
    let no_image = "IMG is no card image: it doesn't begin with a partition table";
    assert_eq!(refused("text.img", "echo hello"), no_image);
    assert_eq!(refused("text.xz", "seq 1000 | xz -c"), no_image);
    assert_eq!(refused("empty.img", "true"), no_image);
    assert_eq!(
        refused("zeros.gz", "head -c 1000000 /dev/zero | gzip -c"),
        no_image
    );
    assert_eq!(
        refused(
            "two.zip",
            "cp base.img b.img; python3 -m zipfile -c ignored.zip base.img b.img && cat ignored.zip"
        ),
        "IMG holds 2 files that could be the image"
    );
    assert_eq!(
        refused(
            "empty.zip",
            "python3 -m zipfile -c ignored.zip && cat ignored.zip"
        ),
        no_image
    );
}
