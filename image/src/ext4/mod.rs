//! The ext4 partition of a card: read by one program, written by another, so that each proves the other.

mod attributes;
mod debugfs;
mod features;
mod fsck;
mod listing;
mod plan;
mod plan_error;
mod read;
mod removal;
mod resize;
mod superblock;
mod write;

pub(crate) use debugfs::Debugfs;
pub use fsck::{Tool, tool};
pub(crate) use fsck::{fsck, preen, replay};
pub(crate) use listing::{Listed, joined};
pub(crate) use plan::{Change, Demand, Plan, Planned};
pub use plan_error::PlanError;
pub use read::{Ext4, Ext4Error, Found, FoundKind};
pub(crate) use resize::{minimum, resize};
pub use superblock::{Superblock, SuperblockError};
pub use write::WriteError;
pub(crate) use write::{RootfsWriter, prove};
