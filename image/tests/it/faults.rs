//! Whatever goes wrong: a clear word, and what was there before is still there, alone.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use image::{Card, Entry, EntryPath, Error, Overlay, Report};

use crate::support::{
    Bench, Features, Impatient, ROOT, WHEN, assert_sound, chain, overlay, run, superblock, tamper,
    write,
};

/// Fails to assemble `overlay` and returns why; the output, which existed, is as it was.
fn refused(bench: &Bench, overlay: &Overlay) -> String {
    let error = refusal(bench, overlay);
    chain(&error).replace(bench.folder.path().to_str().unwrap(), "[DIR]")
}

/// The same with what to do about it.
fn refused_with_hint(bench: &Bench, overlay: &Overlay) -> String {
    let error = refusal(bench, overlay);
    let hint = error.hint().unwrap_or_else(|| "none".to_owned());
    format!("{error}\n    {hint}\n")
}

fn refusal(bench: &Bench, overlay: &Overlay) -> Error {
    write(&bench.output(), "an older image");
    let before = bench.names();
    let error = bench.assemble(overlay).unwrap_err();
    assert_eq!(fs::read(bench.output()).unwrap(), b"an older image");
    assert_eq!(bench.names(), before);
    error
}

#[test]
fn entries_that_do_not_fit_the_base_are_refused_before_anything_is_written() {
    let bench = Bench::new(Features::Trixie);
    let file = || Entry::file("x", 0o644, "overlays/test");
    let cases = [
        vec![("/etc", file())],
        vec![("/usr/lib", Entry::symlink("lib64", "overlays/test"))],
        vec![("/boot", Entry::absent("overlays/test"))],
        vec![("/etc/hostname", Entry::directory(0o755, "overlays/test"))],
        vec![("/lib", Entry::directory(0o755, "overlays/test"))],
        vec![("/etc/hostname/below", file())],
        vec![("/etc/resolv.conf/below", file())],
        vec![("/lib/twice", file()), ("/usr/lib/twice", file())],
        vec![
            ("/etc/link", Entry::symlink("x", "a")),
            ("/etc/link/below", file()),
        ],
        vec![
            ("/etc/gone", Entry::absent("a")),
            ("/etc/gone/below", file()),
        ],
        vec![("/etc/empty-link", Entry::symlink("", "a"))],
        vec![("/boot/firmware/link", Entry::symlink("x", "overlays/test"))],
    ];
    let mut report = String::new();
    for case in cases {
        report.push_str(&refused_with_hint(&bench, &overlay(case)));
    }
    let long = EntryPath::new(format!("/etc/{}", "n".repeat(256))).unwrap();
    let mut overlay = Overlay::new();
    overlay.insert(long, file()).unwrap();
    report.push_str(&refused_with_hint(&bench, &overlay).replace(&"n".repeat(256), "[LONG]"));
    insta::assert_snapshot!(report, @r"
    /etc is a directory in the base, and overlays/test wants a file there
        give the entry another path, or leave it out
    /usr/lib is a directory in the base, and overlays/test wants a link there
        give the entry another path, or leave it out
    /boot can't be removed: the FAT partition is mounted there
        name what shall go from it, one by one
    /etc/hostname is a file in the base, and overlays/test wants a directory there
        give the entry another path, or leave it out
    /lib is a link to usr/lib in the base, and overlays/test wants a directory there
        give the entry another path, or leave it out
    /etc/hostname/below can't be written: /etc/hostname is a file
        give the entry a path with nothing but directories above it
    /etc/resolv.conf/below can't be written: /etc/resolv.conf is a link to ../run/systemd/resolve/stub-resolv.conf, which is no directory
        give the entry a path with nothing but directories above it
    /lib/twice (overlays/test) and /usr/lib/twice (overlays/test) are the same place in the base
        leave one of them out, or give both the same path
    /etc/link/below can't be written: /etc/link is a link to x
        give the entry a path with nothing but directories above it
    /etc/gone/below can't be written: /etc/gone is nothing
        give the entry a path with nothing but directories above it
    the target of link /etc/empty-link must be 1 to 4095 bytes without control characters, and no name in it longer than 255
        choose another target, or leave the link out
    /boot/firmware/link (overlays/test) would be a link on the FAT partition, which has none
        put a copy there in place of the link
    /etc/[LONG] has a name of 256 bytes, ext4 allows 255
        choose a shorter name
    ");
}

#[test]
fn a_secret_never_reaches_fat_nor_a_debug_text() {
    let secret = Entry::file("hunter2", 0o600, "site").secret();
    let text = format!("{secret:?}");
    assert!(!text.contains("hunter2"), "{text}");
    let path = EntryPath::new("/boot/firmware/secret").unwrap();
    let error = Overlay::new().insert(path, secret).unwrap_err();
    assert!(error.to_string().contains("FAT partition"));
}

#[test]
fn a_full_fat_partition_is_seen_beforehand() {
    let bench = Bench::new(Features::Trixie);
    let large = Entry::file(vec![0; 40 << 20], 0o755, "test");
    let text = refused(&bench, &overlay([("/boot/firmware/initrd.img", large)]));
    insta::assert_snapshot!(text, @"the FAT partition has 37150208 bytes free, and 42008576 are needed");
}

#[test]
fn file_systems_that_must_not_be_written_are_refused() {
    let mut report = String::new();
    for (field, value) in [
        ("feature_incompat", "0x4010242"),
        ("feature_incompat", "0x246"),
        ("state", "0"),
    ] {
        let bench = Bench::new(Features::Bookworm);
        superblock(&bench, field, value);
        report.push_str(&refused(&bench, &Overlay::new()));
        report.push('\n');
    }
    let bench = Bench::new(Features::Bookworm);
    let file = File::options().write(true).open(bench.base()).unwrap();
    file.write_all_at(&[0; 4096], ROOT.0 * 512).unwrap();
    report.push_str(&refused(&bench, &Overlay::new()));
    insta::assert_snapshot!(report, @r"
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system has features that are not supported: encrypt, FEATURE_I26
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system needs its journal replayed (needs_recovery is set)
    partition 2 of [DIR]/base.img can't be used
      because the ext4 file system was not unmounted cleanly (state 0)
    partition 2 of [DIR]/base.img can't be used
      because there is no ext4 file system: the magic number is 0x0000, not 0xef53
    ");
}

#[test]
fn a_damaged_base_is_found_by_the_checker() {
    let bench = Bench::new(Features::Trixie);
    tamper(&bench.base(), "clri /usr/bin/true\nfreei /etc/hostname\n");
    let text = refused(&bench, &Overlay::new());
    assert!(
        text.contains("e2fsck finds the ext4 partition of the base [DIR]/base.img damaged: "),
        "{text}"
    );
}

#[test]
fn the_base_can_not_be_its_own_output() {
    let bench = Bench::new(Features::Trixie);
    let base = bench.base();
    let before = fs::read(&base).unwrap();
    let error = bench
        .assemble_with(&Overlay::new(), |request| request.output = request.base)
        .unwrap_err();
    assert!(
        error.to_string().ends_with("is the base image itself"),
        "{error}"
    );
    assert!(fs::read(&base).unwrap() == before);
}

#[test]
fn a_folder_is_no_output() {
    let bench = Bench::new(Features::Trixie);
    fs::create_dir(bench.output()).unwrap();
    let error = bench.assemble(&Overlay::new()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("exists and is not a regular file"),
        "{error}"
    );
}

/// Assembles away from the bench, with room to spare.
fn assemble_at(base: &Path, output: &Path, overlay: &Overlay) -> Result<Report, Error> {
    let request = image::AssembleRequest {
        base,
        output,
        overlay,
        free: 4 << 20,
        size: image::ImageSize::AsNeeded,
        limit: None,
        timestamp: WHEN,
        disk_id: None,
    };
    image::assemble(&request, &mut image::Silent)
}

#[test]
fn a_name_with_every_odd_character_is_only_a_name() {
    let bench = Bench::new(Features::Trixie);
    let folder = bench.path("a ?offset=1 \"b\" $c\nd");
    fs::create_dir(&folder).unwrap();
    fs::rename(bench.base(), folder.join("base?x=1.img")).unwrap();
    let (base, output) = (folder.join("base?x=1.img"), folder.join("-w pi?.img"));
    let overlay = overlay([("/etc/hostname", Entry::file("x\n", 0o644, "test"))]);
    assemble_at(&base, &output, &overlay).unwrap();
    let card = Card::open(&output).unwrap();
    assert_eq!(card.read("/etc/hostname").unwrap().unwrap(), b"x\n");
    fs::rename(&output, bench.output()).unwrap();
    assert_sound(&bench.output());
}

#[test]
fn whoever_stops_it_finds_things_as_they_were() {
    let bench = Bench::new(Features::Trixie);
    write(&bench.output(), "an older image");
    let before = bench.names();
    let entries = overlay([("/etc/hostname", Entry::file("x", 0o644, "test"))]);
    for patience in 0..4 {
        for free in [0, 64 << 20] {
            let error =
                bench.assemble_watched(&entries, free, &mut Impatient::after_words(patience));
            assert!(error.unwrap_err().is_interrupted());
            assert_eq!(fs::read(bench.output()).unwrap(), b"an older image");
            assert_eq!(bench.names(), before);
        }
    }
}

/// Set in the copy of this program that runs in another surrounding: the folder it is about.
const SURROUNDING: &str = "IMAGE_TEST_SURROUNDING";

/// Arguments by which this program runs only the test `name` of this module.
fn only(name: &str) -> [String; 2] {
    ["--exact".to_owned(), format!("faults::{name}")]
}

#[test]
fn a_full_disk_is_told_with_both_values_and_nothing_is_left() {
    let Some(small) = std::env::var_os(SURROUNDING) else {
        return run_on_a_small_disk("a_full_disk_is_told_with_both_values_and_nothing_is_left");
    };
    let bench = Bench::new(Features::Trixie);
    let (base, output) = (bench.base(), Path::new(&small).join("pi.img"));
    // More than the disk holds, and not a hole.
    let large = Entry::file(vec![7; 12 << 20], 0o755, "test");
    let error = assemble_at(&base, &output, &overlay([("/usr/bin/big", large)])).unwrap_err();
    let text = chain(&error);
    assert!(text.contains("pi.img needs "), "{text}");
    assert!(text.ends_with(" are free there"), "{text}");
    assert_eq!(fs::read_dir(&small).unwrap().count(), 0);
}

/// Runs a test of this module again in a user namespace of its own with a file system of 8 MiB.
fn run_on_a_small_disk(name: &str) {
    let namespace = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount"]);
        command
    };
    let probe = namespace()
        .args(["mount", "-t", "tmpfs", "none", "/mnt"])
        .output();
    if !probe.is_ok_and(|output| output.status.success()) {
        // The host allows no namespaces; the unit test that writes to /dev/full remains.
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=8m none \"$1\" && shift && exec \"$@\"";
    run(namespace()
        .args(["sh", "-c", script, "sh"])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(only(name))
        .env(SURROUNDING, folder.path()));
}

/// Runs a test of this module again where `debugfs` is this script instead.
fn run_with_debugfs(name: &str, script: &str) {
    let folder = tempfile::tempdir().unwrap();
    let fake = folder.path().join("debugfs");
    write(&fake, script);
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    run(Command::new(std::env::current_exe().unwrap())
        .args(only(name))
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .env(SURROUNDING, folder.path()));
}

#[test]
fn a_tool_that_only_claims_success_is_not_believed() {
    if std::env::var_os(SURROUNDING).is_none() {
        let script =
            "#!/bin/sh\n[ \"$1\" = -V ] && echo 'debugfs 1.47.0 (5-Feb-2023)' >&2\nexit 0\n";
        return run_with_debugfs("a_tool_that_only_claims_success_is_not_believed", script);
    }
    let bench = Bench::new(Features::Trixie);
    let text = refused(
        &bench,
        &overlay([("/etc/new", Entry::file("x", 0o644, "test"))]),
    );
    insta::assert_snapshot!(text, @"/etc/new was written and does not read back: its kind should be a file of 1 bytes and is nothing");
}

#[test]
fn a_tool_that_does_something_else_is_found_out() {
    if std::env::var_os(SURROUNDING).is_none() {
        let real = "PATH=/usr/sbin:/sbin:/usr/bin:/bin";
        let script = format!(
            "#!/bin/sh\n{real}\n[ \"$1\" = -V ] && exec debugfs -V\nsed 's/ uid 1000/ uid 1001/' | debugfs \"$@\"\n"
        );
        return run_with_debugfs("a_tool_that_does_something_else_is_found_out", &script);
    }
    let bench = Bench::new(Features::Trixie);
    let owner = image::Owner {
        uid: 1000,
        gid: 1000,
    };
    let key = Entry::file("key", 0o600, "test").secret().owned_by(owner);
    let text = refused(&bench, &overlay([("/etc/key", key)]));
    insta::assert_snapshot!(text, @"/etc/key was written and does not read back: its owner should be 1000:1000 and is 1001:1000");
}

#[test]
fn a_tool_that_is_too_old_is_refused_with_the_cure() {
    if std::env::var_os(SURROUNDING).is_none() {
        let script = "#!/bin/sh\necho 'debugfs 1.46.2 (28-Feb-2021)' >&2\n";
        return run_with_debugfs("a_tool_that_is_too_old_is_refused_with_the_cure", script);
    }
    let mut text = String::new();
    for features in [Features::Bookworm, Features::Trixie] {
        let bench = Bench::new(features);
        let error = bench.assemble(&Overlay::new()).unwrap_err();
        writeln!(text, "{}\n{}", chain(&error), error.hint().unwrap()).unwrap();
    }
    insta::assert_snapshot!(text, @r"
    debugfs is version 1.46.2, and 1.47 or newer is needed
    install e2fsprogs of Debian 12, Ubuntu 23.10 or newer, or from Homebrew
    debugfs is version 1.46.2, and the base's root file system has the feature orphan_file, which 1.47 or newer knows
    install e2fsprogs of Debian 12, Ubuntu 23.10 or newer, or from Homebrew
    ");
}
