//! Replacing a file as a whole: a reader sees the old one or the new one, and so does whoever looks after a
//! power cut.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Gid, Uid, fchown, flock};
use thiserror::Error;

/// How long another change of the same file may take.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// What the group may do with a file of passwords at most: on a Pi the broker reads it as a member of its group.
const MOST: u32 = 0o640;
/// A new file is its maker's alone.
const NEW: u32 = 0o600;

/// Why a file was not read or replaced.
#[derive(Debug, Error)]
pub(super) enum FileError {
    #[error("cannot {what} {path}: {source}")]
    Io {
        what: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("{0} is no file that could be replaced")]
    NoFile(PathBuf),
    #[error("{0} is being changed by another program; try again")]
    Busy(PathBuf),
    #[error("{path} is not UTF-8 in line {line}")]
    Utf8 { path: PathBuf, line: usize },
}

/// A file that nobody else changes through this program meanwhile.
#[derive(Debug)]
pub(super) struct Guarded {
    path: PathBuf,
    /// Locked: the file itself is another one after each change.
    folder: File,
    before: Option<Metadata>,
}

impl Guarded {
    /// Waits until nobody else changes the file, which need not be there.
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let path = resolve(path)?;
        let folder_path = path.parent().unwrap_or(Path::new("/"));
        let folder =
            File::open(folder_path).map_err(|source| failed("open", folder_path, source))?;
        lock(&folder, &path)?;
        let before = match fs::metadata(&path) {
            Ok(metadata) if !metadata.is_file() => return Err(FileError::NoFile(path)),
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(failed("look at", &path, source)),
        };
        Ok(Self {
            path,
            folder,
            before,
        })
    }

    /// The text, or `None` if there is no file.
    pub(super) fn read(&self) -> Result<Option<String>, FileError> {
        if self.before.is_none() {
            return Ok(None);
        }
        let bytes = fs::read(&self.path).map_err(|source| failed("read", &self.path, source))?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(error) => {
                let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                Err(FileError::Utf8 {
                    path: self.path.clone(),
                    line: good.split(|byte| *byte == b'\n').count(),
                })
            }
        }
    }

    /// The mode of the file if others than its owner and group can read it, or its group write it.
    pub(super) fn too_open(&self) -> Option<u32> {
        let mode = self.before.as_ref()?.mode() & 0o777;
        (mode & !MOST & 0o077 != 0).then_some(mode)
    }

    /// Puts `text` in the place of the file, with its owner, and its mode as far as it is not too open.
    pub(super) fn replace(&self, text: &str) -> Result<(), FileError> {
        let draft = Draft::new(&self.path)?;
        let failed = |what| move |source| failed(what, &draft_name(&self.path), source);
        let mut file = &draft.file;
        let mode = match &self.before {
            Some(before) => {
                let own = file.metadata().map_err(failed("look at"))?;
                if (own.uid(), own.gid()) != (before.uid(), before.gid()) {
                    let owner = Some(Uid::from_raw(before.uid()));
                    let group = Some(Gid::from_raw(before.gid()));
                    fchown(file.as_fd(), owner, group)
                        .map_err(|error| failed("give the old owner to")(error.into()))?;
                }
                before.mode() & MOST
            }
            None => NEW,
        };
        file.set_permissions(fs::Permissions::from_mode(mode))
            .map_err(failed("set the mode of"))?;
        file.write_all(text.as_bytes()).map_err(failed("write"))?;
        file.sync_all().map_err(failed("write"))?;
        draft.put_in_place(&self.path)?;
        // The new name is there; whether it outlives a power cut is up to the disk if this fails.
        let _ = self.folder.sync_all();
        Ok(())
    }
}

/// A new file beside the one that it will replace; removed when dropped before.
struct Draft {
    file: File,
    path: PathBuf,
}

impl Draft {
    fn new(target: &Path) -> Result<Self, FileError> {
        let path = draft_name(target);
        // Left over from a program that was killed: nobody else is at it, the folder is locked.
        let _ = fs::remove_file(&path);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(NEW)
            .open(&path)
            .map_err(|source| failed("create", &path, source))?;
        Ok(Self { file, path })
    }

    fn put_in_place(mut self, target: &Path) -> Result<(), FileError> {
        fs::rename(&self.path, target).map_err(|source| failed("replace", target, source))?;
        self.path = PathBuf::new();
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn draft_name(target: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".new");
    target.with_file_name(name)
}

/// The file itself where links lead to it: a link stays one.
fn resolve(path: &Path) -> Result<PathBuf, FileError> {
    match fs::canonicalize(path) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = path
                .file_name()
                .ok_or_else(|| FileError::NoFile(path.to_owned()))?;
            let folder = match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            let folder =
                fs::canonicalize(folder).map_err(|source| failed("find", folder, source))?;
            Ok(folder.join(name))
        }
        Err(source) => Err(failed("find", path, source)),
    }
}

fn lock(folder: &File, path: &Path) -> Result<(), FileError> {
    let start = Instant::now();
    loop {
        match flock(folder.as_fd(), FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(rustix::io::Errno::WOULDBLOCK) if start.elapsed() < PATIENCE => {
                thread::sleep(PAUSE);
            }
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(FileError::Busy(path.to_owned())),
            Err(error) => return Err(failed("lock the folder of", path, error.into())),
        }
    }
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> FileError {
    FileError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}
