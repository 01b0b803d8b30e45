//! The error of the crate as a whole.

use std::path::PathBuf;

use crate::base::debian::DebianError;
use crate::base::local::LocalError;
use crate::card::CardError;
use crate::copy::CopyError;
use crate::ext4::{Ext4Error, PlanError, WriteError};
use crate::fat::FatError;
use crate::grow::GrowError;
use crate::mbr::MbrError;
use crate::process::ProcessError;

/// Why a card could not be made. Each says in its own words what happened; [`hint`](Self::hint) says
/// what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A base could not be built from Debian's packages.
    #[error(transparent)]
    Debian(#[from] DebianError),
    /// A local file can't be a base.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// An image isn't what it should be.
    #[error(transparent)]
    Card(#[from] CardError),
    /// A partition that was there is missing.
    #[error(transparent)]
    Table(#[from] MbrError),
    /// The overlay doesn't fit the base.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The image could not be copied into place.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// There was not enough room, and no more could be made.
    #[error(transparent)]
    Grow(#[from] GrowError),
    /// The root file system could not be written or doesn't read back.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The FAT partition could not be written.
    #[error(transparent)]
    Fat(#[from] FatError),
    /// Something could not be read.
    #[error(transparent)]
    Ext4(#[from] Ext4Error),
    /// A tool is missing, too old, or failed.
    #[error(transparent)]
    Tool(#[from] ProcessError),
    /// The base is damaged: what was written is as it should be, but what was there isn't.
    #[error("e2fsck finds the ext4 partition of the base {} damaged: {problem}", image.display())]
    BaseDamaged {
        /// The base.
        image: PathBuf,
        /// The first thing that it said about it.
        problem: String,
    },
    /// A kind of entry that FAT doesn't have.
    #[error("{path} ({origin}) would be a link on the FAT partition, which has none")]
    LinkOnBoot {
        /// Where it would be.
        path: String,
        /// Where it comes from.
        origin: String,
    },
    /// The FAT partition is too small.
    #[error("the FAT partition has {free} bytes free, and {needed} are needed")]
    BootFull {
        /// The bytes free.
        free: u64,
        /// The bytes that the new files take.
        needed: u64,
    },
    /// A file on the FAT partition doesn't read back as it was written.
    #[error("{path} was written to the FAT partition and does not read back")]
    BootDiffers {
        /// Where it is.
        path: String,
    },
}

impl Error {
    /// Whether [`Progress::cancelled`](crate::Progress::cancelled) is the reason.
    pub fn is_interrupted(&self) -> bool {
        match self {
            Self::Debian(error) => error.is_interrupted(),
            Self::Copy(error) | Self::Grow(GrowError::Copy(error)) => error.is_interrupted(),
            Self::Local(LocalError::Write { source, .. }) => source.is_interrupted(),
            _ => false,
        }
    }

    /// What to do about it, if anything is known.
    pub fn hint(&self) -> Option<String> {
        let fixed = match self {
            Self::Tool(error)
            | Self::Write(WriteError::Tool(error))
            | Self::Grow(GrowError::Resize(WriteError::Tool(error))) => return error.hint(),
            Self::Debian(error) => return error.hint(),
            Self::Local(error) => error.hint(),
            Self::Card(error) => error.hint(),
            Self::Copy(error) | Self::Grow(GrowError::Copy(error)) => error.hint(),
            Self::Grow(GrowError::TooLarge { .. }) => {
                Some("allow a larger image, or ask for less free room")
            }
            Self::Ext4(Ext4Error::Superblock { source, .. }) => source.hint(),
            Self::BaseDamaged { .. }
            | Self::Grow(GrowError::Resize(WriteError::Damaged { .. })) => Some(
                "take another copy of the base, or repair it: `e2fsck -fy 'BASE?offset=BYTES'`",
            ),
            Self::Write(WriteError::Damaged { .. }) => {
                Some("the base was sound, so this is a fault of the program: please report it")
            }
            _ => None,
        };
        fixed.map(str::to_owned)
    }
}
