//! Why a file can't be a base.

use std::io;
use std::path::{Path, PathBuf};

use crate::card::CardError;
use crate::copy::CopyError;
use crate::packed::PackedError;
use crate::release::Architecture;

/// Why a file can't be a base.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// It can't be read, or unpacked, or is no image.
    #[error(transparent)]
    Packed(#[from] PackedError),
    /// The cache can't be used.
    #[error("cannot use the cache at {}", path.display())]
    Cache {
        /// The folder or file in it.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something in the cache could not be written.
    #[error("cannot write to the cache")]
    Store(#[from] CopyError),
    /// It is an image, but not one of a Raspberry Pi.
    #[error("{} can't be a base", path.display())]
    Implausible {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<CardError>,
    },
    /// It is for another processor.
    #[error(
        "{} is for {}, and {wanted} is wanted", path.display(),
        found.map_or("an unknown architecture", Architecture::name)
    )]
    Architecture {
        /// The file.
        path: PathBuf,
        /// What its programs are compiled for.
        found: Option<Architecture>,
        /// What they should be compiled for.
        wanted: Architecture,
    },
}

impl LocalError {
    pub(super) fn cache(path: &Path, source: io::Error) -> Self {
        Self::Cache {
            path: path.to_owned(),
            source,
        }
    }

    /// Whether [`Progress::cancelled`](crate::Progress::cancelled) is the reason.
    pub(crate) fn is_interrupted(&self) -> bool {
        match self {
            Self::Packed(error) => error.is_interrupted(),
            Self::Store(source) => source.is_interrupted(),
            Self::Cache { source, .. } => source.kind() == io::ErrorKind::Interrupted,
            _ => false,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Packed(error) => error.hint(),
            Self::Architecture { .. } => {
                Some("choose the target that fits the base, or a base that fits the target")
            }
            Self::Store(source) => source.hint(),
            Self::Implausible { source, .. } => source.hint(),
            Self::Cache { .. } => None,
        }
    }
}
