//! The same on a block device of the kernel, where there can be one.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

use rustix::fs::OFlags;

use super::bench::{MIB, card, is_old, sandbox, with_fault};
use crate::support::{Sandbox, tool};

/// A loop device with `card` behind it, gone when dropped.
struct Loop(String);

impl Loop {
    /// Nothing, with a word, where there are no loop devices or one may not use them.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
    fn new(sandbox: &Sandbox) -> Option<Self> {
        card(sandbox, "card", 200 * MIB);
        let made = tool(sandbox, "losetup --find --show card");
        if made.code != 0 {
            println!("skipped: there is no loop device ({})", made.stderr.trim());
            return None;
        }
        Some(Self(made.stdout.trim().to_owned()))
    }

    fn args(&self) -> [&str; 6] {
        [
            "flash",
            "pi.img",
            "--device",
            &self.0,
            "--allow-fixed",
            "--yes",
        ]
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let mut losetup = Command::new("losetup");
        let path = std::env::var("PATH").unwrap_or_default();
        losetup.env("PATH", format!("{path}:/usr/sbin:/sbin"));
        losetup.args(["--detach", &self.0]).status().unwrap();
    }
}

#[test]
fn a_block_device_is_written_past_the_cache_and_read_back() {
    let sandbox = sandbox();
    let Some(device) = Loop::new(&sandbox) else {
        return;
    };
    let refused = sandbox.provision(&["flash", "pi.img", "--device", &device.0, "--yes"]);
    assert_eq!(refused.code, 2, "{}", refused.shown());
    let ended = sandbox.provision(&device.args()).success();
    assert_eq!(ended.stdout, format!("{}\n", device.0));
    tool(
        &sandbox,
        &format!("cmp --bytes=$((160<<20)) pi.img {}", device.0),
    )
    .success();
    let behind = fs::read(sandbox.path("card")).unwrap();
    assert!(is_old(&behind[160 << 20..]));
}

#[test]
fn a_lost_write_on_a_block_device_is_found() {
    let sandbox = sandbox();
    let Some(device) = Loop::new(&sandbox) else {
        return;
    };
    let lose = [
        "-e",
        "trace=pwrite64",
        "-e",
        "inject=pwrite64:retval=4194304:when=5",
    ];
    let ended = with_fault(&sandbox, &lose, &device.args());
    assert_eq!(ended.code, 1, "{}", ended.shown());
    assert!(
        ended.stderr.contains("does not read back what was written"),
        "{}",
        ended.shown()
    );
    // No partition table: no board boots from it.
    tool(
        &sandbox,
        &format!("cmp --bytes=$((1<<20)) {} /dev/zero", device.0),
    )
    .success();
}

#[test]
fn a_block_device_that_somebody_else_has_is_not_written() {
    let sandbox = sandbox();
    let Some(device) = Loop::new(&sandbox) else {
        return;
    };
    let flags = OFlags::EXCL.bits().cast_signed();
    let held: File = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(&device.0)
        .unwrap();
    let ended = sandbox.provision(&device.args());
    drop(held);
    assert_eq!(ended.code, 1, "{}", ended.shown());
    assert!(
        ended
            .stderr
            .contains(&format!("error: {} is in use", device.0)),
        "{}",
        ended.shown()
    );
    let card = fs::read(sandbox.path("card")).unwrap();
    assert!(is_old(&card));
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn a_mounted_block_device_is_refused_and_can_be_unmounted() {
    let sandbox = sandbox();
    let Some(device) = Loop::new(&sandbox) else {
        return;
    };
    fs::create_dir(sandbox.path("mnt")).unwrap();
    let mount = format!("mkfs.ext4 -q -F {0} && mount {0} mnt", device.0);
    let mounted = tool(&sandbox, &mount);
    if mounted.code != 0 {
        println!(
            "skipped: nothing can be mounted ({})",
            mounted.stderr.trim()
        );
        return;
    }
    let refused = sandbox.provision(&device.args());
    let mut args = device.args().to_vec();
    args.push("--unmount");
    let written = sandbox.provision(&args);
    // Whatever has come of it, nothing stays mounted.
    tool(&sandbox, "mountpoint -q mnt && umount mnt || true");
    assert_eq!(refused.code, 2, "{}", refused.shown());
    assert!(
        refused.stderr.contains("is mounted at [HERE]/mnt"),
        "{}",
        refused.shown()
    );
    written.success();
    tool(
        &sandbox,
        &format!("cmp --bytes=$((160<<20)) pi.img {}", device.0),
    )
    .success();
}
