//! The FAT partition of a card: written by one program, read by another, so that each proves the other.

mod check;
mod dots;
mod layout;
mod raw;
mod used;
mod volume;

pub use check::FatDamage;
pub(crate) use raw::{RawFat, RawFound};
pub use volume::{Fat, FatEntry, FatError, FatKind};
