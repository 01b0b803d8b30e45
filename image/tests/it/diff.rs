//! What two cards differ in, told path by path.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use image::diff::{Difference, Options, Text, compare, tables};
use image::{Card, Entry, Owner, Silent};

use crate::support::{Bench, Features, at_boot, overlay, run, tool, write};

fn differences(before: &Path, after: &Path, options: Options) -> Vec<Difference> {
    let (before, after) = (Card::open(before).unwrap(), Card::open(after).unwrap());
    let mut found = Vec::new();
    let mut tell = |difference| found.push(difference);
    let summary = compare(&before, &after, options, &mut Silent, &mut tell).unwrap();
    assert_eq!(summary.differences, found.len() as u64);
    found
}

fn shown(differences: &[Difference]) -> String {
    let lines = differences.iter().map(|found| {
        let (word, path) = (found.change.word(), &found.path);
        format!("{word} {path} {:?}\n", found.fields)
    });
    lines.collect::<Vec<_>>().concat()
}

#[test]
fn a_card_and_its_base_differ_in_what_was_written_and_in_nothing_else() {
    let pi = Owner {
        uid: 1000,
        gid: 1000,
    };
    for features in Features::BOTH {
        let bench = Bench::new(features);
        bench
            .assemble(&overlay([
                ("/etc/hostname", Entry::file("broker1\n", 0o644, "test")),
                ("/etc/fstab", Entry::absent("test")),
                ("/etc/resolv.conf", Entry::symlink("elsewhere", "test")),
                (
                    "/etc/os-release",
                    Entry::symlink("../usr/lib/os-release", "test"),
                ),
                ("/usr/bin", Entry::directory(0o711, "test")),
                ("/home", Entry::directory(0o700, "test").owned_by(pi)),
                ("/home/pi", Entry::directory(0o700, "test").owned_by(pi)),
                ("/home/pi/x", Entry::file("x", 0o600, "test").owned_by(pi)),
                (
                    "/boot/firmware/config.txt",
                    Entry::file("arm_64bit=0\n", 0o755, "test"),
                ),
                ("/boot/firmware/new", Entry::file("new", 0o755, "test")),
            ]))
            .unwrap();
        let found = differences(&bench.base(), &bench.output(), Options::default());
        insta::allow_duplicates! { insta::assert_snapshot!(shown(&found), @r"
        changed /boot/firmware/config.txt [Size, Content]
        added /boot/firmware/new []
        removed /etc/fstab []
        changed /etc/hostname [Size, Content]
        changed /etc/os-release [Kind, Mode]
        changed /etc/resolv.conf [Target]
        changed /home [Mode, Owner]
        added /home/pi []
        added /home/pi/x []
        changed /usr/bin [Mode]
        ") };

        let back = differences(&bench.output(), &bench.base(), Options::default());
        let turned = shown(&back)
            .replace("added", "ADDED")
            .replace("removed", "added")
            .replace("ADDED", "removed");
        assert_eq!(turned, shown(&found));
        let same = differences(
            &bench.output(),
            &bench.output(),
            Options {
                times: true,
                content: true,
            },
        );
        assert_eq!(same, []);
    }
}

#[test]
fn texts_are_shown_line_by_line_and_secrets_never() {
    let bench = Bench::with(Features::Trixie, |tree| {
        write(&tree.join("etc/binary"), "a\0b");
        write(&tree.join("etc/wpa.conf"), "psk=0123456789\n");
        write(&tree.join("etc/passwd-"), "old:x:\n");
        std::fs::create_dir(tree.join("etc/closed")).unwrap();
        write(&tree.join("etc/closed/open"), "one\n");
        run(tool("chmod").arg("0700").arg(tree.join("etc/closed")));
        run(tool("chmod").arg("0600").arg(tree.join("etc/passwd-")));
    });
    bench
        .assemble(&overlay([
            ("/etc/hostname", Entry::file("broker1\n", 0o644, "test")),
            ("/etc/binary", Entry::file("a\0c", 0o644, "test")),
            (
                "/etc/wpa.conf",
                Entry::file("psk=9876543210\n", 0o644, "test"),
            ),
            ("/etc/passwd-", Entry::file("hunter2\n", 0o644, "test")),
            ("/etc/closed/open", Entry::file("two\n", 0o644, "test")),
        ]))
        .unwrap();
    let options = Options {
        content: true,
        times: false,
    };
    let found = differences(&bench.base(), &bench.output(), options);
    let texts: Vec<_> = found
        .iter()
        .map(|found| (found.path.as_str(), found.text.as_ref()))
        .collect();
    let lines = Text::Lines("@@ -1 +1 @@\n-raspberrypi\n+broker1\n".to_owned());
    assert_eq!(
        texts,
        [
            ("/etc/binary", Some(&Text::Binary)),
            ("/etc/closed/open", Some(&Text::Secret)),
            ("/etc/hostname", Some(&lines)),
            ("/etc/passwd-", Some(&Text::Secret)),
            ("/etc/wpa.conf", Some(&Text::Secret)),
        ]
    );
    let json = serde_json::to_string(&found).unwrap();
    assert!(
        !json.contains("0123456789") && !json.contains("hunter2"),
        "{json}"
    );
}

#[test]
fn names_that_are_no_utf_8_and_bytes_that_others_changed_are_found() {
    use std::os::unix::ffi::OsStrExt;
    let odd = std::ffi::OsStr::from_bytes(b"etc/\xff\xfe odd");
    let bench = Bench::with(Features::Trixie, |tree| write(&tree.join(odd), "same size"));
    let copy = bench.path("copy.img");
    std::fs::copy(bench.base(), &copy).unwrap();
    assert_eq!(differences(&bench.base(), &copy, Options::default()), []);
    // One byte of the file, where it lies in the image.
    let bytes = std::fs::read(&copy).unwrap();
    let at = bytes
        .windows(9)
        .position(|window| window == b"same size")
        .unwrap();
    let file = File::options().write(true).open(&copy).unwrap();
    file.write_all_at(b"S", at as u64).unwrap();
    let found = differences(&bench.base(), &copy, Options::default());
    assert_eq!(
        shown(&found),
        "changed /etc/\u{fffd}\u{fffd} odd [Content]\n"
    );
}

#[test]
fn a_long_file_is_compared_to_its_last_byte() {
    let long = |last: u8| {
        let mut bytes = vec![7; 3 << 20];
        bytes.push(last);
        bytes
    };
    let bench = Bench::with(Features::Bookworm, |tree| {
        write(&tree.join("etc/long"), long(1));
    });
    bench
        .assemble(&overlay([(
            "/etc/long",
            Entry::file(long(2), 0o644, "test"),
        )]))
        .unwrap();
    let found = differences(
        &bench.base(),
        &bench.output(),
        Options {
            content: true,
            times: false,
        },
    );
    assert_eq!(shown(&found), "changed /etc/long [Content]\n");
    assert_eq!(found[0].text, Some(Text::Long));
}

#[test]
fn tables_differ_in_size_and_identity() {
    let bench = Bench::new(Features::Trixie);
    bench
        .assemble_with(&overlay([]), |request| {
            request.disk_id = Some(0x1234_5678);
            request.free = 64 << 20;
        })
        .unwrap();
    run(tool("mlabel").args(["-i", &at_boot(&bench.output()), "::other"]));
    let (base, output) = (
        Card::open(&bench.base()).unwrap(),
        Card::open(&bench.output()).unwrap(),
    );
    let found = tables(&base, &output);
    let what: Vec<_> = found.iter().map(|found| found.what.as_str()).collect();
    assert_eq!(
        what,
        ["size", "disk id", "partition 2 length", "boot label"]
    );
    assert_eq!(found[1].before, "4f2c9ea0");
    assert_eq!(found[1].after, "12345678");
    assert_eq!(tables(&base, &base), []);
}
