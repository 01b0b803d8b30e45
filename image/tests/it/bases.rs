//! Local files as bases: recognized, unpacked, cached, refused.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use image::base::lease;
use image::base::local::{LocalBase, LocalError, open};
use image::base::stored::{self, Condition};
use image::packed::{Format, PackedError};
use image::{Architecture, Silent};

use crate::support::{Bench, Features, chain, elf_header, run, tool, write};

fn pack(bench: &Bench) -> PathBuf {
    // Small blocks, so that threads have something to share.
    run(tool("xz")
        .args(["--keep", "--threads=2", "--block-size=4MiB", "-1"])
        .arg(bench.base()));
    bench.path("base.img.xz")
}

fn open_in(bench: &Bench, source: &Path) -> Result<LocalBase, LocalError> {
    open(
        source,
        &bench.path("cache"),
        Architecture::Arm64,
        &mut Silent,
    )
}

/// The images in the cache, and what else is there but shouldn't be.
fn cached(bench: &Bench) -> Vec<String> {
    let Ok(entries) = fs::read_dir(bench.path("cache/bases")) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name != "seen")
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_none_or(|e| e != "lock" && e != "json")
        })
        .collect()
}

#[test]
fn a_raw_image_is_used_where_it_is() {
    let bench = Bench::new(Features::Trixie);
    let base = open_in(&bench, &bench.base()).unwrap();
    assert_eq!(base.image, bench.base());
    assert_eq!(base.format, Format::Raw);
    assert_eq!(base.release.codename, "trixie");
    let sum = run(tool("sha256sum").arg(bench.base()));
    assert!(sum.starts_with(&base.sha256), "{sum}");
    assert!(cached(&bench).is_empty());
}

#[test]
fn xz_is_unpacked_once_with_its_holes() {
    let bench = Bench::new(Features::Trixie);
    // The name says nothing.
    let packed = bench.path("some download");
    fs::rename(pack(&bench), &packed).unwrap();
    let base = open_in(&bench, &packed).unwrap();
    run(tool("cmp").arg(&base.image).arg(bench.base()));
    let about = fs::metadata(&base.image).unwrap();
    assert!(about.blocks() * 512 < about.len() / 4, "{about:?}");
    let again = open_in(&bench, &packed).unwrap();
    assert_eq!(again, base);
    assert_eq!(fs::metadata(&base.image).unwrap().ino(), about.ino());
}

#[test]
fn several_streams_and_padding_are_one_image() {
    let bench = Bench::new(Features::Trixie);
    let halves = [("first", 0, 30), ("second", 30, 1000)].map(|(name, skip, count)| {
        run(tool("dd")
            .arg(format!("if={}", bench.base().display()))
            .arg(format!("of={}", bench.path(name).display()))
            .args(["bs=1M", "status=none"])
            .arg(format!("skip={skip}"))
            .arg(format!("count={count}")));
        run(tool("xz").arg("-1").arg(bench.path(name)));
        fs::read(bench.path(&format!("{name}.xz"))).unwrap()
    });
    let mut joined = halves[0].clone();
    joined.extend([0; 8]);
    joined.extend(&halves[1]);
    joined.extend([0; 4]);
    write(&bench.path("joined.xz"), &joined);
    let base = open_in(&bench, &bench.path("joined.xz")).unwrap();
    run(tool("cmp").arg(&base.image).arg(bench.base()));
    joined.extend(b"trailing");
    write(&bench.path("joined.xz"), &joined);
    let error = open_in(&bench, &bench.path("joined.xz")).unwrap_err();
    assert!(
        chain(&error).contains("something that is not xz follows"),
        "{}",
        chain(&error)
    );
}

#[test]
fn a_cut_archive_is_called_incomplete_wherever_it_is_cut_and_leaves_nothing() {
    let bench = Bench::new(Features::Trixie);
    let whole = fs::read(pack(&bench)).unwrap();
    let cut = bench.path("cut.xz");
    for length in [
        8,
        40,
        whole.len() / 3,
        whole.len() / 2,
        whole.len() - 30,
        whole.len() - 1,
    ] {
        write(&cut, &whole[..length]);
        let error = open_in(&bench, &cut).unwrap_err();
        assert!(
            matches!(error, LocalError::Packed(PackedError::Truncated { .. })),
            "{length}: {}",
            chain(&error)
        );
        assert!(cached(&bench).is_empty(), "{:?}", cached(&bench));
    }
    let hint = open_in(&bench, &cut).unwrap_err().hint().unwrap();
    assert!(hint.contains("download it again"));
}

#[test]
fn a_flipped_bit_is_called_damage_and_leaves_nothing() {
    let bench = Bench::new(Features::Trixie);
    let mut bytes = fs::read(pack(&bench)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    write(&bench.path("flipped.xz"), &bytes);
    let error = open_in(&bench, &bench.path("flipped.xz")).unwrap_err();
    assert!(
        matches!(error, LocalError::Packed(PackedError::Corrupt { .. })),
        "{}",
        chain(&error)
    );
    assert!(cached(&bench).is_empty());
}

/// The base packed with one of the usual tools, in a file whose name says nothing.
fn packed_with(bench: &Bench, script: &str) -> PathBuf {
    run(tool("sh")
        .args(["-euc", script])
        .current_dir(bench.folder.path()));
    bench.path("packed")
}

const PACKERS: [(Format, &str); 5] = [
    (Format::Gzip, "gzip -1 -c base.img >packed"),
    // Two members, as `cat` joins them.
    (
        Format::Gzip,
        "{ head -c 30M base.img | gzip -1; tail -c +31457281 base.img | gzip -1; } >packed",
    ),
    (Format::Zstandard, "zstd -q -1 -c base.img >packed"),
    (
        Format::Zip,
        "zip -q -1 packed.zip base.img && mv packed.zip packed",
    ),
    // Not compressed, beside something to read, in a folder; from standard input it has zip64 fields.
    (
        Format::Zip,
        "mkdir a && mv base.img a && echo hello >a/README && zip -q -0 packed.zip a/README a/base.img && mv packed.zip packed && mv a/base.img .",
    ),
];

#[test]
fn gzip_zstd_and_zip_are_unpacked_with_their_holes() {
    for (format, script) in PACKERS {
        let bench = Bench::new(Features::Bookworm);
        let packed = packed_with(&bench, script);
        let base = open_in(&bench, &packed).unwrap();
        assert_eq!(base.format, format);
        run(tool("cmp").arg(&base.image).arg(bench.base()));
        let about = fs::metadata(&base.image).unwrap();
        assert!(
            about.blocks() * 512 < about.len() / 4,
            "{script}: {about:?}"
        );
    }
}

#[test]
fn an_image_in_the_cache_is_trusted_by_its_note_and_a_check_finds_a_changed_byte() {
    let bench = Bench::new(Features::Trixie);
    let base = open_in(&bench, &pack(&bench)).unwrap();
    let cache = bench.path("cache");
    let check = || {
        let stored = stored::list(&cache).remove(0);
        stored::check(&stored, &mut Silent).unwrap()
    };
    assert_eq!(check(), Condition::Sound);
    let file = File::options().write(true).open(&base.image).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"x", 60 << 20).unwrap();
    assert!(matches!(check(), Condition::Changed { .. }));
    fs::remove_file(base.image.with_extension("json")).unwrap();
    assert_eq!(check(), Condition::Unknown);
    // Without its note it is as good as none, and made again.
    let again = open_in(&bench, &bench.path("base.img.xz")).unwrap();
    run(tool("cmp").arg(&again.image).arg(bench.base()));
}

#[test]
fn whoever_uses_an_image_keeps_others_from_removing_it_and_from_nothing_else() {
    let bench = Bench::new(Features::Trixie);
    let packed = pack(&bench);
    let base = open_in(&bench, &packed).unwrap();
    let first = lease::share(&base.image).unwrap();
    let second = lease::share(&base.image).unwrap();
    assert!(lease::try_own(&base.image).unwrap().is_none());
    assert_eq!(open_in(&bench, &packed).unwrap(), base);
    drop((first, second));
    let owned = lease::try_own(&base.image).unwrap();
    assert!(owned.is_some());
    assert_eq!(
        lease::share(&base.image).unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
}

#[test]
fn two_at_once_unpack_once() {
    let bench = Bench::new(Features::Trixie);
    let packed = pack(&bench);
    let both: Vec<_> = std::thread::scope(|scope| {
        let threads = [(); 2].map(|()| scope.spawn(|| open_in(&bench, &packed).unwrap()));
        threads.map(|thread| thread.join().unwrap()).into()
    });
    assert_eq!(both[0], both[1]);
    assert_eq!(cached(&bench).len(), 1);
}

#[test]
fn what_is_no_base_is_refused_with_a_word() {
    let bench = Bench::new(Features::Trixie);
    let mut report = String::new();
    let mut refuse = |name: &str| {
        let error = open_in(&bench, &bench.path(name)).unwrap_err();
        let text = chain(&error).replace(bench.folder.path().to_str().unwrap(), "[DIR]");
        report.push_str(&text);
        report.push('\n');
    };
    write(&bench.path("text"), "hello\n");
    write(&bench.path("gz"), b"\x1f\x8b\x08\0");
    write(&bench.path("zst"), b"\x28\xb5\x2f\xfd");
    write(&bench.path("zip"), b"PK\x03\x04");
    let mut sector = [0; 512];
    sector[510..].copy_from_slice(&[0x55, 0xAA]);
    write(&bench.path("empty table"), sector);
    run(tool("mkfs.vfat")
        .args(["-C"])
        .arg(bench.path("bare fat"))
        .arg("1440"));
    let gpt = bench.path("gpt");
    File::create(&gpt).unwrap().set_len(8 << 20).unwrap();
    crate::support::feed(tool("sfdisk").arg("--quiet").arg(&gpt), b"label: gpt\n,\n");
    for name in [
        "missing",
        "text",
        "gz",
        "zst",
        "zip",
        "empty table",
        "bare fat",
        "gpt",
    ] {
        refuse(name);
    }
    insta::assert_snapshot!(report, @r"
    cannot read [DIR]/missing
      because No such file or directory (os error 2)
    [DIR]/text is not an image: it has neither a partition table nor the first bytes of an archive
    [DIR]/gz is incomplete: the gzip data ends after 4 bytes, in the middle of a block
    [DIR]/zst is incomplete: the zstd data ends after 4 bytes, in the middle of a block
    [DIR]/zip is incomplete or damaged: the list of files at the end of the zip archive can't be read
      because invalid Zip archive: Could not find EOCD
    [DIR]/empty table can't be a base
      because [DIR]/empty table is not a usable card image
      because the image has no FAT partition (type 0x0c); the types of its partitions: none
    [DIR]/bare fat can't be a base
      because [DIR]/bare fat is not a usable card image
      because the image has no FAT partition (type 0x0c); the types of its partitions: none
    [DIR]/gpt can't be a base
      because [DIR]/gpt is not a usable card image
      because the image has a GPT partition table, and Raspberry Pi images have an MBR
    ");
    assert!(cached(&bench).is_empty());
}

#[test]
fn a_base_for_another_processor_is_refused() {
    let bench = Bench::with(Features::Bookworm, |tree| {
        write(&tree.join("usr/bin/true"), elf_header(62));
    });
    let error = open_in(&bench, &bench.base()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is for amd64, and arm64 is wanted"),
        "{error}"
    );
}

#[test]
fn a_base_of_debians_armel_is_none_for_a_broker_with_hardware_floating_point() {
    let bench = Bench::with(Features::Bookworm, |tree| {
        let mut header = vec![0; 52];
        header[..6].copy_from_slice(b"\x7fELF\x01\x01");
        header[18] = 40;
        // EABI 5, EF_ARM_ABI_FLOAT_SOFT.
        header[36..40].copy_from_slice(&0x0500_0200_u32.to_le_bytes());
        write(&tree.join("usr/bin/true"), header);
    });
    let cache = bench.path("cache");
    let error = open(&bench.base(), &cache, Architecture::Armhf, &mut Silent).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is for an unknown architecture, and armhf is wanted"),
        "{error}"
    );
}
