//! One at a time in a folder of the cache, and nothing left by those who were killed.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::error::{DebianError, failed};
use crate::Progress;

/// Takes the lock at `path`, and waits for whoever has it just now: `who`.
pub(super) fn lock(
    path: &Path,
    who: &str,
    progress: &mut dyn Progress,
) -> Result<File, DebianError> {
    use rustix::fs::{FlockOperation, flock};

    let file = File::create(path).map_err(failed("create", path))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        progress.begin(&format!("Waiting for {who}"), None);
        flock(&file, FlockOperation::LockExclusive)
            .map_err(io::Error::from)
            .map_err(failed("lock", path))?;
        progress.end(&format!("Waited for {who}"));
    }
    Ok(file)
}

/// Removes what was left by those who were killed. The lock is held: nobody else is at work.
pub(super) fn remove_leftovers(folder: &Path, prefix: &str) -> Result<(), DebianError> {
    let entries = fs::read_dir(folder).map_err(failed("read", folder))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(failed("remove", &path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_of_a_killed_build_go_and_other_bases_stay() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".a.img-x1", ".b.img-x1", "a.img"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        remove_leftovers(folder.path(), ".a.img-").unwrap();
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();

        assert_eq!(left, [".b.img-x1", "a.img"]);
    }
}
