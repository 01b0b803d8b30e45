//! Writing an image onto cards, and being sure of it.
//!
//! 1. [`System`] reads what disks there are and what uses them, from the kernel's own lists below a root
//!    that is an argument.
//! 2. [`Disk::refusal`] says why a disk must not be written.
//! 3. [`Source`] is an image, raw or packed; [`Layout`] says which of its bytes matter.
//! 4. [`flash`](fn@flash) reads the source once and writes it onto all [`Target`]s at the same time: the first MiB
//!    last, when everything else was read back. A card that was not finished has no partition table and can't
//!    boot half.
//!
//! Nothing here asks, prints, or knows what time it is.

mod buffer;
mod copyist;
mod disk;
mod error;
mod feed;
mod flash;
mod guard;
mod layout;
mod mounts;
mod open;
mod source;
mod sysfs;
mod system;
mod target;

pub use copyist::{Checkpoint, Counts, Destination};
pub use disk::{Bus, Disk, Identity, Part};
pub use error::{SourceError, TargetError};
pub use flash::{Outcome, flash};
pub use guard::{Permissions, Refusal};
pub use layout::{Extent, ExtentKind, Layout};
pub use open::{OpenError, OpenTarget, reread_table, unmount};
pub use source::Source;
pub use system::{Named, System};
pub use target::{FileTarget, Target};
