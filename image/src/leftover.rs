//! Files in the making are locked by whoever makes them, so that what a killed process has left is told from what
//! another one is just making. The kernel releases such a lock whatever becomes of the process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use tempfile::{Builder, NamedTempFile};

/// Somebody who cleans up can take a new file for abandoned only in the moment before it is locked.
const TRIES: usize = 10;

/// Creates a file in `folder` as `builder` says, locked until it is closed.
pub fn create(builder: &Builder<'_, '_>, folder: &Path) -> io::Result<NamedTempFile> {
    for _ in 0..TRIES {
        let draft = builder.tempfile_in(folder)?;
        if hold(draft.as_file())? {
            return Ok(draft);
        }
    }
    Err(io::Error::other("somebody removes it whenever it is made"))
}

fn hold(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(file.metadata()?.nlink() > 0),
        Err(TryLockError::WouldBlock) => Ok(false),
        // A file system without locks: nobody can clean up there either.
        Err(TryLockError::Error(_)) => Ok(true),
    }
}

/// The regular file at `path`, locked, if it is this user's and nobody is making it.
pub fn abandoned(path: &Path) -> Option<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).ok()?;
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(flags).open(path).ok()?;
    let about = file.metadata().ok()?;
    let is_ours = about.is_file() && about.uid() == rustix::process::getuid().as_raw();
    (is_ours && file.try_lock().is_ok()).then_some(file)
}

/// Removes the file at `path` if it is [`abandoned`]. Returns its size in bytes if it is gone.
pub fn remove_abandoned(path: &Path) -> io::Result<Option<u64>> {
    let Some(held) = abandoned(path) else {
        return Ok(None);
    };
    let size = held.metadata()?.len();
    fs::remove_file(path)?;
    Ok(Some(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_is_making_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mut builder = Builder::new();
        let draft = create(builder.prefix(".pi.img."), folder.path()).unwrap();
        let path = draft.path().to_owned();
        assert_eq!(remove_abandoned(&path).unwrap(), None);
        // As if the process had been killed: the lock is gone, the file is not.
        let (file, kept) = draft.keep().unwrap();
        drop(file);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&kept, &link).unwrap();
        assert_eq!(remove_abandoned(&link).unwrap(), None);
        assert_eq!(remove_abandoned(&kept).unwrap(), Some(0));
        assert!(!kept.exists());
        assert_eq!(remove_abandoned(folder.path()).unwrap(), None);
    }
}
