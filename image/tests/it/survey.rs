//! One way through an image: what comes out is what `sha256sum`, `xz`, `zstd` and `bmaptool` make of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use image::bmap::Bmap;
use image::survey::{Survey, Wanted, survey};
use image::{AssembleRequest, Assembled, Compression, Entry, ImageSize, Progress, Silent, prepare};

use crate::support::{Bench, Features, Impatient, WHEN, chain, overlay, run, tool, write};

fn prepared(bench: &Bench) -> Assembled {
    let (base, output) = (bench.base(), bench.output());
    let overlay = overlay([("/bin/tool", Entry::file(vec![7; 3_000_000], 0o755, "test"))]);
    let request = AssembleRequest {
        base: &base,
        output: &output,
        overlay: &overlay,
        free: 0,
        size: ImageSize::AsNeeded,
        limit: None,
        timestamp: WHEN,
        disk_id: None,
    };
    prepare(&request, &mut Silent).unwrap()
}

/// Finds out everything, and packs the image to `packed`.
fn everything(bench: &Bench, image: &Assembled, method: &str, packed: &Path) -> Survey {
    let file = File::create(packed).unwrap();
    let method: Compression = method.parse().unwrap();
    let wanted = Wanted {
        sha256: true,
        bmap: true,
        packed: Some((method, &file, packed)),
    };
    let (path, allocation) = (image.path(), image.allocation());
    survey(path, &bench.output(), allocation, &wanted, &mut Silent).unwrap()
}

fn sha256sum(path: &Path) -> String {
    let line = run(tool("sha256sum").arg(path));
    line.split(' ').next().unwrap().to_owned()
}

#[test]
fn digests_and_packed_images_are_what_others_make_of_them() {
    let bench = Bench::new(Features::Trixie);
    let image = prepared(&bench);
    for (method, unpack) in [("xz:1", "xz"), ("zst", "zstd")] {
        let packed = bench.path(&format!("packed.{unpack}"));
        let found = everything(&bench, &image, method, &packed);
        assert_eq!(found.sha256.unwrap(), sha256sum(image.path()));
        let about = found.packed.unwrap();
        assert_eq!(about.sha256, sha256sum(&packed));
        assert_eq!(about.size, fs::metadata(&packed).unwrap().len());
        let unpacked = bench.path("unpacked.img");
        let script = format!(
            "{unpack} -dc '{}' > '{}'",
            packed.display(),
            unpacked.display()
        );
        run(tool("sh").args(["-euc", &script]));
        run(tool("cmp").arg(image.path()).arg(&unpacked));
    }
    let listing = run(tool("xz")
        .args(["--robot", "--list"])
        .arg(bench.path("packed.xz")));
    let file: Vec<_> = listing
        .lines()
        .find(|line| line.starts_with("file"))
        .unwrap()
        .split('\t')
        .collect();
    assert!(
        file[2].parse::<u32>().unwrap() > 3,
        "can't be unpacked on several cores: {listing}"
    );
    let listing = run(tool("zstd").args(["-lv"]).arg(bench.path("packed.zstd")));
    let size = format!("({} B)", image.allocation().size());
    assert!(
        listing.contains(&size) && listing.contains("XXH64"),
        "{listing}"
    );
}

#[test]
fn the_image_is_not_there_before_it_is_committed() {
    let bench = Bench::new(Features::Trixie);
    write(&bench.output(), "old");
    let image = prepared(&bench);
    assert_eq!(fs::read(bench.output()).unwrap(), b"old");
    let report = image.report().clone();
    assert_eq!(image.commit().unwrap(), report);
    assert_eq!(fs::metadata(bench.output()).unwrap().len(), report.size);
}

/// Copies with bmaptool, which checks every range; returns where to.
fn copied_by_bmaptool(bench: &Bench, image: &Path, map: &Bmap) -> PathBuf {
    let (path, copy) = (bench.path("pi.img.bmap"), bench.path("copy.img"));
    write(&path, map.render());
    run(tool("bmaptool")
        .args(["--quiet", "copy", "--bmap"])
        .args([&path, image, &copy]));
    copy
}

#[test]
fn bmaptool_copies_by_our_map_what_matters() {
    let bench = Bench::new(Features::Trixie);
    let image = prepared(&bench);
    let packed = bench.path("pi.img.xz");
    let map = everything(&bench, &image, "xz:0", &packed).bmap.unwrap();
    assert_eq!(map.mapped_bytes(), image.allocation().bytes());
    // What isn't mapped is zeros, so that the copies are the same in all bytes.
    for from in [image.path(), &packed] {
        let copy = copied_by_bmaptool(&bench, from, &map);
        run(tool("cmp").arg(image.path()).arg(copy));
    }
    // And it finds a byte that isn't the image's.
    let report = image.commit().unwrap();
    let mut spoilt = fs::read(bench.output()).unwrap();
    let blocks = spoilt.chunks(4096).position(|block| block == [7; 4096]);
    spoilt[blocks.unwrap() * 4096 + 1_000_000] ^= 1;
    write(&bench.path("spoilt.img"), &spoilt);
    let output = tool("bmaptool")
        .args(["--quiet", "copy", "--bmap"])
        .args([
            bench.path("pi.img.bmap"),
            bench.path("spoilt.img"),
            bench.path("copy.img"),
        ])
        .output()
        .unwrap();
    assert!(!output.status.success(), "{report:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("checksum mismatch"), "{said}");
}

#[test]
fn the_ranges_end_at_fixed_places_and_cover_what_matters_once() {
    let bench = Bench::new(Features::Bookworm);
    let image = prepared(&bench);
    let wanted = Wanted {
        bmap: true,
        ..Wanted::default()
    };
    let name = bench.output();
    let found = survey(
        image.path(),
        &name,
        image.allocation(),
        &wanted,
        &mut Silent,
    )
    .unwrap();
    assert_eq!((&found.sha256, &found.packed), (&None, &None));
    let map = found.bmap.unwrap();
    let mut bytes = Vec::new();
    for range in map.ranges() {
        let range = map.bytes(range);
        assert!(range.end - range.start <= 16 << 20);
        assert_eq!(range.start >> 24, (range.end - 1) >> 24, "{range:?}");
        bytes.push(range);
    }
    assert!(
        bytes.len() > image.allocation().used().len(),
        "nothing was cut"
    );
    let used: Vec<_> = image
        .allocation()
        .used()
        .iter()
        .cloned()
        .flat_map(|r| r.step_by(4096))
        .collect();
    let mapped: Vec<_> = bytes.into_iter().flat_map(|r| r.step_by(4096)).collect();
    assert_eq!(used, mapped);
}

#[test]
fn a_full_disk_and_an_interrupt_are_told_from_each_other() {
    let bench = Bench::new(Features::Trixie);
    let image = prepared(&bench);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let name = bench.output();
    let try_it = |file: &File, progress: &mut dyn Progress| {
        let wanted = Wanted {
            sha256: true,
            bmap: true,
            packed: Some((Compression::Zstandard(1), file, Path::new("pi.img.zst"))),
        };
        survey(image.path(), &name, image.allocation(), &wanted, progress).unwrap_err()
    };
    let error = try_it(&full, &mut Silent);
    assert_eq!(
        chain(&error),
        "the disk is full: pi.img.zst could not be written"
    );
    let file = tempfile::tempfile().unwrap();
    let error = try_it(&file, &mut Impatient::after_bytes(5 << 20));
    assert!(error.is_interrupted(), "{error}");
}
