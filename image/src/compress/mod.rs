//! Packing an image with xz or Zstandard: on all cores, and with the same bytes on any number of them.

mod encoder;
mod method;

pub(crate) use encoder::Encoder;
pub use method::{Compression, CompressionError};
