//! Everything that ext4 can hold is written, and reads back as others read it.

use std::fmt::Write as _;

use image::{Card, Entry, EntryPath, Overlay, Owner};

use crate::support::{Bench, Features, assert_sound, debugfs, overlay};

#[test]
fn paths_that_can_not_be_are_refused_with_the_rule() {
    let mut report = String::new();
    for path in [
        "etc/x",
        "/etc//x",
        "/etc/../x",
        "/a\nrm b",
        "/a\tb",
        "/a\u{85}b",
        "/boot/firmware/a\"b",
        "/boot/firmware/a\\b",
        "/boot/firmware/end.",
        "/boot/firmware/a:b/c",
    ] {
        let error = EntryPath::new(path).unwrap_err();
        writeln!(report, "{error}").unwrap();
    }
    let long = format!("{}nn", "/n".repeat(2047));
    let error = EntryPath::new(long.clone()).unwrap_err().to_string();
    writeln!(report, "{}", error.replace(&long, "[LONG]")).unwrap();
    assert!(EntryPath::new(&long[..4095]).is_ok());
    insta::assert_snapshot!(report, @r#"
    "etc/x" can't be a path on the Pi: it does not begin with /
    "/etc//x" can't be a path on the Pi: it has an empty, `.` or `..` component
    "/etc/../x" can't be a path on the Pi: it has an empty, `.` or `..` component
    "/a\nrm b" can't be a path on the Pi: it has a control character, such as a line break or a tab
    "/a\tb" can't be a path on the Pi: it has a control character, such as a line break or a tab
    "/a\u{85}b" can't be a path on the Pi: it has a control character, such as a line break or a tab
    "/boot/firmware/a\"b" can't be a path on the Pi: FAT has no names with " * : < > ? | \ in them, or a dot or a space at their end
    "/boot/firmware/a\\b" can't be a path on the Pi: FAT has no names with " * : < > ? | \ in them, or a dot or a space at their end
    "/boot/firmware/end." can't be a path on the Pi: FAT has no names with " * : < > ? | \ in them, or a dot or a space at their end
    "/boot/firmware/a:b/c" can't be a path on the Pi: FAT has no names with " * : < > ? | \ in them, or a dot or a space at their end
    "[LONG]" can't be a path on the Pi: it is longer than 4095 bytes, and no program could open it
    "#);
}

/// Names that a script, a shell or a careless reader would stumble over.
const ODD: [&str; 18] = [
    "-rf",
    "--",
    " lead",
    "trail ",
    "\"",
    "\"\"",
    "a\"b\"c",
    "back\\slash",
    "end\\",
    "\\\"",
    "'",
    "<2>",
    "#",
    "$HOME `x` $(x)",
    "*?[]{}~!&;|",
    "ä中🥧\u{301}",
    "\u{202e}rtl",
    "...",
];

#[test]
fn a_name_is_only_a_name() {
    for features in Features::BOTH {
        let bench = Bench::new(features);
        let mut entries = Overlay::new();
        let mut add = |path: String, entry| entries.insert(EntryPath::new(path).unwrap(), entry);
        for name in ODD {
            add(format!("/srv/{name}/{name}"), Entry::file(name, 0o640, "t")).unwrap();
            add(format!("/srv/{name}-link"), Entry::symlink(name, "t")).unwrap();
            add(format!("/{name}"), Entry::directory(0o2711, "t")).unwrap();
        }
        bench.assemble(&entries).unwrap();
        assert_sound(&bench.output());
        let card = Card::open(&bench.output()).unwrap();
        for name in ODD {
            let found = card.read(&format!("/srv/{name}/{name}")).unwrap();
            assert_eq!(found.unwrap(), name.as_bytes());
        }
        let listing = debugfs(&bench.output(), "ls -p /srv");
        for name in ODD {
            assert!(
                listing.contains(&format!("/040755/0/0/{name}//\n")),
                "{listing}"
            );
            assert!(listing.contains(&format!("/120777/0/0/{name}-link/{}/\n", name.len())));
        }
        // And all of it goes again.
        std::fs::rename(bench.output(), bench.base()).unwrap();
        bench
            .assemble(&overlay([("/srv", Entry::absent("test"))]))
            .unwrap();
        assert_sound(&bench.output());
    }
}

#[test]
fn links_have_any_length_that_a_block_holds() {
    for (options, longest) in [(&["-b", "4096"][..], 4095), (&["-b", "1024"], 1023)] {
        let bench = Bench::made(options, |_| {});
        let lengths = [1, 59, 60, 61, 255, longest - 1, longest];
        let target = |length: usize| "é\"/".repeat(length / 4) + &"x".repeat(length % 4);
        let paths = lengths.map(|length| (format!("/srv/{length}"), target(length)));
        let entries = paths
            .iter()
            .map(|(path, target)| (path.as_str(), Entry::symlink(target.as_str(), "t")));
        // The longest would double its quotes beyond what a line may have.
        let entries = entries.filter(|(path, _)| *path != "/srv/4095" && *path != "/srv/4094");
        bench.assemble(&overlay(entries)).unwrap();
        assert_sound(&bench.output());
        let plain = "xx/".repeat(longest / 3) + &"x".repeat(longest % 3);
        bench
            .assemble(&overlay([("/srv/l", Entry::symlink(plain.as_str(), "t"))]))
            .unwrap();
        assert_sound(&bench.output());
        assert!(debugfs(&bench.output(), "stat /srv/l").contains(&format!("Size: {longest}")));
        let error = bench
            .assemble(&overlay([("/srv/l", Entry::symlink(plain + "/x", "t"))]))
            .unwrap_err();
        assert!(error.to_string().contains(&longest.to_string()), "{error}");
    }
}

#[test]
fn a_line_that_would_be_too_long_is_told() {
    let bench = Bench::new(Features::Trixie);
    let name = "\"".repeat(255);
    let target = [&*name; 16].join("/");
    let error = bench
        .assemble(&overlay([(
            format!("/srv/{name}").as_str(),
            Entry::symlink(target, "t"),
        )]))
        .unwrap_err();
    let text = error.to_string().replace(&name, "[QUOTES]");
    insta::assert_snapshot!(text, @"/srv/[QUOTES] is too long: its path and target may have 8190 bytes together");
}

#[test]
fn owners_and_modes_have_all_their_bits() {
    let bench = Bench::new(Features::Trixie);
    let ids = [0, 1, 65_535, 65_536, 1 << 31, u32::MAX - 1, u32::MAX];
    let modes = [0, 0o400, 0o200, 0o777, 0o4755, 0o2755, 0o1777, 0o7777];
    let mut entries = Overlay::new();
    for (uid, gid) in ids.into_iter().zip(ids.into_iter().rev()) {
        for mode in modes {
            let owner = Owner { uid, gid };
            for (kind, entry) in [
                ("f", Entry::file("x", mode, "t")),
                ("d", Entry::directory(mode, "t")),
            ] {
                let path = EntryPath::new(format!("/srv/{uid}/{kind}{mode:04o}")).unwrap();
                entries.insert(path, entry.owned_by(owner)).unwrap();
            }
        }
    }
    bench.assemble(&entries).unwrap();
    assert_sound(&bench.output());
    for (uid, gid) in ids.into_iter().zip(ids.into_iter().rev()) {
        let listing = debugfs(&bench.output(), &format!("ls -p /srv/{uid}"));
        // It shows ids with a sign.
        let (uid, gid) = (uid.cast_signed(), gid.cast_signed());
        for mode in modes {
            let file = format!("/10{mode:04o}/{uid}/{gid}/f{mode:04o}/1/");
            let directory = format!("/04{mode:04o}/{uid}/{gid}/d{mode:04o}//");
            assert!(listing.contains(&file), "{listing} lacks {file}");
            assert!(listing.contains(&directory), "{listing} lacks {directory}");
        }
    }
}

#[test]
fn a_file_of_more_than_2_gib_keeps_its_holes() {
    let bench = Bench::new(Features::Trixie);
    let size = (2_usize << 30) + (96 << 20) + 5;
    let mut bytes = vec![0; size];
    for at in [0, 70_000, 1 << 30, (2 << 30) - 1, size - 1] {
        bytes[at] = 1;
    }
    // Marked secret, because digests of 2 GiB take long in a test.
    let entry = Entry::file(bytes, 0o600, "t").secret();
    bench.assemble(&overlay([("/srv/large", entry)])).unwrap();
    assert_sound(&bench.output());
    let stat = debugfs(&bench.output(), "stat /srv/large");
    assert!(stat.contains(&format!("Size: {size}\n")), "{stat}");
    let blocks = stat.split("Blockcount: ").nth(1).unwrap();
    let blocks: u64 = blocks.lines().next().unwrap().parse().unwrap();
    assert!(blocks * 512 < 1 << 20, "{stat}");
}

#[test]
fn trees_are_as_deep_as_a_path_is_long() {
    let bench = Bench::new(Features::Trixie);
    let name = "n".repeat(255);
    let path = format!("/srv{}/{}/f", "/d".repeat(200), [&*name; 13].join("/"));
    bench
        .assemble(&overlay([(path.as_str(), Entry::file("deep", 0o644, "t"))]))
        .unwrap();
    assert_sound(&bench.output());
    assert_eq!(debugfs(&bench.output(), &format!("cat {path}")), "deep");
    let path = format!("/srv{}", "/d".repeat(1000));
    let error = bench.assemble(&overlay([(path.as_str(), Entry::absent("t"))]));
    assert!(error.unwrap_err().to_string().contains("1000 names"));
}

#[test]
fn five_thousand_files_in_one_directory_are_written_and_replaced() {
    let bench = Bench::new(Features::Trixie);
    let pi = Owner {
        uid: 1000,
        gid: 1000,
    };
    let tree = |text: &str, step: usize| {
        let mut many = Overlay::new();
        for index in (0..5000).step_by(step) {
            let path = format!("/var/lib/many/{index:04}-{}", "n".repeat(index % 40));
            let entry = Entry::file(format!("{text} {index}"), 0o640, "t").owned_by(pi);
            many.insert(EntryPath::new(path).unwrap(), entry).unwrap();
        }
        many
    };
    bench.assemble(&tree("first", 1)).unwrap();
    assert_sound(&bench.output());
    let listing = debugfs(&bench.output(), "ls -p /var/lib/many");
    assert_eq!(listing.matches("/100640/1000/1000/").count(), 5000);
    std::fs::rename(bench.output(), bench.base()).unwrap();
    bench.assemble(&tree("second", 50)).unwrap();
    assert_sound(&bench.output());
    let text = debugfs(&bench.output(), "cat /var/lib/many/4000-");
    assert_eq!(text, "second 4000");
}
