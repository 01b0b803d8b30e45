//! Making a file system as large as its partition, and how small it could be.

use std::path::Path;
use std::process::Command;

use super::debugfs::Stage;
use super::fsck::e2fsprogs;
use super::write::WriteError;
use crate::mbr::Partition;
use crate::process;
use crate::time::Timestamp;

/// Resizes the file system in `partition` of `image` to the partition's size.
///
/// `resize2fs` wants `e2fsck -f` to have run on a file system that was ever mounted, and that would
/// write the present date, so it is told not to insist (`-f`). The check comes at the end of all writing.
pub(crate) fn resize(
    image: &Path,
    partition: &Partition,
    timestamp: Timestamp,
) -> Result<(), WriteError> {
    let stage = Stage::new(image, partition)?;
    // The suffix means sectors.
    let size = format!("{}s", partition.length.count());
    let now = timestamp.unix().to_string();
    run(
        &stage,
        &["-f", &stage.device, &size],
        &[("E2FSPROGS_FAKE_TIME", &now), ("SOURCE_DATE_EPOCH", &now)],
    )?;
    Ok(())
}

/// How many bytes the file system in `partition` of `image` has at least when it is shrunk.
pub(crate) fn minimum(image: &Path, partition: &Partition) -> Result<u64, WriteError> {
    let stage = Stage::new(image, partition)?;
    let said = run(&stage, &["-P", &stage.device], &[])?;
    let blocks = said
        .rsplit(' ')
        .next()
        .and_then(|word| word.trim().parse().ok());
    let Some(blocks): Option<u64> = blocks else {
        return Err(WriteError::NoMinimum {
            said: said.trim().to_owned(),
        });
    };
    let about = super::Ext4::open(image, partition)?;
    Ok(blocks.saturating_mul(about.superblock().block_size))
}

/// Runs `resize2fs`; returns its standard output.
fn run(stage: &Stage, arguments: &[&str], dated: &[(&str, &str)]) -> Result<String, WriteError> {
    let program = e2fsprogs("resize2fs")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(stage.folder.path())
        .envs(dated.iter().copied())
        // It leaves the zeroing of inode tables to the Pi's kernel where this host's could do it too, and
        // would write them here otherwise: what comes out must not depend on where.
        .env_remove("RESIZE2FS_FORCE_ITABLE_INIT")
        .env("RESIZE2FS_FORCE_LAZY_ITABLE_INIT", "1");
    let finished = process::run(&mut command, &[])?;
    if finished.status.success() {
        Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
    } else {
        Err(finished.failure().into())
    }
}
