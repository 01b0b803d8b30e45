//! Images of a given size, and as small as can be.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use image::{Card, Content, Entry, Error, ImageSize, Overlay, Report};

use crate::support::{
    Bench, Features, ROOT, assert_sound, at_root, debugfs, overlay, run, tamper, tool, write,
};

/// Assembles an image of `size` with `free` bytes to spare.
fn sized(bench: &Bench, size: ImageSize, free: u64) -> Result<Report, Error> {
    let entries = overlay([("/etc/new", Entry::file(vec![7; 300_000], 0o644, "test"))]);
    bench.assemble_with(&entries, |request| {
        request.size = size;
        request.free = free;
    })
}

/// What `dumpe2fs` says of the root file system.
fn about(image: &Path, name: &str) -> u64 {
    let text = run(tool("dumpe2fs").arg("-h").arg(at_root(image)));
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Fails unless the partition ends with the image, the file system with the partition, others find all that
/// sound, and what was there and what is new is there.
fn assert_fills(image: &Path) {
    assert_sound(image);
    let size = fs::metadata(image).unwrap().len();
    let card = Card::open(image).unwrap();
    let root = card.mbr().root().unwrap();
    assert_eq!(root.end().bytes(), Some(size));
    let left = root.size() - about(image, "Block count:") * about(image, "Block size:");
    // `resize2fs` leaves out a last group that would hold little but its own tables.
    assert!(left < 1 << 20, "{left}");
    assert_eq!(debugfs(image, "cat /etc/hostname"), "raspberrypi\n");
    assert!(debugfs(image, "stat /etc/new").contains("Size: 300000"));
    assert!(card.read("/boot/firmware/cmdline.txt").unwrap().is_some());
}

#[test]
fn an_image_is_exactly_as_large_as_was_asked_for() {
    for features in Features::BOTH {
        let bench = Bench::new(features);
        let base = fs::metadata(bench.base()).unwrap().len();
        let reserved = about(&bench.base(), "Reserved block count:") * 1000
            / about(&bench.base(), "Block count:");
        for size in [base, base + 512, 100 << 20, (300 << 20) + 512, 8 << 30] {
            let report = sized(&bench, ImageSize::Exactly(size), 1 << 20).unwrap();
            assert_eq!(report.size, size);
            let image = bench.output();
            assert_eq!(fs::metadata(&image).unwrap().len(), size);
            if size % 4096 == 0 {
                assert_fills(&image);
            }
            let now = about(&image, "Reserved block count:") * 1000 / about(&image, "Block count:");
            assert!(now.abs_diff(reserved) <= 1, "{now} of {reserved} per mille");
        }
    }
}

#[test]
fn a_larger_image_costs_little_but_its_name() {
    let bench = Bench::new(Features::Trixie);
    sized(&bench, ImageSize::Exactly(8 << 30), 0).unwrap();
    let bytes = |path: &Path| {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).unwrap().blocks() * 512
    };
    // Inode tables would be 2 MiB in each of 64 groups.
    let (base, image) = (bytes(&bench.base()), bytes(&bench.output()));
    assert!(image < base + (6 << 20), "{image} after {base}");
    let groups = run(tool("dumpe2fs").arg(at_root(&bench.output())));
    assert!(groups.matches("INODE_UNINIT").count() > 50);
}

#[test]
fn a_size_that_does_not_do_is_refused_with_the_one_that_would() {
    let bench = Bench::new(Features::Trixie);
    let base = fs::metadata(bench.base()).unwrap().len();
    let mut report = String::new();
    for (size, free) in [
        (base, 100 << 20),
        (base + 1, 0),
        (45 << 20, 0),
        (4096, 0),
        (3 << 40, 0),
    ] {
        let error = sized(&bench, ImageSize::Exactly(size), free).unwrap_err();
        let hint = error.hint().unwrap_or_else(|| "no hint".to_owned());
        let error = crate::support::chain(&error);
        writeln!(report, "{error}\n  hint: {hint}").unwrap();
        assert!(!bench.output().exists());
    }
    insta::assert_snapshot!(report, @r"
    the image can't have 71303168 bytes: it needs 159383552
      hint: write 152M or more, or ask for less free room
    an image can't have 71303169 bytes: it has sectors of 512
      hint: write it as 8G or 4000M
    the image can't have 47185920 bytes: it needs 54525952
      hint: write 52M or more, or ask for less free room
    the image can't have 4096 bytes: it needs 54525952
      hint: write 52M or more, or ask for less free room
    cannot change the partition table
      because partition 2 would need sector number 6442360832, an MBR ends at 4294967295
      hint: ask for less than 2 TiB
    ");
    let error = bench
        .assemble_with(&Overlay::new(), |request| {
            request.size = ImageSize::Exactly(base + (64 << 20));
            request.limit = Some(base);
        })
        .unwrap_err();
    assert!(error.to_string().contains("at most"), "{error}");
}

#[test]
fn the_size_that_is_named_as_needed_does() {
    let bench = Bench::new(Features::Trixie);
    for (size, free) in [(4096, 0), (4096, 5 << 20), (100 << 20, 200 << 20)] {
        let error = sized(&bench, ImageSize::Exactly(size), free).unwrap_err();
        let Error::Grow(image::GrowError::TooSmall { needed, .. }) = error else {
            unreachable!("it is too small");
        };
        let report = sized(&bench, ImageSize::Exactly(needed), free).unwrap();
        assert!(report.free >= free, "{} of {free}", report.free);
        assert_fills(&bench.output());
    }
}

/// A base of 220 MiB whose end holds data.
fn roomy() -> Bench {
    let bench = Bench::with(Features::Trixie, |tree| {
        write(&tree.join("var/lib/data"), vec![5; 3 << 20]);
    });
    sized(&bench, ImageSize::Exactly(220 << 20), 0).unwrap();
    fs::rename(bench.output(), bench.base()).unwrap();
    // Files all over the place, then those before are removed, so that blocks must move.
    let names = |prefix: &str| {
        (0..40)
            .map(|n| format!("/var/{prefix}{n}"))
            .collect::<Vec<_>>()
    };
    let mut entries = Overlay::new();
    for name in names("a").into_iter().chain(names("z")) {
        let path = image::EntryPath::new(name).unwrap();
        entries
            .insert(path, Entry::file(vec![9; 1 << 20], 0o644, "test"))
            .unwrap();
    }
    bench.assemble(&entries).unwrap();
    fs::rename(bench.output(), bench.base()).unwrap();
    let mut entries = Overlay::new();
    for name in names("a") {
        let path = image::EntryPath::new(name).unwrap();
        entries.insert(path, Entry::absent("test")).unwrap();
    }
    bench.assemble(&entries).unwrap();
    fs::rename(bench.output(), bench.base()).unwrap();
    bench
}

#[test]
fn an_image_shrinks_to_what_is_on_it_and_what_shall_be_free() {
    let bench = roomy();
    for free in [0, 30 << 20] {
        let report = sized(&bench, ImageSize::Smallest, free).unwrap();
        assert!(report.free >= free, "{} of {free}", report.free);
        // Steps of 4 MiB, and what `resize2fs` thinks that it needs for itself.
        assert!(report.free < free + (9 << 20), "{} of {free}", report.free);
        assert!(report.size < 180 << 20, "{}", report.size);
        assert_eq!(report.grown, 0);
        assert_fills(&bench.output());
        let moved = debugfs(&bench.output(), "cat /var/z39");
        assert!(moved.len() == 1 << 20 && moved.bytes().all(|byte| byte == 9));
        // What the first boot grows it with is as it was.
        let words = run(tool("mtype").args([
            "-i",
            &crate::support::at_boot(&bench.output()),
            "::/cmdline.txt",
        ]));
        assert!(words.contains(" resize"), "{words}");
        assert!(about(&bench.output(), "Reserved GDT blocks:") > 0);
    }
}

#[test]
fn a_shrunk_image_grows_again_as_the_first_boot_does_it() {
    let bench = roomy();
    sized(&bench, ImageSize::Smallest, 0).unwrap();
    let image = bench.output();
    let file = fs::File::options().write(true).open(&image).unwrap();
    file.set_len(4 << 30).unwrap();
    let root = bench.path("root.img");
    run(tool("dd")
        .arg(format!("if={}", image.display()))
        .arg(format!("of={}", root.display()))
        .args(["bs=1M", "conv=sparse", "status=none"])
        .arg(format!("skip={}", (ROOT.0 * 512) >> 20)));
    run(tool("resize2fs").arg("-f").arg(&root));
    run(tool("e2fsck").arg("-fn").arg(&root));
}

#[test]
fn shrinking_twice_gives_the_same_bytes() {
    let bench = roomy();
    sized(&bench, ImageSize::Smallest, 1 << 20).unwrap();
    let first = fs::read(bench.output()).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    sized(&bench, ImageSize::Smallest, 1 << 20).unwrap();
    assert!(fs::read(bench.output()).unwrap() == first);
}

#[test]
fn damage_of_the_base_is_found_when_it_is_resized_too() {
    let bench = Bench::new(Features::Trixie);
    tamper(&bench.base(), "clri /usr/bin/true\nfreei /etc/hostname\n");
    for size in [ImageSize::Exactly(300 << 20), ImageSize::Smallest] {
        let error = sized(&bench, size, 0).unwrap_err();
        assert!(matches!(error, Error::BaseDamaged { .. }), "{error}");
        assert!(!bench.output().exists());
    }
}

#[test]
fn what_was_written_is_reported_whatever_the_size() {
    let bench = Bench::new(Features::Trixie);
    let report = sized(&bench, ImageSize::Smallest, 0).unwrap();
    assert_eq!(report.written.len(), 1);
    assert!(matches!(
        report.written[0].content,
        Content::File {
            size: Some(300_000),
            ..
        }
    ));
}
