//! An image, cards that are files, and faults that `strace` makes.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::process::Command;

use crate::support::{Ended, Sandbox, tool};

pub(super) const MIB: u64 = 1 << 20;

/// A sandbox with `pi.img` in it: 160 MiB, of which 88 are random and the rest holes.
pub(super) fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let script = "truncate -s 160M pi.img
        printf 'label: dos\\nstart=16384,size=16384,type=c\\nstart=32768,size=294912,type=83\\n' |
            sfdisk --quiet --no-reread --no-tell-kernel pi.img
        dd if=/dev/urandom of=pi.img bs=1M seek=8 count=88 conv=notrunc status=none";
    tool(&sandbox, script).success();
    sandbox
}

/// A card that was used before: full of `0xA5`.
pub(super) fn card(sandbox: &Sandbox, name: &str, size: u64) {
    let file = File::create(sandbox.path(name)).unwrap();
    let old = vec![0xA5; 1 << 20];
    for at in 0..size / MIB {
        file.write_all_at(&old, at * MIB).unwrap();
    }
}

/// Whether these bytes of a card are as they were before.
pub(super) fn is_old(bytes: &[u8]) -> bool {
    let old = [0xA5; 4096];
    bytes
        .chunks(old.len())
        .all(|chunk| chunk == &old[..chunk.len()])
}

pub(super) fn bytes(sandbox: &Sandbox, name: &str) -> Vec<u8> {
    fs::read(sandbox.path(name)).unwrap()
}

/// Fails unless the card begins with the image.
#[track_caller]
pub(super) fn assert_written(sandbox: &Sandbox, card: &str) {
    let image = bytes(sandbox, "pi.img");
    assert!(
        bytes(sandbox, card).starts_with(&image),
        "{card} is not the image"
    );
}

/// Whether the card has no partition table, so that nothing boots from it.
pub(super) fn is_blank(sandbox: &Sandbox, card: &str) -> bool {
    bytes(sandbox, card)[..1 << 20]
        .iter()
        .all(|byte| *byte == 0)
}

/// Runs `provision` with `strace` between it and the kernel: `how` says what happens to which call.
pub(super) fn with_fault(sandbox: &Sandbox, how: &[&str], args: &[&str]) -> Ended {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null"]);
    strace
        .args(how)
        .arg(env!("CARGO_BIN_EXE_provision"))
        .args(args);
    sandbox.run(&mut strace, "")
}

/// The journals that are left.
pub(super) fn journals(sandbox: &Sandbox) -> usize {
    let folder = sandbox.path("home/.cache/provision/flash");
    fs::read_dir(folder).map_or(0, Iterator::count)
}
