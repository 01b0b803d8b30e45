//! Cards: which may be written, and what happens to them.

mod copies;
mod disks;
mod loops;
pub(crate) mod memory;
pub(crate) mod tree;
