//! Which parts of an image matter, from the file systems' own books: what is free in them may be anything.

mod ext4;
mod geometry;
mod map;
mod ranges;
mod release;

pub(crate) use release::release_free;

pub use map::{Allocation, AllocationError};
