//! Who uses a file of the cache: locks beside it, which the kernel releases whatever becomes of a process.
//!
//! Whoever makes a file holds its lock alone; whoever uses one shares it, as long as it uses it, so that
//! nobody removes a base that a card is being made from. The date of the lock is that of the last use.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};

use crate::progress::Progress;

/// Between two tries to get a lock.
const INTERVAL: Duration = Duration::from_millis(100);

/// A lock, held until it is dropped.
#[derive(Debug)]
pub struct Lease(#[expect(dead_code, reason = "the open file is the lock")] File);

/// A use of the file at `path`, which nobody removes meanwhile.
///
/// # Errors
///
/// If the lock beside it can't be made; of kind `WouldBlock` if the file is being made or removed.
pub fn share(path: &Path) -> io::Result<Lease> {
    let file = open(path)?;
    file.try_lock_shared()?;
    // The kernel's clock, so that this crate needs none.
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    futimens(
        &file,
        &Timestamps {
            last_access: now,
            last_modification: now,
        },
    )?;
    Ok(Lease(file))
}

/// The file at `path` for this process alone; `None` if somebody makes or uses it.
pub fn try_own(path: &Path) -> io::Result<Option<Lease>> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lease(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The file at `path` for this process alone, as soon as nobody else makes or uses it.
///
/// # Errors
///
/// Of kind `Interrupted` if the user doesn't want to wait any longer.
pub(super) fn own(path: &Path, progress: &mut dyn Progress) -> io::Result<Lease> {
    let mut said = false;
    loop {
        if let Some(lease) = try_own(path)? {
            return Ok(lease);
        }
        if !said {
            progress.detail("waiting for another process that prepares the same base");
            said = true;
        }
        crate::copy::go_on(progress)?;
        thread::sleep(INTERVAL);
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path.with_extension("lock"))
}
