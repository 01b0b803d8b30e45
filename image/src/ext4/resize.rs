//! Making a file system as large as its partition.

use std::path::Path;
use std::process::Command;

use super::debugfs::Stage;
use super::fsck::{e2fsprogs, fsck};
use super::write::WriteError;
use crate::mbr::Partition;
use crate::process;
use crate::time::Timestamp;

/// Grows the file system in `partition` of `image` to the partition's size.
///
/// `resize2fs` wants `e2fsck -f` to have run on a file system that was ever mounted, and that would
/// write the present date. A read-only check gives the same assurance and changes nothing.
pub(crate) fn resize(
    image: &Path,
    partition: &Partition,
    timestamp: Timestamp,
) -> Result<(), WriteError> {
    fsck(image, partition)?;
    let program = e2fsprogs("resize2fs")?;
    let stage = Stage::new(image, partition)?;
    // The suffix means sectors.
    let size = format!("{}s", partition.length.count());
    let finished = process::run(
        Command::new(program)
            .args(["-f", &stage.device, &size])
            .current_dir(stage.folder.path())
            .env("E2FSPROGS_FAKE_TIME", timestamp.unix().to_string())
            .env("SOURCE_DATE_EPOCH", timestamp.unix().to_string()),
        &[],
    )?;
    if finished.status.success() {
        Ok(())
    } else {
        Err(finished.failure().into())
    }
}
