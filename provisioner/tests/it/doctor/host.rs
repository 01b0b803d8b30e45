//! What a computer may lack.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::computer::{Computer, LINKERS, TARGETS};

#[test]
fn help_says_what_it_is_for_with_an_example() {
    let ended = Computer::new().run(&["--help"], &[]).success();
    assert!(
        ended.stdout.contains("Examples:\n  provision doctor"),
        "{}",
        ended.stdout
    );
}

#[test]
fn for_people_a_check_is_a_line_with_its_cure_below_and_no_color() {
    let computer = Computer::new();
    computer.lack("cargo");
    let ended = computer.run(&["--color", "always", "-q"], &[]);
    assert_eq!((ended.code, ended.stderr.as_str()), (3, ""));
    let mut lines = ended.stdout.lines();
    let first: Vec<_> = lines.by_ref().take(3).collect();
    insta::assert_snapshot!(first.join("\n"), @r"
    finding  cargo             cargo was not found, and the broker has to be compiled
      cure: install Rust with rustup, or name a ready-made broker with --broker FILE
    skipped  broker-aarch64    aarch64-linux-gnu-gcc is there; without cargo the library can't be looked for
    ");
    let last = ended.stdout.lines().last().unwrap();
    insta::assert_snapshot!(last, @r"
    skipped  site              there is no site at site; `provision init` makes one
    ");
    for line in lines {
        let known = ["ok       ", "finding  ", "skipped  ", "  cure: "];
        assert!(known.iter().any(|lead| line.starts_with(lead)), "{line}");
        assert!(!line.contains('\x1b'), "{line}");
    }
}

#[test]
fn a_status_line_counts_the_findings() {
    let computer = Computer::new();
    computer.lack("cargo");
    let ended = computer.run(&["--json"], &[]);
    let value: Value = serde_json::from_str(&ended.stdout).unwrap();
    let checks = value["checks"].as_array().unwrap();
    let count = |status| {
        checks
            .iter()
            .filter(|check| check["status"] == status)
            .count()
    };
    let findings = count("finding");
    let word = if findings == 1 { "finding" } else { "findings" };
    let skipped = count("skipped");
    assert_eq!(
        ended.stderr,
        format!(
            "Checked {}: {findings} {word}, {skipped} skipped\n",
            checks.len()
        )
    );
}

#[test]
fn a_compiler_with_all_libraries_and_linkers_is_well() {
    let computer = Computer::new();
    insta::assert_snapshot!(computer.says("cargo").shown(), @r"
    ok: [HERE]/bin/cargo is version 1.95.0
    cure: -
    ");
    insta::assert_snapshot!(computer.says("broker-aarch64").shown(), @r"
    ok: aarch64-linux-gnu-gcc links for aarch64-unknown-linux-gnu, whose library rustc 1.95.0 has
    cure: -
    ");
    assert!(computer.says("broker-armv7").is_well() && computer.says("broker-x86_64").is_well());
}

#[test]
fn a_missing_cargo_is_one_finding_and_not_four() {
    let computer = Computer::new();
    computer.lack("cargo");
    computer.lack("rustc");
    insta::assert_snapshot!(computer.says("cargo").shown(), @r"
    finding: cargo was not found, and the broker has to be compiled
    cure: install Rust with rustup, or name a ready-made broker with --broker FILE
    ");
    insta::assert_snapshot!(computer.says("broker-aarch64").shown(), @r"
    skipped: aarch64-linux-gnu-gcc is there; without cargo the library can't be looked for
    cure: -
    ");
}

#[test]
fn an_old_cargo_and_one_that_fails_are_findings() {
    let computer = Computer::new();
    computer.imitate("cargo", "echo 'cargo 1.88.1 (873a06493 2025-05-10)'");
    insta::assert_snapshot!(computer.says("cargo").shown(), @r"
    finding: cargo is version 1.88.1, and 1.89 or newer is needed
    cure: `rustup update stable`, or name a ready-made broker with --broker FILE
    ");
    computer.imitate(
        "cargo",
        "echo 'error: no default toolchain is set' >&2; exit 1",
    );
    insta::assert_snapshot!(computer.says("cargo").shown(), @r"
    finding: [HERE]/bin/cargo failed (exit status: 1): error: no default toolchain is set
    cure: `rustup default stable` if rustup has no toolchain, else install Rust again
    ");
}

#[test]
fn a_linker_and_a_library_that_are_missing_are_found_together() {
    // Debian's compiler is asked where it always is, and may have the library.
    let debian = Path::new("/usr/bin/rustc").exists();
    let computer = Computer::new();
    for (target, linker) in TARGETS.into_iter().zip(LINKERS) {
        let library = format!("libraries/{target}/libstd-0123.rlib");
        std::fs::remove_file(computer.sandbox.path(&library)).unwrap();
        computer.lack(linker);
    }
    let (found, other) = (
        computer.says("broker-armv7"),
        computer.says("broker-x86_64"),
    );
    if debian {
        assert_eq!(
            (found.status.as_str(), other.status.as_str()),
            ("finding", "skipped")
        );
    } else {
        insta::assert_snapshot!(found.shown(), @r"
        finding: arm-linux-gnueabihf-gcc was not found, and the broker for armv7 has to be linked; Rust's standard library for armv7-unknown-linux-gnueabihf is not installed
        cure: sudo apt-get install gcc-arm-linux-gnueabihf libc6-dev-armhf-cross; rustup target add armv7-unknown-linux-gnueabihf
        ");
        insta::assert_snapshot!(other.shown(), @r"
        skipped: x86_64-linux-gnu-gcc was not found, and the broker for x86_64 has to be linked; Rust's standard library for x86_64-unknown-linux-gnu is not installed (only `provision push` to a PC needs that: sudo apt-get install gcc-x86-64-linux-gnu libc6-dev-amd64-cross; rustup target add x86_64-unknown-linux-gnu)
        cure: -
        ");
    }
}

#[test]
fn each_tool_of_e2fsprogs_must_be_new_enough() {
    let computer = Computer::new();
    insta::with_settings!({filters => vec![(r"\d+\.\d+\.\d+", "[VERSION]")]}, {
        insta::assert_snapshot!(computer.says("e2fsprogs").shown(), @r"
        ok: mke2fs [VERSION], debugfs [VERSION], e2fsck [VERSION], resize2fs [VERSION]
        cure: -
        ");
    });
    for program in ["mke2fs", "debugfs", "e2fsck", "resize2fs"] {
        let old = format!("echo '{program} 1.46.6 (1-Feb-2023)' >&2");
        computer.imitate(program, &old);
        let said = computer.says("e2fsprogs");
        assert_eq!(said.status, "finding");
        let what = format!("{program} is version 1.46.6, and 1.47 or newer is needed");
        assert_eq!(said.what, what);
        computer.imitate(program, &old.replace("1.46.6", "1.47.0"));
        assert!(computer.says("e2fsprogs").is_well());
    }
    computer.imitate("mke2fs", "echo gibberish");
    let said = computer.says("e2fsprogs");
    assert_eq!(
        said.what,
        "mke2fs is version unknown, and 1.47 or newer is needed"
    );
}

#[test]
fn the_packages_of_missing_tools_are_named_in_one_command() {
    let computer = Computer::new();
    assert!(
        computer.says("base-tools").is_well(),
        "ci/setup installs them"
    );
    computer.lack("mcopy");
    insta::assert_snapshot!(computer.says("base-tools").shown(), @r"
    finding: mcopy is not installed
    cure: sudo apt-get install mtools
    ");
    computer.lack("mmdebstrap");
    computer.lack("unshare");
    insta::assert_snapshot!(computer.says("base-tools").shown(), @r"
    finding: mmdebstrap, mcopy, unshare are not installed
    cure: sudo apt-get install mmdebstrap mtools util-linux
    ");
}

#[test]
fn qemu_is_for_trying_cards_only() {
    let computer = Computer::new();
    computer.imitate("qemu-system-aarch64", "exit 0");
    insta::assert_snapshot!(computer.says("qemu").shown(), @r"
    skipped: without qemu-system-arm, `ci/boot` can't try a card; to bake one it is not needed
    cure: -
    ");
    computer.imitate("qemu-system-arm", "exit 0");
    insta::assert_snapshot!(computer.says("qemu").shown(), @r"
    ok: qemu-system-aarch64 and qemu-system-arm are there
    cure: -
    ");
}

#[test]
fn a_folder_without_room_is_a_finding_and_the_cache_need_not_exist() {
    let computer = Computer::new();
    let cache = computer.says("space-cache");
    assert!(
        cache.what.ends_with("free in [HERE]/home/.cache/provision"),
        "{cache:?}"
    );
    assert!(!computer.sandbox.path("home/.cache").exists());
    // The kernel's own file systems have no room at all.
    let full = computer.says_with("space-temporary", &[("TMPDIR", "/proc/self")]);
    insta::assert_snapshot!(full.shown(), @r"
    finding: 0 B are free in /proc/self, and a base and an image take 2.0 GiB
    cure: make room there, or set TMPDIR to another folder
    ");
    let full = computer.says_with("space-cache", &[("XDG_CACHE_HOME", "/proc/self/no")]);
    insta::assert_snapshot!(full.shown(), @r"
    finding: 0 B are free in /proc/self/no/provision, and a base and an image take 2.0 GiB
    cure: make room there, or set XDG_CACHE_HOME to another folder
    ");
    let gone = computer.says_with("space-temporary", &[("TMPDIR", "/no/such")]);
    insta::assert_snapshot!(gone.shown(), @r"
    finding: temporary files go to /no/such, which is no folder
    cure: set TMPDIR to a folder
    ");
}

#[test]
fn a_small_file_system_is_told_with_both_numbers() {
    let computer = Computer::new();
    let small = "mount -t tmpfs -o size=64m none home";
    insta::assert_snapshot!(computer.says_after("space-cache", small).shown(), @r"
    finding: 64.0 MiB are free in [HERE]/home/.cache/provision, and a base and an image take 2.0 GiB
    cure: make room there, or set XDG_CACHE_HOME to another folder
    ");
}

#[test]
fn debians_keys_may_be_missing() {
    let computer = Computer::new();
    let without = "for folder in /usr/share/keyrings /etc/apt/trusted.gpg.d; do
        if [ -d $folder ]; then mount -t tmpfs none $folder; fi
    done";
    insta::assert_snapshot!(computer.says_after("keyring", without).shown(), @r"
    finding: Debian's keys are not installed, and no mirror is trusted without them
    cure: sudo apt-get install debian-archive-keyring
    ");
    let with = format!(
        "{without}\nif [ ! -d /usr/share/keyrings ]; then exit 1; fi\n\
        echo key >/usr/share/keyrings/debian-archive-keyring.pgp"
    );
    assert!(computer.says_after("keyring", &with).is_well());
}

#[test]
fn an_emulator_must_be_registered_so_that_it_works_in_a_new_root() {
    let computer = Computer::new();
    let none = "mount -t tmpfs none /proc/sys/fs/binfmt_misc";
    insta::assert_snapshot!(computer.says_after("emulator-armv7", none).shown(), @r"
    finding: programs for armhf don't run on this computer: binfmt_misc is not mounted at /proc/sys/fs/binfmt_misc
    cure: run `ci/setup`, or install qemu-user-static (Debian 13: qemu-user-binfmt) and mount /proc/sys/fs/binfmt_misc
    ");
    let registered = |flags: &str| {
        let magic = "7f454c4601010100000000000000000002002800";
        let entry = format!(
            "enabled\\ninterpreter /usr/bin/qemu-arm\\nflags: {flags}\\noffset 0\\nmagic {magic}\\n"
        );
        format!("{none}\nprintf '{entry}' >/proc/sys/fs/binfmt_misc/qemu-arm")
    };
    insta::assert_snapshot!(computer.says_after("emulator-armv7", &registered("OC")).shown(), @r"
    finding: programs for armhf don't run on this computer: the emulator for them is registered without the flag F, so it fails in a chroot
    cure: take it back, as in `echo -1 | sudo tee /proc/sys/fs/binfmt_misc/qemu-arm`, then run `ci/setup` with qemu-user-static (Debian 13: qemu-user-binfmt), which sets the flag
    ");
    assert!(
        computer
            .says_after("emulator-armv7", &registered("OCF"))
            .is_well()
    );
}

#[test]
fn a_clock_before_a_file_of_the_site_is_wrong() {
    let computer = Computer::with_site();
    assert!(computer.says("clock").is_well());
    let touch = ["-d", "2100-01-02 03:04 UTC", "site/people.yaml"];
    computer
        .sandbox
        .run(Command::new("touch").args(touch), "")
        .success();
    let said = computer.says("clock");
    assert_eq!(said.status, "finding");
    assert!(
        said.what
            .ends_with("by the clock, but site/people.yaml was written on 2100-01-02 03:04 UTC"),
        "{said:?}"
    );
}
