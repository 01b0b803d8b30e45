//! Opening what will be written, and being sure that it is what was asked about.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::disk::Disk;
use super::mounts::Number;
use super::target::FileTarget;
use crate::process::{self, ProcessError};

/// A target that is open and nobody else's.
#[derive(Debug)]
pub struct OpenTarget {
    /// What is written to.
    pub target: FileTarget,
    /// Its size in bytes, as it says itself.
    pub size: u64,
}

impl OpenTarget {
    /// Opens a disk. The kernel refuses if anything on it is mounted or otherwise in use, seen from here or
    /// not, and nobody can mount it as long as it is open.
    pub fn disk(disk: &Disk) -> Result<Self, OpenError> {
        let path = &disk.path;
        let flags = OFlags::EXCL | OFlags::DIRECT | OFlags::CLOEXEC;
        // The device of a test is a file, to which direct I/O may be impossible.
        let real = disk.node == disk.path;
        let flags = if real { flags } else { OFlags::EXCL };
        let file = open(&disk.node, path, flags)?;
        let about = file.metadata().map_err(|e| OpenError::io(path, e))?;
        let is_it = if real {
            about.file_type().is_block_device() && Number::of(about.rdev()) == disk.number
        } else {
            about.is_file()
        };
        let size = (&file)
            .seek(SeekFrom::End(0))
            .map_err(|e| OpenError::io(path, e))?;
        if !is_it || size != disk.size {
            return Err(OpenError::Changed { path: path.clone() });
        }
        // udev leaves a disk alone that is locked. That somebody else holds a lock is no harm: only one
        // can have it open like this.
        let _ = file.try_lock();
        let target = FileTarget::new(file, size, real.then_some(disk.sector));
        Ok(Self { target, size })
    }

    /// Opens a regular file that exists: its size is that of the card that it stands for.
    pub fn file(path: &Path) -> Result<Self, OpenError> {
        let file = open(path, path, OFlags::CLOEXEC)?;
        let about = file.metadata().map_err(|e| OpenError::io(path, e))?;
        if !about.is_file() {
            return Err(OpenError::Changed {
                path: path.to_owned(),
            });
        }
        file.try_lock().map_err(|_taken| OpenError::InUse {
            path: path.to_owned(),
        })?;
        let size = about.len();
        Ok(Self {
            target: FileTarget::new(file, size, None),
            size,
        })
    }
}

/// Has the kernel read the partition table of `disk` anew.
pub fn reread_table(disk: &Disk) -> Result<(), ProcessError> {
    let mut blockdev = std::process::Command::new(process::find("blockdev", "util-linux")?);
    run(blockdev.arg("--rereadpt").arg(&disk.path))
}

/// Unmounts what is mounted at `point`: as root, or as the person who has it mounted by the desktop.
pub fn unmount(point: &str) -> Result<(), ProcessError> {
    let mut umount = std::process::Command::new(process::find("umount", "mount")?);
    run(umount.arg("--").arg(point))
}

fn run(command: &mut std::process::Command) -> Result<(), ProcessError> {
    let finished = process::run(command, b"")?;
    if finished.status.success() {
        return Ok(());
    }
    Err(finished.failure())
}

fn open(node: &Path, path: &Path, flags: OFlags) -> Result<File, OpenError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        // All flags of this module are in the lower bits.
        .custom_flags(flags.bits().cast_signed())
        .open(node)
        .map_err(|error| OpenError::io(path, error))
}

/// Why a target can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Something uses it.
    #[error("{} is in use", path.display())]
    InUse {
        /// Its path.
        path: PathBuf,
    },
    /// The person may not.
    #[error("{} may not be written by you", path.display())]
    Denied {
        /// Its path.
        path: PathBuf,
    },
    /// It can't be written by anybody.
    #[error("{} can only be read", path.display())]
    ReadOnly {
        /// Its path.
        path: PathBuf,
    },
    /// It is gone, or there is something else in its place.
    #[error("{} is not what it was a moment ago", path.display())]
    Changed {
        /// Its path.
        path: PathBuf,
    },
    /// Something else.
    #[error("cannot open {}", path.display())]
    Io {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl OpenError {
    fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match Errno::from_io_error(&source) {
            Some(Errno::BUSY) => Self::InUse { path },
            Some(Errno::ACCESS | Errno::PERM) => Self::Denied { path },
            Some(Errno::ROFS) => Self::ReadOnly { path },
            Some(Errno::NOENT | Errno::NXIO | Errno::NODEV | Errno::NOMEDIUM) => {
                Self::Changed { path }
            }
            _ => Self::Io { path, source },
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::InUse { path } => Some(format!(
                "something has it mounted or open, in a container perhaps; `lsblk {}` and `fuser -v {}` say more",
                path.display(),
                path.display()
            )),
            Self::Denied { .. } => Some(
                "put sudo in front of the command, or join the group that owns disks \
                 (`sudo adduser $USER disk`, then log in again)"
                    .to_owned(),
            ),
            Self::ReadOnly { .. } => {
                Some("move the card's lock; a card that stays read-only is worn out".to_owned())
            }
            Self::Changed { .. } => Some("look again with `provision flash --list`".to_owned()),
            Self::Io { .. } => None,
        }
    }
}
