//! The block map of an image, as `bmaptool` knows it: which blocks matter, and what is in them.
//!
//! Version 2.0 is written; 1.3 and 1.4 are read too. Nothing here reads or writes a file: text in, text out.

mod error;
mod model;
mod parse;
mod render;
mod xml;

pub use error::BmapError;
pub use model::{Bmap, BmapRange};
