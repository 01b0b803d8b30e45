//! Why an image of the official index could not be had.

use crate::base::error::LocalError;
use crate::base::net::{DownloadError, NetError};
use crate::copy::CopyError;
use crate::packed::PackedError;

use super::index::IndexError;

/// Why an image of the official index could not be had.
#[derive(Debug, thiserror::Error)]
pub enum OfficialError {
    /// Something could not be fetched.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The download came to nothing.
    #[error(transparent)]
    Download(DownloadError),
    /// What was fetched is no index.
    #[error("{url} is no index of images")]
    Index {
        /// Where it came from.
        url: String,
        /// Why not.
        source: IndexError,
    },
    /// An entry, of a lock file for example, has parts that can't be right.
    #[error("the entry of {name:?} can't be used: {why}")]
    Entry {
        /// What it is called.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The archive has an image of another size than the index says.
    #[error(
        "{image} unpacks to {actual} bytes, and the index says {expected}; the archive was removed"
    )]
    Size {
        /// Which image.
        image: String,
        /// The bytes that were in the archive.
        actual: u64,
        /// The bytes that should have been.
        expected: u64,
    },
    /// The archive has another image than the index says.
    #[error(
        "{image} has sha256 {actual} unpacked, and the index says {expected}; the archive was removed"
    )]
    Digest {
        /// Which image.
        image: String,
        /// The sha256 that it has.
        actual: String,
        /// The sha256 that it should have.
        expected: String,
    },
    /// The archive could not be unpacked, or is no base.
    #[error("the archive that was downloaded can't be used")]
    Archive(#[from] LocalError),
    /// Something in the cache could not be written.
    #[error("cannot write to the cache")]
    Store(#[from] CopyError),
}

impl OfficialError {
    /// Whether [`Progress::cancelled`](crate::Progress::cancelled) is the reason.
    pub fn is_interrupted(&self) -> bool {
        match self {
            Self::Net(error) | Self::Download(DownloadError::Net(error)) => error.is_interrupted(),
            Self::Archive(error) => error.is_interrupted(),
            Self::Store(error) | Self::Download(DownloadError::Store(error)) => {
                error.is_interrupted()
            }
            _ => false,
        }
    }

    /// Whether the disk is the reason, and not what was downloaded.
    pub(super) fn is_full(&self) -> bool {
        matches!(
            self,
            Self::Store(_)
                | Self::Archive(
                    LocalError::Packed(PackedError::Write { .. })
                        | LocalError::Store(_)
                        | LocalError::Cache { .. }
                )
        )
    }

    /// Whether the site is out of reach from here, so that another base may do.
    pub fn is_out_of_reach(&self) -> bool {
        matches!(self, Self::Net(error) if error.is_out_of_reach())
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Net(error) | Self::Download(DownloadError::Net(error)) => error.hint(),
            Self::Download(DownloadError::Store(error)) | Self::Store(error) => error.hint(),
            Self::Download(DownloadError::Short { .. } | DownloadError::Digest { .. })
            | Self::Size { .. }
            | Self::Digest { .. } => Some(
                "run it again; if it stays so, the mirror has another file than the index says: fetch from the site itself, or name another --image-mirror",
            ),
            Self::Index { .. } => Some(
                "see what --index-url or PROVISION_INDEX_URL says; a proxy may have answered with a page of its own",
            ),
            Self::Entry { .. } => Some("fetch the index again, or repair the entry"),
            Self::Archive(
                error @ (LocalError::Packed(PackedError::Write { .. }) | LocalError::Store(_)),
            ) => error.hint(),
            Self::Archive(_) => {
                Some("run it again: the archive was removed and is downloaded once more")
            }
        }
    }
}
