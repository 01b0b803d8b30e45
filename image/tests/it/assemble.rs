//! What was asked for is on the card, as others see it, and nothing else changed.

use std::os::unix::fs::PermissionsExt;

use image::ext4::FoundKind;
use image::{AssembleRequest, Card, Content, Entry, Overlay, Owner};

use crate::support::{Bench, Features, assert_sound, at_boot, debugfs, overlay, run, tool};

const LONG_TARGET: &str =
    "../usr/local/lib/mqtt-broker/releases/0123456789abcdef0123456789abcdef/etc/broker.conf";

/// One of everything.
fn everything() -> Overlay {
    let pi = Owner {
        uid: 1000,
        gid: 70_000,
    };
    overlay([
        ("/etc/hostname", Entry::file("broker1\n", 0o644, "recipe")),
        (
            "/etc/resolv.conf",
            Entry::file("nameserver ::1\n", 0o644, "recipe"),
        ),
        ("/etc/fstab", Entry::absent("test")),
        ("/etc/never-there", Entry::absent("test")),
        (
            "/etc/with space/a b 'c' $d #e.conf",
            Entry::file("x", 0o640, "test"),
        ),
        ("/etc/empty", Entry::file("", 0o600, "test")),
        ("/etc/fast", Entry::symlink("../short", "test")),
        ("/etc/slow", Entry::symlink(LONG_TARGET, "test")),
        ("/etc/odd", Entry::symlink("a \"quoted\" target", "test")),
        (
            "/lib/systemd/system/x.service",
            Entry::file("[Unit]\n", 0o644, "test"),
        ),
        ("/bin/tool", Entry::file(vec![7; 300_000], 0o4755, "test")),
        ("/home/pi", Entry::directory(0o700, "test").owned_by(pi)),
        (
            "/home/pi/.ssh",
            Entry::directory(0o700, "test").owned_by(pi),
        ),
        (
            "/home/pi/.ssh/authorized_keys",
            Entry::file("key", 0o600, "test").owned_by(pi),
        ),
        ("/etc/key", Entry::file("private", 0o600, "site").secret()),
        ("/var/lib", Entry::directory(0o1775, "test")),
        (
            "/boot/firmware/cmdline.txt",
            Entry::file("console=tty1\n", 0o755, "recipe"),
        ),
        (
            "/boot/firmware/new folder/User-Data.yaml",
            Entry::file("#cloud-config\n", 0o755, "recipe"),
        ),
        ("/boot/firmware/config.txt", Entry::absent("test")),
    ])
}

#[test]
fn every_kind_of_entry_arrives_on_both_releases() {
    for features in Features::BOTH {
        let bench = Bench::new(features);
        bench.assemble(&everything()).unwrap();
        let image = bench.output();
        assert_sound(&image);
        assert_eq!(debugfs(&image, "cat /etc/hostname"), "broker1\n");
        assert_eq!(
            debugfs(&image, "cat /usr/lib/systemd/system/x.service"),
            "[Unit]\n"
        );
        assert_eq!(
            debugfs(&image, "cat \"/etc/with space/a b 'c' $d #e.conf\""),
            "x"
        );
        let stat = debugfs(&image, "stat /home/pi/.ssh/authorized_keys");
        assert!(stat.contains("Type: regular    Mode:  0600"), "{stat}");
        assert!(stat.contains("User:  1000   Group: 70000"), "{stat}");
        assert!(stat.contains("mtime: 0x695735a5"), "{stat}");
        let stat = debugfs(&image, "stat /usr/bin/tool");
        assert!(stat.contains("Mode:  04755"), "{stat}");
        assert!(debugfs(&image, "stat /etc/slow").contains("Type: symlink"));
        assert!(debugfs(&image, "stat /etc/fast").contains("Fast link dest: \"../short\""));
        let names = debugfs(&image, "ls -p /etc");
        assert!(!names.contains("/fstab/"), "{names}");
    }
}

#[test]
fn the_card_reads_as_one_tree() {
    let bench = Bench::new(Features::Trixie);
    bench.assemble(&everything()).unwrap();
    let card = Card::open(&bench.output()).unwrap();
    let link = |path| card.find(path).unwrap().unwrap().kind;
    assert_eq!(
        link("/etc/slow"),
        FoundKind::Symlink(LONG_TARGET.to_owned())
    );
    assert_eq!(
        link("/etc/odd"),
        FoundKind::Symlink("a \"quoted\" target".to_owned())
    );
    assert_eq!(
        card.read("/etc/resolv.conf").unwrap().unwrap(),
        b"nameserver ::1\n"
    );
    assert_eq!(
        card.read("/boot/firmware/cmdline.txt").unwrap().unwrap(),
        b"console=tty1\n"
    );
    assert_eq!(
        card.list("/boot/firmware").unwrap().unwrap(),
        ["cmdline.txt", "new folder"]
    );
    assert_eq!(card.find("/var/lib").unwrap().unwrap().mode, 0o1775);
    assert_eq!(card.read("/boot/firmware/config.txt").unwrap(), None);
    assert_eq!(card.read("/etc/hostname/below").unwrap(), None);
}

#[test]
fn mtools_reads_what_was_written_to_fat() {
    let bench = Bench::new(Features::Bookworm);
    bench.assemble(&everything()).unwrap();
    let image = at_boot(&bench.output());
    let text = run(tool("mtype").args(["-i", &image, "::/new folder/User-Data.yaml"]));
    assert_eq!(text, "#cloud-config\n");
    let listing = run(tool("mdir").args(["-i", &image, "::/"]));
    assert!(listing.contains("2026-01-02"), "{listing}");
    assert!(!listing.to_lowercase().contains("config"), "{listing}");
}

#[test]
fn the_report_lists_every_path_and_no_digest_of_a_secret() {
    let bench = Bench::new(Features::Trixie);
    let report = bench.assemble(&everything()).unwrap();
    let find = |path: &str| report.written.iter().find(|w| w.path == path).unwrap();
    let Content::File { sha256, size } = &find("/etc/key").content else {
        unreachable!("a file was written");
    };
    assert_eq!((sha256.as_str(), *size), ("secret", None));
    let json = serde_json::to_value(find("/usr/lib/systemd/system/x.service")).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "path": "/usr/lib/systemd/system/x.service",
            "kind": "file",
            "size": 7,
            "sha256": "ae6c63cff33bcfa3b6a2d6d0c9dd19521dedaa351146b1a642d2bfc9cf5a1e1f",
            "mode": "0644",
            "owner": "0:0",
            "origin": "test",
        })
    );
    assert_eq!(
        find("/etc/with space").origin,
        "parent of /etc/with space/a b 'c' $d #e.conf"
    );
    // The directory that nobody asked for is the only addition.
    assert_eq!(report.written.len(), everything().len() + 1);
    assert_eq!(report.disk_id, "4f2c9ea0");
    assert_eq!(report.grown, 0);
}

#[test]
fn two_builds_are_byte_identical() {
    let bench = Bench::new(Features::Trixie);
    let build = |name: &str| {
        let change = |request: &mut AssembleRequest<'_>| {
            request.free = 64 << 20;
            request.disk_id = Some(0xDEAD_BEEF);
        };
        bench.assemble_with(&everything(), change).unwrap();
        std::fs::rename(bench.output(), bench.path(name)).unwrap();
        // The clock has moved on for whoever looks at it.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        bench.path(name)
    };
    let (a, b) = (build("a.img"), build("b.img"));
    run(tool("cmp").args([&a, &b]));
}

#[test]
fn the_image_is_for_its_owner_only_and_nothing_lies_beside_it() {
    let bench = Bench::new(Features::Trixie);
    let before = bench.names();
    bench.assemble(&everything()).unwrap();
    let mode = std::fs::metadata(bench.output())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut after = bench.names();
    after.retain(|name| name != "pi.img");
    assert_eq!(after, before);
}

#[test]
fn a_new_disk_signature_is_followed_by_fstab_and_command_line() {
    let bench = Bench::new(Features::Trixie);
    let report = bench
        .assemble_with(&Overlay::new(), |request| {
            request.disk_id = Some(0x0012_ab34);
        })
        .unwrap();
    assert_eq!(report.disk_id, "0012ab34");
    let card = Card::open(&bench.output()).unwrap();
    let text = |path| String::from_utf8(card.read(path).unwrap().unwrap()).unwrap();
    assert!(text("/etc/fstab").contains("PARTUUID=0012ab34-01 /boot/firmware"));
    assert!(text("/boot/firmware/cmdline.txt").contains("root=PARTUUID=0012ab34-02 "));
    let listing = run(tool("sfdisk").arg("-l").arg(bench.output()));
    assert!(listing.contains("0x0012ab34"), "{listing}");
}

#[test]
fn five_hundred_files_in_one_directory_read_back() {
    let bench = Bench::new(Features::Trixie);
    let mut many = Overlay::new();
    for index in 0..500 {
        let path = format!("/var/lib/many/{index:04}-{}", "n".repeat(index % 40));
        many.insert(
            image::EntryPath::new(path).unwrap(),
            Entry::file(index.to_string(), 0o644, "test"),
        )
        .unwrap();
    }
    bench.assemble(&many).unwrap();
    assert_sound(&bench.output());
}

#[test]
fn an_absolute_link_in_the_base_leads_into_the_base() {
    let bench = Bench::new(Features::Bookworm);
    let report = bench
        .assemble(&overlay([(
            "/bin/new",
            Entry::file("#!/bin/sh\n", 0o755, "test"),
        )]))
        .unwrap();
    assert_eq!(report.written[0].path, "/usr/bin/new");
}
