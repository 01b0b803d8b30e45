//! Raspberry Pi OS from its official index: which images there are, and one of them in the cache.

mod error;
mod image;
mod index;
mod prepare;
mod site;

pub use error::OfficialError;
pub use image::{InitFormat, OfficialImage, is_identifier};
pub use index::{Index, IndexError};
pub use prepare::{Archive, has_begun, prepare, stored_path};
pub use site::{Age, INDEX_URL, Loaded, Site};
