//! Unpacking archives as streams, with bounded memory, keeping holes where the image is zero.

mod run;
mod sparse;
mod xz;
mod zip;

pub(super) use run::{Limits, Unpacked, unpack};
