//! Why a file can't be read as an image.

use std::io;
use std::path::{Path, PathBuf};

use super::format::Format;
use crate::copy::CopyError;

/// What to do about a file that is no image.
pub(crate) const TAKE_AN_IMAGE: &str =
    "use an image for the Raspberry Pi: an `.img` file, or one packed with xz, gzip, zstd or zip";

/// Why a file can't be read as an image.
#[derive(Debug, thiserror::Error)]
pub enum PackedError {
    /// It can't be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is neither an image nor packed.
    #[error(
        "{} is not an image: it has neither a partition table nor the first bytes of an archive", path.display()
    )]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// The archive ends early.
    #[error("{} is incomplete: the {format} data ends after {read} bytes, in the middle of a block", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What it is packed with.
        format: &'static str,
        /// How much of it there is.
        read: u64,
    },
    /// The archive is damaged.
    #[error("{} is damaged: its {format} data can't be unpacked", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What it is packed with.
        format: &'static str,
        /// What the decoder says.
        source: io::Error,
    },
    /// A zip archive has no end.
    #[error("{} is incomplete or damaged: the list of files at the end of the zip archive can't be read", path.display())]
    NoDirectory {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: io::Error,
    },
    /// A zip archive has something else in it than one image.
    #[error("{} is a zip archive that can't be used: {why}", path.display())]
    Contents {
        /// The file.
        path: PathBuf,
        /// What is in it, or isn't.
        why: &'static str,
    },
    /// What is in the archive is no image.
    #[error("what is in {} is not an image: it has no partition table{}", path.display(), inner.map_or_else(String::new, |inner| format!(", but is {inner} again")))]
    NoImage {
        /// The archive.
        path: PathBuf,
        /// What it is instead, if it is packed once more.
        inner: Option<Format>,
    },
    /// There is more in the archive than there may be.
    #[error("{} unpacks to more than the {most} bytes that it may have", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How many bytes are allowed.
        most: u64,
    },
    /// The unpacked image could not be written.
    #[error("cannot unpack {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<CopyError>,
    },
}

impl PackedError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn corrupt(path: &Path, format: Format, source: io::Error) -> Self {
        Self::Corrupt {
            path: path.to_owned(),
            format: format.word(),
            source,
        }
    }

    pub(crate) fn write(path: &Path, source: CopyError) -> Self {
        Self::Write {
            path: path.to_owned(),
            source: Box::new(source),
        }
    }

    /// Whether [`Progress::cancelled`](crate::Progress::cancelled) is the reason.
    pub(crate) fn is_interrupted(&self) -> bool {
        matches!(self, Self::Write { source, .. } if source.is_interrupted())
    }

    /// Whether the file itself is what is wrong, and not the disk that it is on or is unpacked to.
    pub fn is_input(&self) -> bool {
        !matches!(self, Self::Read { .. } | Self::Write { .. })
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unknown { .. } | Self::Contents { .. } | Self::NoImage { .. } => {
                Some(TAKE_AN_IMAGE)
            }
            Self::Truncated { .. } | Self::Corrupt { .. } | Self::NoDirectory { .. } => {
                Some("download it again, and compare its sha256 with the published one")
            }
            Self::TooLarge { .. } => {
                Some("an image for a card is smaller; make sure where the file comes from")
            }
            Self::Write { source, .. } => source.hint(),
            Self::Read { .. } => None,
        }
    }
}
