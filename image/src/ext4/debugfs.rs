//! The writer that runs `debugfs` of e2fsprogs, which needs neither root nor a mount.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::attributes;
use super::fsck::e2fsprogs;
use super::plan::{Change, Plan, Planned};
use super::write::{RootfsWriter, WriteError};
use crate::mbr::Partition;
use crate::overlay::Owner;
use crate::process::{self, ProcessError};
use crate::time::Timestamp;

/// `debugfs` reads its script in lines of at most `BUFSIZ` bytes, 8192 with glibc.
const LONGEST_LINE: usize = 8190;
/// Bytes that are looked at together for whether they can be a hole.
const HOLE: usize = 64 << 10;
static ZEROS: [u8; HOLE] = [0; HOLE];
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
            let staged = match step.change {
                Change::Write(bytes) => Some(stage.put(index, bytes, step.mode)?),
                _ => None,
            };
            let before = script.len();
            add_commands(&mut script, index, step, staged);
            check_lines(&script[before..], &step.target.path())?;
        }
        let mut command = self.command(&stage);
        command
            .arg("-w")
            .env("E2FSPROGS_FAKE_TIME", timestamp.unix().to_string())
            // The name that versions since 1.47.1 prefer.
            .env("SOURCE_DATE_EPOCH", timestamp.unix().to_string());
        tell(&mut command, &script)?;
        Ok(())
    }
}

impl Debugfs {
    /// `debugfs` with the image of `stage`, told what to do on its standard input.
    fn command(&self, stage: &Stage) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["-f", "-", &stage.device])
            .current_dir(stage.folder.path());
        command
    }

    /// Whether the removals of `plan` will leave blocks behind that nobody has. `base` is what they are
    /// about: asked of a copy, `debugfs` would wait until that is on the disk.
    pub(crate) fn leaks(
        &self,
        base: &Path,
        partition: &Partition,
        plan: &Plan<'_>,
    ) -> Result<bool, WriteError> {
        let removals = plan.steps().iter().flat_map(|step| &step.removes);
        let paths: Vec<_> = removals.map(|removal| quoted(&removal.path)).collect();
        if paths.is_empty() {
            return Ok(false);
        }
        for path in &paths {
            check_lines(path, path)?;
        }
        let question = attributes::question(&paths);
        let stage = Stage::new(base, partition)?;
        let answer = tell(&mut self.command(&stage), &question)?;
        Ok(attributes::have_blocks(&answer))
    }
}

/// Runs `debugfs` with `script`; returns its standard output.
fn tell(debugfs: &mut Command, script: &str) -> Result<String, WriteError> {
    let finished = process::run(debugfs, script.as_bytes())?;
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
        None if finished.status.success() => {
            Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
        }
        None => Err(finished.failure().into()),
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

    /// Lays out a file to be written. Its holes are those of what is made of it, and so is its mode,
    /// where it can have it: returns that.
    fn put(&self, index: usize, bytes: &[u8], mode: u32) -> Result<u32, WriteError> {
        let put = || {
            let mut file = File::options()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(self.folder.path().join(index.to_string()))?;
            write_with_holes(&mut file, bytes)?;
            // Its owner must be able to read it, and nothing special lies about in a temporary folder.
            if mode & !0o777 == 0 && mode & 0o400 != 0 {
                file.set_permissions(Permissions::from_mode(mode))?;
            }
            Ok(file.metadata()?.permissions().mode() & 0o7777)
        };
        put().map_err(|source| WriteError::Staging {
            folder: self.folder.path().to_owned(),
            source,
        })
    }
}

/// Writes `bytes` into an empty file and leaves out what is zero in runs of [`HOLE`].
fn write_with_holes(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    for (piece, at) in bytes.chunks(HOLE).zip((0..).step_by(HOLE)) {
        if *piece != ZEROS[..piece.len()] {
            file.write_all_at(piece, at)?;
        }
    }
    file.set_len(bytes.len() as u64)
}

/// Adds what does `step`. `staged` is the mode of the file that a written one is made of, and thereby its
/// own: debugfs looks through a directory from its beginning for every path that it is told, so that one
/// command less for each of 5,000 files is seconds.
fn add_commands(script: &mut String, index: usize, step: &Planned<'_>, staged: Option<u32>) {
    let path = quoted(&step.target.path());
    let mut line = |text: String| {
        script.push_str(&text);
        script.push('\n');
    };
    for removal in &step.removes {
        let command = if removal.directory { "rmdir" } else { "rm" };
        line(format!("{command} {}", quoted(&removal.path)));
    }
    let kind = match step.change {
        Change::Remove => return,
        Change::SetDirectory => DIRECTORY,
        // The last two make a name in the current directory and nowhere else, and so does the first with a
        // path of one component.
        Change::MakeDirectory => {
            line(format!("cd {}", quoted(step.target.parent())));
            line(format!("mkdir {}", quoted(step.target.name())));
            DIRECTORY
        }
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
    if staged != Some(mode) {
        line(format!("sif {path} mode 0{:o}", kind | mode));
    }
    // What debugfs makes belongs to root.
    if step.change == Change::SetDirectory || step.owner != Owner::ROOT {
        line(format!("sif {path} uid {}", step.owner.uid));
        line(format!("sif {path} gid {}", step.owner.gid));
    }
}

/// Quoting as the `ss` library of debugfs reads it: a doubled quote stands for one, and nothing else is
/// special within quotes, backslashes included.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Refuses commands about `path` that are longer than what is read at a time.
fn check_lines(commands: &str, path: &str) -> Result<(), WriteError> {
    if commands.lines().all(|line| line.len() <= LONGEST_LINE) {
        return Ok(());
    }
    Err(WriteError::TooLong {
        path: path.to_owned(),
        longest: LONGEST_LINE,
    })
}
