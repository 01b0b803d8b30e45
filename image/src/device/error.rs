//! What can go wrong between an image and a card.

use std::io;
use std::path::PathBuf;

use crate::bmap::BmapError;
use crate::packed::PackedError;

/// Why the image can't be read. It is the same for all cards.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It can't be read, or unpacked, or is no image.
    #[error(transparent)]
    Packed(#[from] PackedError),
    /// It ends too early.
    #[error("{} is cut off: it has {size} bytes unpacked, and {wanted} are wanted", path.display())]
    Truncated {
        /// The image.
        path: PathBuf,
        /// How long it is.
        size: u64,
        /// How long it should be.
        wanted: u64,
    },
    /// It is longer than its map says.
    #[error("{} has more than the {wanted} bytes of its block map", path.display())]
    TooLong {
        /// The image.
        path: PathBuf,
        /// How long it should be.
        wanted: u64,
    },
    /// The block map is none.
    #[error("the block map {} can't be used", path.display())]
    Map {
        /// The map.
        path: PathBuf,
        /// What is wrong with it.
        source: BmapError,
    },
    /// The bytes aren't those of which the map was made.
    #[error(
        "{} does not fit its block map: bytes {start} to {end} have another sha256",
        path.display()
    )]
    Range {
        /// The image.
        path: PathBuf,
        /// The first byte of the range.
        start: u64,
        /// The first byte after it.
        end: u64,
    },
}

impl SourceError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Truncated { .. }
            | Self::Packed(PackedError::Truncated { .. } | PackedError::Corrupt { .. }) => {
                Some("download or build it again; no card can boot from what was written of it")
            }
            Self::Packed(error) => error.hint(),
            Self::Map { .. } | Self::Range { .. } | Self::TooLong { .. } => Some(
                "the image or its map was changed after the other was made; build both again, \
                 or say --no-bmap to write the image without it",
            ),
        }
    }
}

/// Why one card was not written.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It doesn't take what is written.
    #[error("cannot write {} at byte {at}", path.display())]
    Write {
        /// The target.
        path: PathBuf,
        /// Where.
        at: u64,
        /// Why.
        source: io::Error,
    },
    /// What was written can't be read.
    #[error("cannot read {} back at byte {at}", path.display())]
    Read {
        /// The target.
        path: PathBuf,
        /// Where.
        at: u64,
        /// Why.
        source: io::Error,
    },
    /// What is read isn't what was written.
    #[error(
        "{} does not read back what was written: the {length} bytes from byte {at} on differ{}",
        path.display(),
        if *zeros { " and are all zero" } else { "" }
    )]
    Differs {
        /// The target.
        path: PathBuf,
        /// Where the first block that differs begins.
        at: u64,
        /// How long that block is.
        length: u64,
        /// Whether zeros are read there.
        zeros: bool,
    },
    /// The image turned out to be larger than the card.
    #[error("the image does not fit on {}, which has {size} bytes", path.display())]
    TooSmall {
        /// The target.
        path: PathBuf,
        /// Its size.
        size: u64,
    },
    /// The image could not be read to its end.
    #[error("{} was not finished", path.display())]
    NoMore {
        /// The target.
        path: PathBuf,
    },
    /// The user wanted it to stop.
    #[error("interrupted: {} was not finished", path.display())]
    Interrupted {
        /// The target.
        path: PathBuf,
    },
}

impl TargetError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Write { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("free some room where the file is")
            }
            Self::Write { .. } => Some(
                "was it taken out? Else the card or its reader is worn out: try another one; \
                 the same command goes on where this one has stopped",
            ),
            Self::Read { .. } => Some("the card or its reader is worn out: try another one"),
            Self::Differs { zeros: true, .. } => {
                Some("the card is smaller than it says (a fake), or worn out: don't use it")
            }
            Self::Differs { .. } => {
                Some("the card is worn out or a fake, or its reader is bad: try another one")
            }
            Self::TooSmall { .. } => Some("take a larger card"),
            Self::Interrupted { .. } => Some(
                "the same command goes on where this one has stopped; until then the card can't boot",
            ),
            Self::NoMore { .. } => None,
        }
    }
}
