//! Reading ext4 through `ext4-view`, a reader that shares no code with the tools that write.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use ext4_view::{Ext4 as View, Ext4Error as ViewError, Ext4Read};

use super::superblock::{OFFSET, SIZE, Superblock, SuperblockError};
use crate::error::DAMAGED;
use crate::mbr::Partition;
use crate::overlay::Owner;
use crate::window::Window;

/// Bytes that are read at a time to be compared.
const PIECE: usize = 64 << 10;

/// An opened ext4 file system. Paths are absolute within it.
pub struct Ext4 {
    image: PathBuf,
    superblock: Superblock,
    mount_count: u16,
    unclean: Option<SuperblockError>,
    pub(super) view: View,
}

impl std::fmt::Debug for Ext4 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ext4")
            .field("image", &self.image)
            .field("superblock", &self.superblock)
            .finish_non_exhaustive()
    }
}

/// What lies at a path, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: FoundKind,
    /// Permission bits, 0 to 0o7777.
    pub mode: u32,
    /// Who owns it.
    pub owner: Owner,
    /// When it was last modified, in seconds since the epoch.
    pub modified: i64,
}

/// The kinds of things in a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundKind {
    /// A regular file of this many bytes.
    File(u64),
    /// A directory.
    Directory,
    /// A symbolic link with this target.
    Symlink(String),
    /// A device, a socket or a pipe.
    Special,
}

impl std::fmt::Display for FoundKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(_) => f.write_str("a file"),
            Self::Directory => f.write_str("a directory"),
            Self::Symlink(target) => write!(f, "a link to {target}"),
            Self::Special => f.write_str("a device, socket or pipe"),
        }
    }
}

struct Source(Window);

impl Ext4Read for Source {
    fn read(
        &mut self,
        start: u64,
        buffer: &mut [u8],
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync + 'static>> {
        Ok(self.0.read_exact_at(buffer, start)?)
    }
}

impl Ext4 {
    /// Opens the file system in `partition` of `image`.
    ///
    /// # Errors
    ///
    /// [`Ext4Error::Superblock`] if it is not ext4, needs recovery or has unknown features.
    pub fn open(image: &Path, partition: &Partition) -> Result<Self, Ext4Error> {
        Self::load(image, partition, |block| {
            Ok((Superblock::parse(block)?, None))
        })
    }

    /// Opens the file system also where it has seen errors, to look at; [`unclean`](Self::unclean) says so.
    ///
    /// # Errors
    ///
    /// [`Ext4Error::Superblock`] if it is not ext4, needs recovery or has unknown features.
    pub fn open_used(image: &Path, partition: &Partition) -> Result<Self, Ext4Error> {
        Self::load(image, partition, Superblock::parse_used)
    }

    /// How often it was mounted since it was made or checked: an image that never ran says 0.
    pub fn mount_count(&self) -> u16 {
        self.mount_count
    }

    /// Why the file system was refused as a base, if [`open_used`](Self::open_used) took it nevertheless.
    pub fn unclean(&self) -> Option<&SuperblockError> {
        self.unclean.as_ref()
    }

    fn load(
        image: &Path,
        partition: &Partition,
        parse: impl Fn(&[u8; SIZE]) -> Result<(Superblock, Option<SuperblockError>), SuperblockError>,
    ) -> Result<Self, Ext4Error> {
        let refused = |source| Ext4Error::Superblock {
            image: image.to_owned(),
            number: partition.number,
            source,
        };
        let mut block = [0; SIZE];
        let window = File::open(image)
            .map(|file| Window::new(file, partition.offset(), partition.size()))
            .and_then(|window| {
                window.read_exact_at(&mut block, OFFSET)?;
                Ok(window)
            })
            .map_err(|source| Ext4Error::Io {
                image: image.to_owned(),
                source,
            })?;
        let (superblock, unclean) = parse(&block).map_err(refused)?;
        if superblock.size() > partition.size() {
            return Err(refused(SuperblockError::BeyondPartition {
                size: superblock.size(),
                partition: partition.size(),
            }));
        }
        let view = View::load(Box::new(Source(window))).map_err(|source| Ext4Error::At {
            image: image.to_owned(),
            path: "/".to_owned(),
            source: Box::new(source),
        })?;
        Ok(Self {
            image: image.to_owned(),
            superblock,
            // `s_mnt_count`: how often it was mounted since its last full check.
            mount_count: u16::from_le_bytes([block[0x34], block[0x35]]),
            unclean,
            view,
        })
    }

    /// What the file system says about itself.
    pub fn superblock(&self) -> &Superblock {
        &self.superblock
    }

    /// The bytes of the file at `path`, links followed; `None` if nothing is there.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Ext4Error> {
        self.optional(path, self.view.read(path))
    }

    /// Whether the file at `path` has exactly these bytes. Little of it is in memory at a time.
    pub(crate) fn holds(&self, path: &str, bytes: &[u8]) -> Result<bool, Ext4Error> {
        let Some(mut file) = self.optional(path, self.view.open(path))? else {
            return Ok(false);
        };
        let mut buffer = vec![0; PIECE];
        let mut rest = bytes;
        loop {
            let count = file.read_bytes(&mut buffer).map_err(|e| self.at(path, e))?;
            let Some(after) = rest.strip_prefix(&buffer[..count]) else {
                return Ok(false);
            };
            if count == 0 {
                return Ok(rest.is_empty());
            }
            rest = after;
        }
    }

    /// The first `length` bytes of the file at `path`, or all if it is shorter.
    pub(crate) fn read_start(
        &self,
        path: &str,
        length: usize,
    ) -> Result<Option<Vec<u8>>, Ext4Error> {
        let Some(mut file) = self.optional(path, self.view.open(path))? else {
            return Ok(None);
        };
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < length {
            match file.read_bytes(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) => return Err(self.at(path, error)),
            }
        }
        bytes.truncate(filled);
        Ok(Some(bytes))
    }

    /// What lies at `path` itself: a link in the last component is not followed.
    pub fn find(&self, path: &str) -> Result<Option<Found>, Ext4Error> {
        match self.optional(path, self.view.symlink_metadata(path))? {
            Some(metadata) => self.found(path.as_bytes(), &metadata).map(Some),
            None => Ok(None),
        }
    }

    /// The names in the directory at `path`, sorted, `.` and `..` left out.
    pub fn list(&self, path: &str) -> Result<Option<Vec<String>>, Ext4Error> {
        let Some(entries) = self.optional(path, self.view.read_dir(path))? else {
            return Ok(None);
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| self.at(path, e))?;
            let name = entry.file_name().display().to_string();
            if name != "." && name != ".." {
                names.push(name);
            }
        }
        names.sort();
        Ok(Some(names))
    }

    /// What is in the directory at `path`, in no order, `.` and `..` left out: the name, if it is UTF-8
    /// without control characters, and whether it is a directory.
    pub(crate) fn names_in(&self, path: &str) -> Result<Vec<(Option<String>, bool)>, Ext4Error> {
        let mut found = Vec::new();
        let entries = self.optional(path, self.view.read_dir(path))?;
        for entry in entries.into_iter().flatten() {
            let entry = entry.map_err(|e| self.at(path, e))?;
            let name = entry.file_name();
            if name == "." || name == ".." {
                continue;
            }
            let directory = entry.file_type().map_err(|e| self.at(path, e))?.is_dir();
            let plain = |name: &&str| !name.chars().any(char::is_control);
            found.push((
                name.as_str().ok().filter(plain).map(str::to_owned),
                directory,
            ));
        }
        Ok(found)
    }

    /// What lies under the `wanted` names in the directory at `path`; empty if there is no such one.
    ///
    /// Each lookup of a path reads directories from their beginning, so that for many names this is far
    /// quicker than [`find`](Self::find) for each.
    pub(crate) fn children(
        &self,
        path: &str,
        wanted: &BTreeSet<&str>,
    ) -> Result<BTreeMap<String, Found>, Ext4Error> {
        let mut children = BTreeMap::new();
        let entries = self.optional(path, self.view.read_dir(path))?;
        for entry in entries.into_iter().flatten() {
            let entry = entry.map_err(|e| self.at(path, e))?;
            let name = entry.file_name().display().to_string();
            if !wanted.contains(name.as_str()) {
                continue;
            }
            let metadata = entry.metadata().map_err(|e| self.at(path, e))?;
            let found = self.found(format!("{path}/{name}").as_bytes(), &metadata)?;
            children.insert(name, found);
        }
        Ok(children)
    }

    /// `path` with all links resolved, or `None` if nothing is there.
    pub fn resolve(&self, path: &str) -> Result<Option<String>, Ext4Error> {
        let resolved = self.optional(path, self.view.canonicalize(path))?;
        Ok(resolved.map(|path| path.display().to_string()))
    }

    /// Absence, in whatever component, is an answer and no error.
    fn optional<T>(
        &self,
        path: &str,
        result: Result<T, ViewError>,
    ) -> Result<Option<T>, Ext4Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(ViewError::NotFound | ViewError::NotADirectory) => Ok(None),
            Err(error) => Err(self.at(path, error)),
        }
    }

    pub(super) fn at(&self, path: &str, source: ViewError) -> Ext4Error {
        Ext4Error::At {
            image: self.image.clone(),
            path: path.to_owned(),
            source: Box::new(source),
        }
    }
}

/// Why the ext4 partition could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Ext4Error {
    /// The image could not be read.
    #[error("cannot read {}", image.display())]
    Io {
        /// The image.
        image: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file system is refused as a whole.
    #[error("partition {number} of {} can't be used", image.display())]
    Superblock {
        /// The image.
        image: PathBuf,
        /// The partition's number.
        number: u8,
        /// Why.
        source: SuperblockError,
    },
    /// Something at a path failed.
    #[error("cannot read {path} on the ext4 partition of {}", image.display())]
    At {
        /// The image.
        image: PathBuf,
        /// The path in the file system.
        path: String,
        /// Why.
        source: Box<ViewError>,
    },
}

impl Ext4Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Superblock { source, .. } => source.hint(),
            Self::At { source, .. } if matches!(**source, ViewError::Corrupt(_)) => Some(DAMAGED),
            Self::At { .. } | Self::Io { .. } => None,
        }
    }
}
