//! The ext4 partition of a card: read by one program, written by another, so that each proves the other.

mod debugfs;
mod fsck;
mod plan;
mod read;
mod resize;
mod superblock;
mod write;

pub(crate) use debugfs::Debugfs;
pub(crate) use fsck::fsck;
pub use fsck::{Tool, tool};
pub use plan::PlanError;
pub(crate) use plan::{Change, Demand, Plan, Planned};
pub use read::{Ext4, Ext4Error, Found, FoundKind};
pub(crate) use resize::resize;
pub use superblock::{Superblock, SuperblockError};
pub use write::WriteError;
pub(crate) use write::{RootfsWriter, prove};
