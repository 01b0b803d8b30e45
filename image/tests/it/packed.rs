//! Images as the real tools pack them, whole and damaged, and everybody who reads them.

use std::fs;
use std::path::{Path, PathBuf};

use image::base::local::{LocalError, open};
use image::device::{Layout, Source, SourceError, TargetError, flash};
use image::{Architecture, Scratch, Silent};
use tempfile::TempDir;

use crate::device::memory::{Fault, Memory};
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

/// Flashes it, and shows what became of the card.
fn flashed(path: &Path) -> (Memory, Result<(), String>) {
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
    let result = flashed().map_err(|error| told(&error, path));
    (card, result)
}

fn told(error: &dyn std::error::Error, path: &Path) -> String {
    chain(error).replace(&path.display().to_string(), "IMG")
}

/// Why it is refused: by who flashes it, who looks at it and who takes it for a base alike.
fn refusal(folder: &TempDir, path: &Path) -> String {
    let name = path.file_name().unwrap().display();
    let (card, result) = flashed(path);
    let why = result.expect_err(&format!("{name} is flashed"));
    assert_ne!(card.bytes()[510..512], [0x55, 0xAA], "{name}");
    let names = || fs::read_dir(folder.path()).unwrap().count();
    let before = names();
    let looked_at = Scratch::unpacked(path, folder.path(), &mut Silent);
    let looked_at = looked_at.expect_err(&format!("{name} is unpacked"));
    assert_eq!(told(&looked_at, path), why);
    assert_eq!(names(), before, "{name} leaves something");
    let cache = tempfile::tempdir().unwrap();
    let base = open(path, cache.path(), Architecture::Arm64, &mut Silent).unwrap_err();
    assert!(matches!(base, LocalError::Packed(_)), "{}", chain(&base));
    assert_eq!(told(&base, path), why);
    assert_eq!(image::base::stored::list(cache.path()), []);
    why
}

const KINDS: [(&str, &str); 13] = [
    ("a.xz", "xz -c -T1 -0 base.img"),
    ("blocks.xz", "xz -c -T2 -0 --block-size=4MiB base.img"),
    (
        "two.xz",
        "head -c 5000000 base.img | xz -c -0; head -c 8 /dev/zero; tail -c +5000001 base.img | xz -c -0",
    ),
    ("a.zst", "zstd -q -c -1 base.img"),
    ("long.zst", "zstd -q -c -3 --long=28 <base.img"),
    (
        "two.zst",
        "head -c 5000000 base.img | zstd -q -c; tail -c +5000001 base.img | zstd -q -c",
    ),
    // Frames that are to be skipped before, between and after.
    (
        "skip.zst",
        r"skip() { printf '\123\052\115\030\004\000\000\000skip'; }
        skip; skip; head -c 5000000 base.img | zstd -q -c; skip; tail -c +5000001 base.img | zstd -q -c; skip",
    ),
    ("parallel.zst", "pzstd -q -c -p 2 -1 base.img"),
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
    // Written without going back, so that sizes follow the data, and with a word at its end.
    (
        "streamed.zip",
        "zip -q -1 - base.img >s.zip; echo comment | zip -q -z s.zip >&2; cat s.zip; rm s.zip",
    ),
];

#[test]
fn archives_of_all_kinds_arrive_as_the_image_that_was_packed() {
    let bench = bench();
    let image = fs::read(bench.path().join("base.img")).unwrap();
    for (name, command) in KINDS {
        let path = packed(&bench, name, command);
        let (card, result) = flashed(&path);
        assert_eq!(result, Ok(()), "{name}");
        assert!(card.bytes().starts_with(&image), "{name}");
        // The size is known beforehand, from the archive or from the partition table in it.
        assert_eq!(
            Source::open(&path).unwrap().size(),
            image.len() as u64,
            "{name}"
        );
        let scratch = Scratch::unpacked(&path, bench.path(), &mut Silent).unwrap();
        assert!(fs::read(scratch.path()).unwrap() == image, "{name}");
        // There is no system on it, which is seen once it is unpacked.
        let cache = tempfile::tempdir().unwrap();
        let base = open(&path, cache.path(), Architecture::Arm64, &mut Silent).unwrap_err();
        let text = chain(&base);
        assert!(
            matches!(base, LocalError::Implausible { .. }),
            "{name}: {text}"
        );
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn archives_that_are_cut_off_or_damaged_or_go_on_are_refused_by_all_and_leave_nothing() {
    let bench = bench();
    for (name, command) in KINDS {
        let path = packed(&bench, name, command);
        let whole = fs::read(&path).unwrap();
        for length in [30, whole.len() / 2, whole.len() - 1] {
            write(&path, &whole[..length]);
            let why = refusal(&bench, &path);
            assert!(why.starts_with("IMG is incomplete"), "{name}: {why}");
        }
        let mut damaged = whole.clone();
        damaged[whole.len() / 2..][..64].fill(0xFF);
        let goes_on = [&whole[..], b"trailing rubbish"].concat();
        for bytes in [damaged, goes_on] {
            write(&path, &bytes);
            let why = refusal(&bench, &path);
            assert!(why.starts_with("IMG is damaged: its "), "{name}: {why}");
        }
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_packed_image_that_lacks_its_end_is_refused_before_the_head() {
    let bench = bench();
    let path = packed(&bench, "short.gz", "head -c 9000000 base.img | gzip -c -1");
    let (card, result) = flashed(&path);
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
    let (card, result) = flashed(&path);
    assert!(result.unwrap_err().starts_with("IMG is cut off"));
    assert!(card.bytes().iter().all(|byte| *byte == 0xA5));
}

#[test]
fn what_is_no_image_is_refused_whatever_its_name_is() {
    let bench = bench();
    let mut report = String::new();
    for (name, command) in [
        ("text.img", "echo hello"),
        ("text.xz", "seq 1000 | xz -c"),
        ("empty.img", "true"),
        ("zeros.gz", "head -c 1000000 /dev/zero | gzip -c"),
        ("twice.zst", "xz -0 -c base.img | zstd -q -c"),
        // A window that would take 2 GiB of memory.
        ("window.zst", "zstd -q -c --ultra --long=31 <base.img"),
        (
            "two.zip",
            "cp base.img b.IMG; python3 -m zipfile -c ignored.zip base.img b.IMG; cat ignored.zip",
        ),
        ("readme.zip", "echo hello >README; zip -q - README"),
        ("dots.zip", "mkdir deep; cd deep; zip -q -1 - ../base.img"),
        ("secret.zip", "zip -q -1 -P hunter2 - base.img"),
        (
            "bzip2.zip",
            "python3 -c 'import sys,zipfile as z; z.ZipFile(sys.stdout.buffer,\"w\",z.ZIP_BZIP2).write(\"base.img\")'",
        ),
        (
            "empty.zip",
            "python3 -m zipfile -c ignored.zip; cat ignored.zip",
        ),
    ] {
        let path = packed(&bench, name, command);
        report.extend([name, ": ", &refusal(&bench, &path), "\n"]);
    }
    insta::assert_snapshot!(report, @r"
    text.img: IMG is not an image: it has neither a partition table nor the first bytes of an archive
    text.xz: what is in IMG is not an image: it has no partition table
    empty.img: IMG is not an image: it has neither a partition table nor the first bytes of an archive
    zeros.gz: what is in IMG is not an image: it has no partition table
    twice.zst: what is in IMG is not an image: it has no partition table, but is packed with xz again
    window.zst: IMG is damaged: its zstd data can't be unpacked
      because Frame requires too much memory for decoding
    two.zip: IMG is a zip archive that can't be used: there are several .img files in it
    readme.zip: IMG is a zip archive that can't be used: there is no .img file in it
    dots.zip: IMG is a zip archive that can't be used: an entry's name leads out of it
    secret.zip: IMG is a zip archive that can't be used: the image in it is encrypted
    bzip2.zip: IMG is a zip archive that can't be used: the image in it is not packed by deflate
    empty.zip: IMG is not an image: it has neither a partition table nor the first bytes of an archive
    ");
}
