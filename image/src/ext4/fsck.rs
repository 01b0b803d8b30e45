//! The tools of e2fsprogs: which version there is, and what its checker says.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::debugfs::Stage;
use super::write::WriteError;
use crate::mbr::Partition;
use crate::process::{self, ProcessError};
use crate::time::Timestamp;

/// The first version that knows the orphan file of Raspberry Pi OS "trixie".
const OLDEST: (u32, u32) = (1, 47);
const OLDEST_TEXT: &str = "1.47";
const PACKAGE: &str = "e2fsprogs";

/// A program of e2fsprogs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Where it is.
    pub path: PathBuf,
    /// What it says it is: `1.47.0`.
    pub version: String,
}

/// Finds a program of e2fsprogs that is new enough.
pub(crate) fn e2fsprogs(program: &'static str) -> Result<PathBuf, ProcessError> {
    tool(program).map(|tool| tool.path)
}

/// Finds a program of e2fsprogs that is new enough, and says which version it is.
///
/// # Errors
///
/// [`ProcessError::Missing`] or [`ProcessError::TooOld`].
pub fn tool(program: &'static str) -> Result<Tool, ProcessError> {
    let path = process::find(program, PACKAGE)?;
    let finished = process::run(Command::new(&path).arg("-V"), &[])?;
    let version = finished
        .stderr
        .lines()
        .chain(String::from_utf8_lossy(&finished.stdout).lines())
        .find_map(version_in)
        .unwrap_or_else(|| "unknown".to_owned());
    if number(&version).is_some_and(|number| number >= OLDEST) {
        Ok(Tool { path, version })
    } else {
        Err(ProcessError::TooOld {
            program,
            actual: version,
            wanted: OLDEST_TEXT,
        })
    }
}

/// The version in `debugfs 1.47.0 (5-Feb-2023)`.
fn version_in(line: &str) -> Option<String> {
    line.split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
        .map(str::to_owned)
}

fn number(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Runs `e2fsck -fn`, which looks at everything and changes nothing.
///
/// # Errors
///
/// [`WriteError::Damaged`] with the first complaint if the file system isn't clean.
pub(crate) fn fsck(image: &Path, partition: &Partition) -> Result<(), WriteError> {
    let program = e2fsprogs("e2fsck")?;
    let stage = Stage::new(image, partition)?;
    let finished = process::run(
        Command::new(program)
            .args(["-fn", &stage.device])
            .current_dir(stage.folder.path()),
        &[],
    )?;
    if finished.status.success() {
        return Ok(());
    }
    let problem = String::from_utf8_lossy(&finished.stdout)
        .lines()
        .chain(finished.stderr.lines())
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("Pass ") && !line.starts_with("e2fsck "))
        .map(str::to_owned);
    match problem {
        Some(problem) => Err(WriteError::Damaged {
            image: image.to_owned(),
            problem,
        }),
        None => Err(finished.failure().into()),
    }
}

/// Replays the journal of the file system that is `file` as a whole, and changes nothing else.
pub(crate) fn replay(file: &Path) -> Result<(), ProcessError> {
    let program = e2fsprogs("e2fsck")?;
    let arguments = ["-y", "-E", "journal_only"];
    let finished = process::run(Command::new(program).args(arguments).arg(file), &[])?;
    // 1: something was repaired, which is what it was called for.
    match finished.status.code() {
        Some(0 | 1) => Ok(()),
        _ => Err(finished.failure()),
    }
}

/// Runs `e2fsck -fp`, which mends only what needs no decision: the maps of what is in use.
pub(crate) fn preen(
    image: &Path,
    partition: &Partition,
    timestamp: Timestamp,
) -> Result<(), WriteError> {
    let program = e2fsprogs("e2fsck")?;
    let stage = Stage::new(image, partition)?;
    let now = timestamp.unix().to_string();
    let finished = process::run(
        Command::new(program)
            .args(["-fp", &stage.device])
            .current_dir(stage.folder.path())
            .env("E2FSCK_TIME", &now)
            .env("E2FSPROGS_FAKE_TIME", &now)
            .env("SOURCE_DATE_EPOCH", &now),
        &[],
    )?;
    // 1: errors were found and mended.
    match finished.status.code() {
        Some(0 | 1) => Ok(()),
        _ => Err(finished.failure().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        let version = version_in("debugfs 1.47.0 (5-Feb-2023)").unwrap();
        assert_eq!(number(&version), Some((1, 47)));
        assert!(number("1.47.3-rc1").unwrap() >= OLDEST);
        assert!(number("1.46.6").unwrap() < OLDEST);
        assert!(number("2.0").unwrap() >= OLDEST);
        assert_eq!(number("unknown"), None);
    }
}
