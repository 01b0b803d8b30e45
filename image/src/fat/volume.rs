//! The FAT partition of a card: listed, read and written through `fatfs`, without a mount.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use fatfs::{Date, DateTime, Dir, FileSystem, FsOptions, Time, TimeProvider};

use super::check::FatDamage;
use super::dots::mend;
use super::raw::RawFat;
use crate::error::DAMAGED;
use crate::mbr::Partition;
use crate::time::Timestamp;
use crate::window::Window;

/// An opened FAT file system. Paths are relative to its root and have no leading slash.
pub struct Fat {
    image: PathBuf,
    partition: Partition,
    volume: FileSystem<Window>,
}

impl std::fmt::Debug for Fat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fat")
            .field("image", &self.image)
            .field("type", &self.volume.fat_type())
            .finish_non_exhaustive()
    }
}

/// What lies at a path on a FAT partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FatKind {
    /// A file of this many bytes.
    File(u64),
    /// A directory.
    Directory,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FatEntry {
    /// The name as it is shown.
    pub name: String,
    /// What it names.
    pub kind: FatKind,
}

/// The clock that `fatfs` asks. It stands still.
#[derive(Debug)]
struct Stopped(DateTime);

impl TimeProvider for Stopped {
    fn get_current_date(&self) -> Date {
        self.0.date
    }

    fn get_current_date_time(&self) -> DateTime {
        self.0
    }
}

impl Fat {
    /// Opens the file system in `partition` of `image` for reading.
    pub fn open(image: &Path, partition: &Partition) -> Result<Self, FatError> {
        let file = File::open(image);
        Self::mount(image, file, partition, FsOptions::new())
    }

    /// Looks whether the file system in `partition` of `image` is sound, without `fatfs`.
    pub fn check(image: &Path, partition: &Partition) -> Result<(), FatError> {
        Self::raw(image, partition)?
            .check()
            .map_err(|source| FatError::Damaged {
                image: image.to_owned(),
                source,
            })
    }

    /// Opens it with the reader that isn't `fatfs`.
    pub(crate) fn raw(image: &Path, partition: &Partition) -> Result<RawFat, FatError> {
        File::open(image)
            .map(|file| Window::new(file, partition.offset(), partition.size()))
            .map_err(FatDamage::from)
            .and_then(RawFat::open)
            .map_err(|source| FatError::Damaged {
                image: image.to_owned(),
                source,
            })
    }

    /// Opens it for writing; files and directories are dated `timestamp`.
    pub fn open_for_writing(
        image: &Path,
        partition: &Partition,
        timestamp: Timestamp,
    ) -> Result<Self, FatError> {
        // `fatfs` wants a clock that lives forever. The few bytes given up here are one clock for each
        // image that is written.
        let clock: &'static Stopped = Box::leak(Box::new(Stopped(fat_time(timestamp))));
        let file = File::options().read(true).write(true).open(image);
        Self::mount(
            image,
            file,
            partition,
            FsOptions::new().time_provider(clock),
        )
    }

    fn mount(
        image: &Path,
        file: io::Result<File>,
        partition: &Partition,
        options: FsOptions,
    ) -> Result<Self, FatError> {
        let volume = file
            .map(|file| Window::new(file, partition.offset(), partition.size()))
            .and_then(|window| FileSystem::new(window, options))
            .map_err(|source| FatError::Open {
                image: image.to_owned(),
                number: partition.number,
                source,
            })?;
        Ok(Self {
            image: image.to_owned(),
            partition: *partition,
            volume,
        })
    }

    /// The volume label, `bootfs` on Raspberry Pi OS.
    pub fn label(&self) -> String {
        match self.volume.read_volume_label_from_root_dir() {
            Ok(Some(label)) => label,
            Ok(None) | Err(_) => self.volume.volume_label(),
        }
    }

    /// Bytes that are free.
    pub fn free(&self) -> Result<u64, FatError> {
        let stats = self.volume.stats().map_err(|e| self.at("", e))?;
        Ok(u64::from(stats.free_clusters()) * u64::from(stats.cluster_size()))
    }

    /// The bytes of the file at `path`, or `None` if nothing is there.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, FatError> {
        let mut bytes = Vec::new();
        let result = self
            .volume
            .root_dir()
            .open_file(path)
            // A damaged size and a chain in a circle would otherwise give more than there is.
            .and_then(|file| file.take(self.partition.size()).read_to_end(&mut bytes));
        match result {
            Ok(_) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.at(path, error)),
        }
    }

    /// The file at `path` to read bit by bit, or `None` if nothing is there.
    pub(crate) fn reader(&self, path: &str) -> Result<Option<impl Read + '_>, FatError> {
        match self.volume.root_dir().open_file(path) {
            Ok(file) => Ok(Some(file.take(self.partition.size()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.at(path, error)),
        }
    }

    /// The serial number, `1234-ABCD` in `/dev/disk/by-uuid`.
    pub fn serial(&self) -> String {
        let id = self.volume.volume_id();
        format!("{:04X}-{:04X}", id >> 16, id & 0xFFFF)
    }

    /// What lies at `path`, if anything. The root is the empty path.
    pub fn kind(&self, path: &str) -> Result<Option<FatKind>, FatError> {
        if path.is_empty() {
            return Ok(Some(FatKind::Directory));
        }
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let entries = match self.list(parent) {
            Ok(entries) => entries,
            Err(FatError::At { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        Ok(entries
            .into_iter()
            // FAT names differ in more than case.
            .find(|entry| entry.name.to_uppercase() == name.to_uppercase())
            .map(|entry| entry.kind))
    }

    /// The names in the directory at `path`, sorted; the root is the empty path.
    pub fn list(&self, path: &str) -> Result<Vec<FatEntry>, FatError> {
        let root = self.volume.root_dir();
        let dir = if path.is_empty() {
            root
        } else {
            root.open_dir(path).map_err(|e| self.at(path, e))?
        };
        let mut entries = Vec::new();
        for entry in dir.iter() {
            let entry = entry.map_err(|e| self.at(path, e))?;
            let name = entry.file_name();
            if name == "." || name == ".." {
                continue;
            }
            let kind = if entry.is_dir() {
                FatKind::Directory
            } else {
                FatKind::File(entry.len())
            };
            entries.push(FatEntry { name, kind });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Makes `bytes` the whole contents of the file at `path`, and the directories above it.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<(), FatError> {
        let (dir, name) = match path.rsplit_once('/') {
            Some((parent, name)) => (self.make_directory(parent)?, name),
            None => (self.volume.root_dir(), path),
        };
        dir.create_file(name)
            .and_then(|mut file| {
                file.truncate()?;
                file.write_all(bytes)?;
                file.flush()
            })
            .map_err(|e| self.at(path, e))
    }

    /// Makes the directory at `path` and those above it, where they are missing.
    pub fn create_directory(&self, path: &str) -> Result<(), FatError> {
        self.make_directory(path).map(drop)
    }

    fn make_directory(&self, path: &str) -> Result<Dir<'_, Window>, FatError> {
        let mut dir = self.volume.root_dir();
        for (end, _) in path.match_indices('/').chain([(path.len(), "")]) {
            let so_far = &path[..end];
            let name = so_far.rsplit_once('/').map_or(so_far, |(_, name)| name);
            dir = match dir.open_dir(name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let made = dir.create_dir(name).map_err(|e| self.at(so_far, e))?;
                    self.mend(so_far)?;
                    made
                }
                opened => opened.map_err(|e| self.at(so_far, e))?,
            };
        }
        Ok(dir)
    }

    fn mend(&self, path: &str) -> Result<(), FatError> {
        let file = File::options().read(true).write(true).open(&self.image);
        let file = file.map_err(|e| self.at(path, e))?;
        let window = Window::new(file, self.partition.offset(), self.partition.size());
        let mended = RawFat::open(window).and_then(|fat| mend(fat, path));
        mended.map_err(|source| FatError::Damaged {
            image: self.image.clone(),
            source,
        })
    }

    /// Removes the file at `path`, if it is there.
    pub fn remove(&self, path: &str) -> Result<(), FatError> {
        match self.volume.root_dir().remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.at(path, error)),
            _ => Ok(()),
        }
    }

    /// Writes what is still in memory and closes the file system.
    pub fn close(self) -> Result<(), FatError> {
        let image = self.image;
        self.volume.unmount().map_err(|source| FatError::At {
            image,
            path: String::new(),
            source,
        })
    }

    fn at(&self, path: &str, source: io::Error) -> FatError {
        FatError::At {
            image: self.image.clone(),
            path: path.to_owned(),
            source,
        }
    }
}

/// `timestamp` as FAT knows time: from 1980 to 2107, in steps of two seconds.
fn fat_time(timestamp: Timestamp) -> DateTime {
    let (year, month, day) = timestamp.date();
    let (hour, min, sec) = timestamp.time();
    if year < 1980 {
        return DateTime {
            date: Date {
                year: 1980,
                month: 1,
                day: 1,
            },
            time: Time {
                hour: 0,
                min: 0,
                sec: 0,
                millis: 0,
            },
        };
    }
    DateTime {
        date: Date { year, month, day },
        time: Time {
            hour,
            min,
            sec,
            millis: 0,
        },
    }
}

/// Why the FAT partition could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FatError {
    /// It could not be opened.
    #[error("partition {number} of {} is not a readable FAT file system", image.display())]
    Open {
        /// The image.
        image: PathBuf,
        /// The partition's number.
        number: u8,
        /// Why.
        source: io::Error,
    },
    /// It contradicts itself.
    #[error("the FAT partition of {} is damaged", image.display())]
    Damaged {
        /// The image.
        image: PathBuf,
        /// What is wrong.
        source: FatDamage,
    },
    /// Something at a path failed.
    #[error("cannot access /{path} on the FAT partition of {}", image.display())]
    At {
        /// The image.
        image: PathBuf,
        /// The path, relative to the partition's root.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl FatError {
    /// What to do about it, if the image came with it.
    pub fn hint(&self) -> Option<&'static str> {
        let fault = match self {
            Self::Damaged {
                source: FatDamage::Io(source),
                ..
            }
            | Self::Open { source, .. }
            | Self::At { source, .. } => source,
            Self::Damaged { .. } => return Some(DAMAGED),
        };
        // What the computer refuses has a number; what is wrong in the bytes has none.
        fault.raw_os_error().is_none().then_some(DAMAGED)
    }
}
