//! A card image as a whole: its table and its two file systems, seen as the one tree that runs on the Pi.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::ext4::{Ext4, Ext4Error, Found, FoundKind, SuperblockError};
use crate::fat::{Fat, FatError, FatKind};
use crate::mbr::{MBR_SIZE, Mbr, MbrError, Partition, Sectors};
use crate::overlay::{EntryPath, Owner};
use crate::packed::TAKE_AN_IMAGE;
use crate::release::{Architecture, OsRelease};

/// A card image, opened for reading.
#[derive(Debug)]
pub struct Card {
    path: PathBuf,
    size: u64,
    mbr: Mbr,
    boot: Fat,
    root: Ext4,
}

impl Card {
    /// Opens the image at `path` and checks that it is one: a partition table, FAT, and ext4 that is
    /// clean and of a kind that can be written.
    pub fn open(path: &Path) -> Result<Self, CardError> {
        let card = Self::load(path, Ext4::open)?;
        refuse_gpt(path)?;
        Ok(card)
    }

    /// Opens the image or device at `path` to look at it. Other than with [`open`](Self::open), its ext4 may
    /// have seen errors; [`Ext4::unclean`] says so then. One whose journal has not been replayed is refused
    /// here too: [`Scratch::replayed`](crate::Scratch::replayed) makes a copy that can be looked at.
    pub fn open_used(path: &Path) -> Result<Self, CardError> {
        Self::load(path, Ext4::open_used)
    }

    fn load(
        path: &Path,
        root_of: impl Fn(&Path, &Partition) -> Result<Ext4, Ext4Error>,
    ) -> Result<Self, CardError> {
        let (mbr, size) = read_table(path)?;
        let table = |source| CardError::Table {
            path: path.to_owned(),
            source,
        };
        let boot = mbr.boot().map_err(table)?;
        let root = mbr.root().map_err(table)?;
        Ok(Self {
            boot: Fat::open(path, boot)?,
            root: root_of(path, root)?,
            path: path.to_owned(),
            size,
            mbr,
        })
    }

    /// Where the image is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its partition table.
    pub fn mbr(&self) -> &Mbr {
        &self.mbr
    }

    /// Its FAT file system, mounted at `/boot/firmware` on the Pi.
    pub fn boot(&self) -> &Fat {
        &self.boot
    }

    /// Its ext4 file system, mounted at `/` on the Pi.
    pub fn root(&self) -> &Ext4 {
        &self.root
    }

    /// The bytes of the file at `path` on the Pi, links followed; `None` if nothing is there.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, CardError> {
        match on_boot(path) {
            Some(path) => Ok(self.boot.read(path)?),
            None => Ok(self.root.read(path)?),
        }
    }

    /// What lies at `path` on the Pi; a link is not followed. What is on FAT has no mode, owner or date
    /// of its own and is shown as the Pi mounts it.
    pub fn find(&self, path: &str) -> Result<Option<Found>, CardError> {
        let Some(path) = on_boot(path) else {
            return Ok(self.root.find(path)?);
        };
        let kind = match self.boot.kind(path)? {
            Some(FatKind::File(size)) => FoundKind::File(size),
            Some(FatKind::Directory) => FoundKind::Directory,
            None => return Ok(None),
        };
        Ok(Some(Found {
            kind,
            mode: 0o755,
            owner: Owner::ROOT,
            modified: 0,
        }))
    }

    /// The names in the directory at `path` on the Pi, sorted; `None` if there is no such directory.
    pub fn list(&self, path: &str) -> Result<Option<Vec<String>>, CardError> {
        let Some(path) = on_boot(path) else {
            return Ok(self.root.list(path)?);
        };
        if self.boot.kind(path)? != Some(FatKind::Directory) {
            return Ok(None);
        }
        let entries = self.boot.list(path)?;
        Ok(Some(entries.into_iter().map(|entry| entry.name).collect()))
    }

    /// What `/etc/os-release` says.
    pub fn os_release(&self) -> Result<OsRelease, CardError> {
        let text = self.read("/etc/os-release")?.unwrap_or_default();
        Ok(OsRelease::parse(&String::from_utf8_lossy(&text)))
    }

    /// What its programs are compiled for, or `None` if no program was found to look at.
    pub fn architecture(&self) -> Result<Option<Architecture>, CardError> {
        for program in [
            "/usr/bin/true",
            "/bin/true",
            "/usr/bin/env",
            "/usr/bin/dpkg",
        ] {
            if let Some(header) = self.root.read_start(program, Architecture::HEADER)? {
                return Ok(Architecture::of_elf(&header));
            }
        }
        Ok(None)
    }
}

/// Reads and checks the partition table of the image at `path`; returns it and the image's size.
pub(crate) fn read_table(path: &Path) -> Result<(Mbr, u64), CardError> {
    let failed = |source| CardError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = File::open(path).map_err(failed)?;
    // Not the length in its metadata: that of a device is 0.
    let size = file.seek(SeekFrom::End(0)).map_err(failed)?;
    let mut sector = [0; MBR_SIZE];
    if size < MBR_SIZE as u64 {
        return Err(CardError::TooSmall {
            path: path.to_owned(),
            size,
        });
    }
    file.read_exact_at(&mut sector, 0).map_err(failed)?;
    let mbr = Mbr::parse(&sector).and_then(|mbr| mbr.check(Sectors::within(size)).map(|()| mbr));
    match mbr {
        Ok(mbr) => Ok((mbr, size)),
        Err(source) => Err(CardError::Table {
            path: path.to_owned(),
            source,
        }),
    }
}

/// A GPT has a sector of its own behind the first one, also where no row of that announces it. On a card that was
/// used, one may be left from before; in an image it is none of a Pi's.
fn refuse_gpt(path: &Path) -> Result<(), CardError> {
    let failed = |source| CardError::Io {
        path: path.to_owned(),
        source,
    };
    let mut next = [0; 8];
    let file = File::open(path).map_err(failed)?;
    // There is a second sector, since there are partitions behind it.
    file.read_exact_at(&mut next, MBR_SIZE as u64)
        .map_err(failed)?;
    if next != *b"EFI PART" {
        return Ok(());
    }
    Err(CardError::Table {
        path: path.to_owned(),
        source: MbrError::Gpt { hybrid: true },
    })
}

/// The path on the FAT partition, if `path` lies there; the mount point itself is its root.
pub(crate) fn on_boot(path: &str) -> Option<&str> {
    match path.strip_prefix(EntryPath::BOOT)? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
    }
}

/// Why a file is no usable card image.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// It can't be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The image.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file on it can't be read.
    #[error("cannot read {path} on {}", image.display())]
    Path {
        /// The image.
        image: PathBuf,
        /// Where the file is on the Pi.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// There isn't even a sector in it.
    #[error("{} is not a card image: it has {size} bytes", path.display())]
    TooSmall {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
    },
    /// Its partition table isn't one of a Raspberry Pi image.
    #[error("{} is not a usable card image", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: MbrError,
    },
    /// The FAT partition can't be read.
    #[error(transparent)]
    Boot(#[from] FatError),
    /// The ext4 partition can't be read.
    #[error(transparent)]
    Root(#[from] Ext4Error),
}

impl CardError {
    /// Whether all that is in the way is a journal that has not been replayed: the card was not shut down.
    pub fn needs_recovery(&self) -> bool {
        let Self::Root(Ext4Error::Superblock { source, .. }) = self else {
            return false;
        };
        *source == SuperblockError::NeedsRecovery
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Table { source, .. } => Some(source.hint()),
            Self::TooSmall { .. } => Some(TAKE_AN_IMAGE),
            Self::Boot(error) => error.hint(),
            Self::Root(error) => error.hint(),
            Self::Io { .. } | Self::Path { .. } => None,
        }
    }
}
