//! Copying the base to where the image will be: holes are kept, data is shared where the file system
//! can, and the name appears only when everything is done.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs as sys;
use rustix::io::Errno;
use tempfile::NamedTempFile;

use crate::flush::{Flusher, Kicking};
use crate::leftover;
use crate::progress::{Progress, Silent};

/// How much is copied between two reports of progress.
const CHUNK: u64 = 16 << 20;

/// A file in the making, beside the place where it will be. Dropped before
/// [`commit`](Self::commit), it is gone.
///
/// Only its owner can read it: an image holds the host's private keys.
#[derive(Debug)]
pub(crate) struct Draft {
    temporary: NamedTempFile,
    target: PathBuf,
    flusher: Option<Flusher>,
}

impl Draft {
    /// Starts a file that will replace `target`.
    pub(crate) fn beside(target: &Path) -> Result<Self, CopyError> {
        let name = match (target.file_name(), fs::symlink_metadata(target)) {
            (Some(name), Err(error)) if error.kind() == io::ErrorKind::NotFound => name,
            (Some(name), Ok(found)) if found.is_file() => name,
            (_, Err(source)) => return Err(write_error(target, source)),
            (_, Ok(_)) => {
                return Err(CopyError::NotAFile {
                    path: target.to_owned(),
                });
            }
        };
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".part");
        let temporary = leftover::create(&builder, folder_of(target))
            .map_err(|source| write_error(target, source))?;
        Ok(Self {
            temporary,
            target: target.to_owned(),
            flusher: None,
        })
    }

    /// Where it is for now.
    pub(crate) fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// The open file.
    pub(crate) fn file(&mut self) -> &mut File {
        self.temporary.as_file_mut()
    }

    /// Fills it with what is in `base`, and checks first that there is room for that and for `extra`
    /// bytes.
    pub(crate) fn fill(
        &mut self,
        base: &Path,
        extra: u64,
        progress: &mut dyn Progress,
    ) -> Result<(), CopyError> {
        let source = File::open(base).map_err(|source| read_error(base, source))?;
        if sys::ioctl_ficlone(self.temporary.as_file(), &source).is_ok() {
            return check_room(&self.target, extra);
        }
        self.check_room_for(base, extra)?;
        let size = file_size(&source, base)?;
        self.copy_part(base, 0..size, 0, progress)
    }

    /// Checks that there is room for a copy of `base` and for `extra` bytes.
    pub(crate) fn check_room_for(&self, base: &Path, extra: u64) -> Result<(), CopyError> {
        let about = fs::metadata(base).map_err(|source| read_error(base, source))?;
        // `st_blocks` counts in units of 512 bytes whatever the file system's blocks are.
        let allocated = about.blocks().saturating_mul(512).min(about.len());
        check_room(&self.target, allocated.saturating_add(extra))
    }

    /// Copies `part` of `base` to position `to`, and makes the file at least as long as that.
    pub(crate) fn copy_part(
        &mut self,
        base: &Path,
        part: Range<u64>,
        to: u64,
        progress: &mut dyn Progress,
    ) -> Result<(), CopyError> {
        let source = File::open(base).map_err(|source| read_error(base, source))?;
        let target = self.temporary.as_file();
        if self.flusher.is_none() {
            let flusher = Flusher::start(target);
            self.flusher = Some(flusher.map_err(|source| write_error(&self.target, source))?);
        }
        let end = to + (part.end - part.start);
        let mut progress = Kicking::new(progress, self.flusher.as_ref());
        copy_data(&source, target, part, to, &mut progress)
            .and_then(|()| {
                let size = target.metadata()?.len();
                target.set_len(size.max(end))
            })
            .map_err(|source| write_error(&self.target, source))
    }

    /// Moves everything `by` bytes towards the end. Some file systems do it without copying.
    pub(crate) fn insert_front(&mut self, by: u64) -> Result<(), CopyError> {
        let here = self.temporary.as_file();
        if sys::fallocate(here, sys::FallocateFlags::INSERT_RANGE, 0, by).is_ok() {
            return Ok(());
        }
        let size = file_size(here, &self.target)?;
        let mut moved = Self::beside(&self.target)?;
        moved.copy_part(self.path(), 0..size, by, &mut Silent)?;
        *self = moved;
        Ok(())
    }

    /// Makes it durable and gives it its name, in one step that can't be seen half done.
    pub(crate) fn commit(self) -> Result<(), CopyError> {
        let target = self.target;
        if let Some(flusher) = self.flusher {
            flusher
                .finish()
                .map_err(|source| write_error(&target, source))?;
        }
        let sync_folder = || File::open(folder_of(&target))?.sync_all();
        self.temporary
            .as_file()
            .sync_all()
            .map_err(|source| write_error(&target, source))?;
        self.temporary
            .persist(&target)
            .map_err(|error| write_error(&target, error.error))?;
        sync_folder().map_err(|source| write_error(&target, source))
    }
}

/// The folder that `path` is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Checks that `needed` bytes can be written to where `target` is.
pub(crate) fn check_room(target: &Path, needed: u64) -> Result<(), CopyError> {
    let about = sys::statvfs(folder_of(target)).map_err(|e| write_error(target, e.into()))?;
    let free = about.f_bavail.saturating_mul(about.f_frsize);
    if needed > free {
        return Err(CopyError::NoRoom {
            path: target.to_owned(),
            needed,
            free,
        });
    }
    Ok(())
}

fn file_size(file: &File, path: &Path) -> Result<u64, CopyError> {
    let about = file.metadata().map_err(|source| read_error(path, source))?;
    Ok(about.len())
}

/// Copies what is data in `part` of `from` to `to`, beginning at position `target`.
fn copy_data(
    from: &File,
    to: &File,
    part: Range<u64>,
    target: u64,
    progress: &mut dyn Progress,
) -> io::Result<()> {
    let mut kernel = true;
    let mut position = part.start;
    let mut reported = part.start;
    while let Some((start, end)) = next_data(from, position, part.end)? {
        position = start;
        while position < end {
            let wanted = (end - position).min(CHUNK);
            let there = position - part.start + target;
            position += copy_some((from, position), (to, there), wanted, &mut kernel)?;
            progress.advance(position - reported);
            reported = position;
            go_on(progress)?;
        }
    }
    progress.advance(part.end - reported);
    Ok(())
}

/// Where the next data at or after `position`, and before `limit`, begins and ends.
pub(crate) fn next_data(file: &File, position: u64, limit: u64) -> io::Result<Option<(u64, u64)>> {
    if position >= limit {
        return Ok(None);
    }
    let start = match sys::seek(file, sys::SeekFrom::Data(position)) {
        Ok(start) if start < limit => start,
        // There is none.
        Ok(_) | Err(Errno::NXIO) => return Ok(None),
        // The file system doesn't know about holes.
        Err(Errno::INVAL) => return Ok(Some((position, limit))),
        Err(error) => return Err(error.into()),
    };
    let end = sys::seek(file, sys::SeekFrom::Hole(start))?;
    Ok(Some((start, end.min(limit))))
}

/// Copies up to `wanted` bytes, in the kernel as long as that works. Returns how many, never 0.
fn copy_some(
    (from, start): (&File, u64),
    (to, target): (&File, u64),
    wanted: u64,
    kernel: &mut bool,
) -> io::Result<u64> {
    let length = usize::try_from(wanted).unwrap_or(usize::MAX);
    if *kernel {
        let (mut read, mut written) = (start, target);
        let copied = sys::copy_file_range(from, Some(&mut read), to, Some(&mut written), length);
        match copied {
            Ok(0)
            | Err(Errno::NOSYS | Errno::XDEV | Errno::INVAL | Errno::OPNOTSUPP | Errno::PERM) => {}
            Ok(count) => return Ok(count as u64),
            Err(error) => return Err(error.into()),
        }
        *kernel = false;
    }
    let mut bytes = vec![0; length.min(1 << 20)];
    from.read_exact_at(&mut bytes, start)?;
    to.write_all_at(&bytes, target)?;
    Ok(bytes.len() as u64)
}

fn read_error(path: &Path, source: io::Error) -> CopyError {
    CopyError::Read {
        path: path.to_owned(),
        source,
    }
}

/// An error of kind `Interrupted` if the work shall end early.
pub(crate) fn go_on(progress: &dyn Progress) -> io::Result<()> {
    if progress.cancelled() {
        return Err(io::ErrorKind::Interrupted.into());
    }
    Ok(())
}

/// Tells a full disk, and the user's wish to stop, from other faults.
pub(crate) fn write_error(path: &Path, source: io::Error) -> CopyError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull => CopyError::Full { path },
        io::ErrorKind::Interrupted => CopyError::Interrupted { path },
        _ => CopyError::Write { path, source },
    }
}

/// Why an image could not be copied into place.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source can't be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The source.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The target can't be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The target.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is less room than will be needed.
    #[error("{} needs {needed} bytes, and {free} are free there", path.display())]
    NoRoom {
        /// The target.
        path: PathBuf,
        /// The bytes needed.
        needed: u64,
        /// The bytes free.
        free: u64,
    },
    /// The disk became full on the way.
    #[error("the disk is full: {} could not be written", path.display())]
    Full {
        /// The target.
        path: PathBuf,
    },
    /// The user wanted it to stop.
    #[error("interrupted: {} was not written", path.display())]
    Interrupted {
        /// The target.
        path: PathBuf,
    },
    /// Something that isn't a file has the target's name.
    #[error("{} exists and is not a regular file", path.display())]
    NotAFile {
        /// The target.
        path: PathBuf,
    },
    /// The image would replace what it is made from.
    #[error("{} is the base image itself", path.display())]
    SameFile {
        /// The target.
        path: PathBuf,
    },
}

impl CopyError {
    /// Whether the user wanted it to stop.
    pub(crate) fn is_interrupted(&self) -> bool {
        matches!(self, Self::Interrupted { .. })
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoRoom { .. } | Self::Full { .. } => {
                Some("free some room, or write the image to another disk")
            }
            Self::NotAFile { .. } | Self::SameFile { .. } => {
                Some("choose another name for the image")
            }
            Self::Read { .. } | Self::Write { .. } | Self::Interrupted { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_fills_up_is_told_from_other_faults() {
        let from = tempfile::tempfile().unwrap();
        from.write_all_at(&[1; 4096], 0).unwrap();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let error = copy_data(&from, &full, 0..4096, 0, &mut Silent).unwrap_err();
        let error = write_error(Path::new("pi.img"), error);
        assert_eq!(
            error.to_string(),
            "the disk is full: pi.img could not be written"
        );
    }

    #[test]
    fn holes_stay_holes_and_data_arrives_where_it_should() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("base");
        let from = File::create(&base).unwrap();
        from.set_len(64 << 20).unwrap();
        from.write_all_at(b"data", 40 << 20).unwrap();
        let mut draft = Draft::beside(&folder.path().join("copy")).unwrap();
        let part = 8 << 20..64 << 20;
        draft.copy_part(&base, part, 0, &mut Silent).unwrap();
        draft.insert_front(4 << 20).unwrap();
        let about = draft.file().metadata().unwrap();
        assert_eq!(about.len(), 60 << 20);
        assert!(about.blocks() * 512 < 1 << 20);
        let mut found = [0; 4];
        draft.file().read_exact_at(&mut found, 36 << 20).unwrap();
        assert_eq!(&found, b"data");
    }
}
