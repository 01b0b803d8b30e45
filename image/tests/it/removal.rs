//! What must not be there is gone: files, links, other names of a file, and whole trees.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use image::{Card, Entry, EntryPath, Overlay};

use crate::support::{
    Bench, Features, assert_sound, at_root, chain, debugfs, overlay, run, tamper, tool, write,
};

/// A home as somebody may have left it.
fn home(tree: &Path) {
    let pi = tree.join("home/pi");
    fs::create_dir_all(pi.join("a/b \"c\"\\d/e")).unwrap();
    fs::create_dir(pi.join("empty")).unwrap();
    fs::create_dir(pi.join("many")).unwrap();
    for index in 0..400 {
        write(&pi.join(format!("many/{index}-{}", "n".repeat(40))), "x");
    }
    write(&pi.join("a/b \"c\"\\d/e/deep"), vec![7; 100_000]);
    write(&pi.join(".bashrc"), "# mine\n");
    symlink("/etc", pi.join("link-to-etc")).unwrap();
    symlink("l".repeat(900), pi.join("long-link")).unwrap();
    fs::hard_link(tree.join("etc/hostname"), pi.join("hostname")).unwrap();
    symlink("pi", tree.join("home/me")).unwrap();
}

fn free(image: &Path) -> (u64, u64) {
    let text = run(tool("dumpe2fs").arg("-h").arg(at_root(image)));
    let count = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    (count("Free blocks:"), count("Free inodes:"))
}

#[test]
fn a_directory_goes_with_all_that_is_in_it_and_what_it_links_to_stays() {
    for features in Features::BOTH {
        let bench = Bench::with(features, home);
        let before = free(&bench.base());
        let report = bench
            .assemble(&overlay([
                ("/home/pi", Entry::absent("test")),
                ("/home/pi/.bashrc", Entry::absent("test")),
                ("/home/pi/never/there", Entry::absent("test")),
            ]))
            .unwrap();
        assert_eq!(report.written.len(), 3);
        let image = bench.output();
        assert_sound(&image);
        let names = debugfs(&image, "ls -p /home");
        assert!(!names.contains("/pi/"), "{names}");
        assert!(names.contains("/me/"), "{names}");
        assert_eq!(debugfs(&image, "cat /etc/hostname"), "raspberrypi\n");
        assert!(debugfs(&image, "stat /etc/hostname").contains("Links: 1 "));
        // 400 small files, 5 directories, 100 kB, two links, one of them in a block of its own.
        let after = free(&image);
        assert!(after.0 - before.0 > 400 + 5 + 25, "{before:?} {after:?}");
        assert_eq!(after.1 - before.1, 400 + 1 + 1 + 2 + 6);
    }
}

#[test]
fn a_base_with_indexed_directories_is_written_and_cleared_too() {
    let bench = Bench::with(Features::Trixie, home);
    // Makes an index for what is large enough.
    run(tool("e2fsck").arg("-fyD").arg(at_root(&bench.base())));
    let flags = debugfs(&bench.base(), "stat /home/pi/many");
    assert!(flags.contains("Flags: 0x81000"), "{flags}");
    let name = |index: usize| format!("/home/pi/many/{index}-{}", "n".repeat(40));
    let (old, gone, new) = (name(7), name(8), name(1000));
    bench
        .assemble(&overlay([
            (old.as_str(), Entry::file("new", 0o600, "test")),
            (gone.as_str(), Entry::absent("test")),
            (new.as_str(), Entry::file("new", 0o644, "test")),
        ]))
        .unwrap();
    assert_sound(&bench.output());
    let card = Card::open(&bench.output()).unwrap();
    assert_eq!(card.list("/home/pi/many").unwrap().unwrap().len(), 400);
    assert_eq!(card.read(&old).unwrap().unwrap(), b"new");
    bench
        .assemble(&overlay([("/home/pi/many", Entry::absent("test"))]))
        .unwrap();
    assert_sound(&bench.output());
}

#[test]
fn one_name_of_a_file_goes_and_the_others_stay() {
    let bench = Bench::with(Features::Trixie, home);
    bench
        .assemble(&overlay([(
            "/etc/hostname",
            Entry::file("new\n", 0o644, "test"),
        )]))
        .unwrap();
    let image = bench.output();
    assert_sound(&image);
    assert_eq!(debugfs(&image, "cat /etc/hostname"), "new\n");
    assert_eq!(debugfs(&image, "cat /home/pi/hostname"), "raspberrypi\n");
    assert!(debugfs(&image, "stat /home/pi/hostname").contains("Links: 1 "));
}

#[test]
fn attributes_go_with_the_file_that_had_them() {
    let bench = Bench::with(Features::Trixie, |tree| {
        write(&tree.join("usr/bin/other"), "other");
    });
    // The second is too large for the inode, and gets a block of its own.
    for (path, size) in [("/usr/bin/true", 20), ("/usr/bin/other", 2000)] {
        let value = bench.path("value");
        write(&value, vec![b'v'; size]);
        let command = format!("ea_set -f {} {path} user.test\n", value.display());
        tamper(&bench.base(), &command);
    }
    assert!(debugfs(&bench.base(), "ea_list /usr/bin/other").contains("user.test (2000)"));
    let entries = overlay([
        ("/usr/bin/true", Entry::file("new", 0o755, "test")),
        ("/usr/bin/other", Entry::absent("test")),
    ]);
    bench.assemble(&entries).unwrap();
    assert_sound(&bench.output());
    let left = debugfs(&bench.output(), "ea_list /usr/bin/true");
    assert!(!left.contains("user.test"), "{left}");
    // The repair that this takes is dated as all the rest is.
    let first = fs::read(bench.output()).unwrap();
    bench.assemble(&entries).unwrap();
    assert!(fs::read(bench.output()).unwrap() == first);
    let about = run(tool("dumpe2fs")
        .env("TZ", "UTC")
        .arg("-h")
        .arg(at_root(&bench.output())));
    assert!(
        about.contains("Last checked:             Fri Jan  2 03:04:05 2026"),
        "{about}"
    );
}

fn refused(bench: &Bench, overlay: &Overlay) -> String {
    let error = bench.assemble(overlay).unwrap_err();
    assert!(!bench.output().exists());
    chain(&error)
}

#[test]
fn nothing_is_written_into_a_tree_that_goes() {
    let bench = Bench::with(Features::Trixie, home);
    let file = || Entry::file("x", 0o644, "test");
    let cases = [
        vec![("/home/pi", Entry::absent("a")), ("/home/pi/new", file())],
        // Through a link of the base, before and after it by name.
        vec![("/home/pi", Entry::absent("a")), ("/home/me/a/new", file())],
        vec![
            ("/home/me/a/new", file()),
            ("/home/pi/a", Entry::absent("a")),
        ],
    ];
    let report: Vec<_> = cases
        .into_iter()
        .map(|case| refused(&bench, &overlay(case)))
        .collect();
    insta::assert_snapshot!(report.join("\n"), @r"
    /home/pi/new can't be written: /home/pi is nothing
    /home/pi/a/new can't be written: /home/pi is nothing
    /home/pi/a/new can't be written: /home/pi/a is nothing
    ");
}

#[test]
fn a_name_that_would_be_a_command_is_not_removed() {
    let bench = Bench::with(Features::Trixie, |tree| {
        fs::create_dir_all(tree.join("home/pi/x")).unwrap();
        write(&tree.join("home/pi/x/a\nrm \"etc"), "x");
        symlink("pi/x\n/y", tree.join("home/link")).unwrap();
    });
    let text = refused(&bench, &overlay([("/home/pi", Entry::absent("a"))]));
    insta::assert_snapshot!(text, @"/home/pi/x can't be removed: a name in it isn't UTF-8 or has a control character");
}

#[test]
fn nothing_is_made_for_what_shall_not_be_there() {
    let bench = Bench::new(Features::Trixie);
    let absent = [
        "/etc/x.d/y",
        "/etc/hostname/below",
        "/bin/true",
        "/lib/none",
    ];
    bench
        .assemble(&overlay(absent.map(|path| (path, Entry::absent("a")))))
        .unwrap();
    assert_sound(&bench.output());
    let card = Card::open(&bench.output()).unwrap();
    assert_eq!(card.find("/etc/x.d").unwrap(), None);
    assert_eq!(card.find("/usr/bin/true").unwrap(), None);
    assert!(card.find("/etc/hostname").unwrap().is_some());
    assert!(EntryPath::new("/etc/x.d/y").is_ok());
}
