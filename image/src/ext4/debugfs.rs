//! The writer that runs `debugfs` of e2fsprogs, which needs neither root nor a mount.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::fsck::e2fsprogs;
use super::plan::{Change, Plan, Planned};
use super::write::{RootfsWriter, WriteError};
use crate::mbr::Partition;
use crate::overlay::Owner;
use crate::process::{self, ProcessError};
use crate::time::Timestamp;

/// `debugfs` reads its script in lines of at most `BUFSIZ` bytes, 8192 with glibc.
const LONGEST_LINE: usize = 8190;
/// File type bits of `i_mode`.
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const SYMLINK: u32 = 0o120_000;

/// The `debugfs` of the host.
#[derive(Debug)]
pub(crate) struct Debugfs {
    program: PathBuf,
}

impl Debugfs {
    /// Finds it and checks that it is new enough.
    pub(crate) fn find() -> Result<Self, ProcessError> {
        let program = e2fsprogs("debugfs")?;
        Ok(Self { program })
    }
}

impl RootfsWriter for Debugfs {
    fn apply(
        &self,
        image: &Path,
        partition: &Partition,
        plan: &Plan<'_>,
        timestamp: Timestamp,
    ) -> Result<(), WriteError> {
        if plan.steps().is_empty() {
            return Ok(());
        }
        let stage = Stage::new(image, partition)?;
        let mut script = String::new();
        for (index, step) in plan.steps().iter().enumerate() {
            if let Change::Write(bytes) = step.change {
                stage.put(index, bytes)?;
            }
            add_commands(&mut script, index, step);
        }
        check_lines(&script, plan)?;
        let finished = process::run(
            Command::new(&self.program)
                .args(["-w", "-f", "-", &stage.device])
                .current_dir(stage.folder.path())
                // The second is the name that versions since 1.47.1 prefer.
                .env("E2FSPROGS_FAKE_TIME", timestamp.unix().to_string())
                .env("SOURCE_DATE_EPOCH", timestamp.unix().to_string()),
            script.as_bytes(),
        )?;
        // debugfs exits with success whatever its commands did, but it complains, and it says nothing
        // on standard error when all went well, except who it is.
        let complaint = finished
            .stderr
            .lines()
            .find(|line| !line.starts_with("debugfs 1.") && !line.trim().is_empty());
        match complaint {
            Some(line) => Err(WriteError::Refused {
                complaint: line.trim().to_owned(),
            }),
            None if finished.status.success() => Ok(()),
            None => Err(finished.failure().into()),
        }
    }
}

/// A private folder with the bytes to be written, numbered, and the image under a tame name.
///
/// It is the tool's working directory, so that no path of the host, whatever characters it has, must
/// be quoted, and it is removed with all it holds when this is dropped.
pub(super) struct Stage {
    pub(super) folder: TempDir,
    /// The image and the partition in it, as e2fsprogs' tools understand it.
    pub(super) device: String,
}

impl Stage {
    pub(super) fn new(image: &Path, partition: &Partition) -> Result<Self, WriteError> {
        let folder = tempfile::Builder::new()
            .prefix("card-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|source| WriteError::Staging {
                folder: std::env::temp_dir(),
                source,
            })?;
        let linked = fs::canonicalize(image)
            .and_then(|image| symlink(image, folder.path().join("card.img")));
        match linked {
            Ok(()) => Ok(Self {
                device: format!("card.img?offset={}", partition.offset()),
                folder,
            }),
            Err(source) => Err(WriteError::Staging {
                folder: folder.path().to_owned(),
                source,
            }),
        }
    }

    fn put(&self, index: usize, bytes: &[u8]) -> Result<(), WriteError> {
        let written: io::Result<()> = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.folder.path().join(index.to_string()))
            .and_then(|mut file| file.write_all(bytes));
        written.map_err(|source| WriteError::Staging {
            folder: self.folder.path().to_owned(),
            source,
        })
    }
}

fn add_commands(script: &mut String, index: usize, step: &Planned<'_>) {
    let path = quoted(&step.target.path());
    let mut line = |text: String| {
        script.push_str(&text);
        script.push('\n');
    };
    if step.replaces {
        line(format!("rm {path}"));
    }
    let kind = match step.change {
        Change::Remove => return,
        Change::SetDirectory => DIRECTORY,
        Change::MakeDirectory => {
            line(format!("mkdir {path}"));
            DIRECTORY
        }
        // These two make a name in the current directory and nowhere else.
        Change::Write(_) => {
            line(format!("cd {}", quoted(step.target.parent())));
            line(format!("write {index} {}", quoted(step.target.name())));
            REGULAR
        }
        Change::Link(target) => {
            line(format!("cd {}", quoted(step.target.parent())));
            let name = quoted(step.target.name());
            line(format!("symlink {name} {}", quoted(target)));
            SYMLINK
        }
    };
    let mode = if kind == SYMLINK { 0o777 } else { step.mode };
    line(format!("sif {path} mode 0{:o}", kind | mode));
    // What debugfs makes belongs to root.
    if step.change == Change::SetDirectory || step.owner != Owner::ROOT {
        line(format!("sif {path} uid {}", step.owner.uid));
        line(format!("sif {path} gid {}", step.owner.gid));
    }
}

/// Quoting as the `ss` library of debugfs reads it: a doubled quote stands for one.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn check_lines(script: &str, plan: &Plan<'_>) -> Result<(), WriteError> {
    match script.lines().find(|line| line.len() > LONGEST_LINE) {
        None => Ok(()),
        Some(line) => Err(WriteError::TooLong {
            path: plan
                .steps()
                .iter()
                .map(|step| step.target.path())
                .find(|path| line.contains(path.as_str()))
                .unwrap_or_default(),
            longest: LONGEST_LINE,
        }),
    }
}
