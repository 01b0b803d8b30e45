//! Images as they travel: raw, or packed with xz, gzip, zstd or zip, recognized by their contents.
//!
//! Everything that reads such a file reads it through this, so that all of them take and refuse the same:
//! several streams, members or frames in a file are one image; an archive that is cut off, damaged, or goes on
//! with something else is refused; none may ask for more than 1 GiB of memory.

mod error;
mod format;
mod open;
mod size;
mod sparse;
mod stream;
mod unpack;
mod xz;
mod zip;

pub use error::PackedError;
pub(crate) use error::TAKE_AN_IMAGE;
pub use format::Format;
pub(crate) use open::Packed;
pub(crate) use stream::Stream;
pub(crate) use unpack::{Wanted, unpack};
