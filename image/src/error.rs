//! The error of the crate as a whole.

use std::path::PathBuf;

use crate::allocation::AllocationError;
use crate::base::debian::DebianError;
use crate::base::local::LocalError;
use crate::base::net::NetError;
use crate::base::official::OfficialError;
use crate::bmap::BmapError;
use crate::bootconfig::BootConfigError;
use crate::card::CardError;
use crate::copy::CopyError;
use crate::ext4::{Ext4Error, PlanError, WriteError};
use crate::fat::FatError;
use crate::grow::GrowError;
use crate::mbr::MbrError;
use crate::misnamed::Misnamed;
use crate::overlay::OverlayError;
use crate::packed::PackedError;
use crate::process::ProcessError;

/// What to do about an image that contradicts itself.
pub(crate) const DAMAGED: &str = "the image is damaged: download or copy it again";

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
    /// An image of the official index could not be had.
    #[error(transparent)]
    Official(#[from] OfficialError),
    /// What is fetched from can't be reached, or the settings for it are wrong.
    #[error(transparent)]
    Net(#[from] NetError),
    /// An image isn't what it should be.
    #[error(transparent)]
    Card(#[from] CardError),
    /// There is no block map that could be written.
    #[error("the image has no block map")]
    Bmap(#[from] BmapError),
    /// What matters in an image can't be found out.
    #[error(transparent)]
    Allocation(#[from] AllocationError),
    /// A partition that was there is missing.
    #[error(transparent)]
    Table(#[from] MbrError),
    /// The overlay doesn't fit the base.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The image could not be copied into place.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A packed image can't be read.
    #[error(transparent)]
    Packed(#[from] PackedError),
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
    /// A tool doesn't know a feature of the base's file system.
    #[error(
        "{program} is version {actual}, and the base's root file system has the feature {feature}, which {wanted} or newer knows"
    )]
    TooOldForBase {
        /// Its name.
        program: &'static str,
        /// What it says it is.
        actual: String,
        /// The feature, as e2fsprogs calls it.
        feature: &'static str,
        /// The oldest that will do.
        wanted: &'static str,
    },
    /// The base is damaged: what was written is as it should be, but what was there isn't.
    #[error("e2fsck finds the ext4 partition of the base {} damaged: {problem}", image.display())]
    BaseDamaged {
        /// The base.
        image: PathBuf,
        /// The first thing that it said about it.
        problem: String,
    },
    /// The base's own files name another partition than the one that they mean.
    #[error("{} of {} names another file system than the one that is there: {wrong}", wrong.file, image.display())]
    Misnamed {
        /// The base.
        image: PathBuf,
        /// What is wrong.
        wrong: Misnamed,
    },
    /// A kind of entry that FAT doesn't have.
    #[error("{path} ({origin}) would be a link on the FAT partition, which has none")]
    LinkOnBoot {
        /// Where it would be.
        path: String,
        /// Where it comes from.
        origin: String,
    },
    /// A boot file can't be edited.
    #[error(transparent)]
    BootConfig(#[from] BootConfigError),
    /// A path or an entry that can't be.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
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
            Self::Local(error) => error.is_interrupted(),
            Self::Packed(error) => error.is_interrupted(),
            Self::Official(error) => error.is_interrupted(),
            Self::Net(error) => error.is_interrupted(),
            _ => false,
        }
    }

    /// Whether it is what was asked for that is wrong: a file that is no image, a size that can't be.
    pub fn is_input(&self) -> bool {
        match self {
            Self::Local(_)
            | Self::Misnamed { .. }
            | Self::Card(CardError::TooSmall { .. } | CardError::Table { .. })
            | Self::Grow(
                GrowError::TooLarge { .. } | GrowError::TooSmall { .. } | GrowError::Odd { .. },
            ) => true,
            Self::Debian(error) => error.is_input(),
            Self::Packed(error) => error.is_input(),
            _ => false,
        }
    }

    /// What to do about it, if anything is known.
    pub fn hint(&self) -> Option<String> {
        let fixed = match self {
            Self::Tool(error)
            | Self::Write(WriteError::Tool(error))
            | Self::Grow(GrowError::Resize(WriteError::Tool(error))) => return error.hint(),
            Self::TooOldForBase { .. } => Some(ProcessError::NEWER),
            Self::Debian(error) => return error.hint(),
            Self::Local(error) => error.hint(),
            Self::Plan(error) => error.hint(),
            Self::LinkOnBoot { .. } => Some("put a copy there in place of the link"),
            Self::Packed(error) => error.hint(),
            Self::Official(error) => error.hint(),
            Self::Net(error) => error.hint(),
            Self::Card(error) => error.hint(),
            Self::Copy(error) | Self::Grow(GrowError::Copy(error)) => error.hint(),
            Self::Grow(GrowError::TooLarge { size, .. }) => {
                return Some(format!(
                    "allow {}M or more, or ask for less free room",
                    mebibytes(*size)
                ));
            }
            Self::Grow(GrowError::TooSmall { needed, .. }) => {
                return Some(format!(
                    "write {}M or more, or ask for less free room",
                    mebibytes(*needed)
                ));
            }
            Self::Grow(GrowError::Odd { .. }) => Some("write it as 8G or 4000M"),
            Self::Grow(GrowError::NotLast { .. }) => Some(
                "use a base whose root partition is the last, or ask for no more room than it has",
            ),
            Self::Misnamed { .. } => Some(
                "a Pi would not boot from it as it should: download or copy the image again, or mend its partition table or that file",
            ),
            Self::BootFull { .. } => {
                Some("put less onto it, or use a base with a larger FAT partition")
            }
            Self::Table(error) | Self::Grow(GrowError::Table(error)) => Some(error.hint()),
            Self::Ext4(error) => error.hint(),
            Self::BaseDamaged { .. }
            | Self::Grow(GrowError::Resize(WriteError::Damaged { .. })) => Some(
                "take another copy of the base, or repair it: `e2fsck -fy 'BASE?offset=BYTES'`",
            ),
            // What a base brings is a `CardError`.
            Self::Write(WriteError::Damaged { .. }) | Self::Fat(FatError::Damaged { .. }) => {
                Some("the base was sound, so this is a fault of the program: please report it")
            }
            _ => None,
        };
        fixed.map(str::to_owned)
    }
}

/// The whole MiB that `bytes` fit into, as sizes are written.
fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
