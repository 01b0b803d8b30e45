//! Cards: which may be written, and what happens to them.

mod copies;
mod disks;
mod loops;
mod memory;
mod packed;
pub(crate) mod tree;
