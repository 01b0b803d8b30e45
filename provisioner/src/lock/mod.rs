//! `provision.lock`: what the bases of a recipe are made of, to the byte, so that a card can be made again.
//!
//! The first card writes it, later ones obey it. It is fit for version control: a text whose differences say
//! which package changed from which version to which.

mod debian;
mod file;
mod settled;

pub use debian::{Outcome, Pinned, pin};
pub use file::{DebianLock, LockFile};
pub use settled::Settled;

/// What a command may do with a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Obey it; write it where there is none, and where the recipe wants something else by now.
    Obey,
    /// Obey it, and fail where there is none that fits.
    Locked,
    /// Take what is newest, and write that.
    Update,
}
