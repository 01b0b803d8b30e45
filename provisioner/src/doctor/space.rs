//! Whether there is room for what is made.

use std::path::Path;

use anyhow::Context;
use rustix::fs::{Access, access, statvfs};

use super::check::{Checked, finding, well};
use crate::fsio;
use crate::output::bytes;

/// What a base takes while it is built, or a base and an image that are done, in bytes.
const NEEDED: u64 = 2 << 30;

/// Where bases and brokers are kept. The folder is made with the first of them.
pub(super) fn cache() -> Checked {
    let folder = fsio::cache_directory()?;
    let there = folder.ancestors().find(|folder| folder.exists());
    let there = there.with_context(|| format!("finding what {} is in", folder.display()))?;
    room(&folder, there, "set XDG_CACHE_HOME to another folder")
}

/// Where packages are unpacked.
pub(super) fn temporary() -> Checked {
    let folder = std::env::temp_dir();
    if !folder.is_dir() {
        return finding(
            format!(
                "temporary files go to {}, which is no folder",
                folder.display()
            ),
            "set TMPDIR to a folder",
        );
    }
    room(&folder, &folder, "set TMPDIR to another folder")
}

/// Where the image goes, unless it is told elsewhere.
pub(super) fn here() -> Checked {
    let folder = std::env::current_dir().context("finding the working directory")?;
    room(&folder, &folder, "name another folder with --out")
}

/// Looks at the file system that `folder` is on, or will be: `there` is the nearest that exists.
fn room(folder: &Path, there: &Path, otherwise: &str) -> Checked {
    let system = statvfs(there).with_context(|| format!("looking at {}", there.display()))?;
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    if free < NEEDED {
        return finding(
            format!(
                "{} are free in {}, and a base and an image take {}",
                bytes(free),
                folder.display(),
                bytes(NEEDED)
            ),
            format!("make room there, or {otherwise}"),
        );
    }
    if access(there, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return finding(
            format!("you may not write in {}", there.display()),
            otherwise,
        );
    }
    well(format!("{} are free in {}", bytes(free), folder.display()))
}
