//! Making room: how much larger an image must become for its entries, and making it so.

use std::os::unix::fs::FileExt;

use crate::card::Card;
use crate::copy::{CopyError, Draft, write_error};
use crate::ext4::{Demand, Ext4, Ext4Error, Superblock, WriteError, resize};
use crate::mbr::{Mbr, MbrError, Partition, Sectors};
use crate::progress::Progress;
use crate::time::Timestamp;

/// Images grow in steps of the erase-block size that `mkfs` tools assume for SD cards.
const STEP: u64 = 4 << 20;
/// `resize2fs` leaves out a last group that would hold little but its own tables, so a growth may give
/// less than it should; then there is another.
const ROUNDS: u32 = 4;

/// The room that is wanted on the root file system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// What the entries take.
    pub(crate) demand: Demand,
    /// What shall be free after them, in bytes.
    pub(crate) free: u64,
    /// The largest size that the image may have, in bytes.
    pub(crate) limit: Option<u64>,
}

/// Returns the bytes to add to a root file system so that it has `room`; 0 if it has.
///
/// The result is a multiple of 4 MiB. What is used comes from the superblock's free counts, not from
/// walking the tree, so it includes inode tables and the journal; the tables of the groups that are
/// added are accounted for.
pub(crate) fn growth(superblock: &Superblock, room: Room) -> u64 {
    let wanted = room.demand.bytes.saturating_add(room.free);
    let missing = wanted.saturating_sub(superblock.free_bytes());
    let inodes_per_group = u64::from(superblock.inodes_per_group);
    let groups = room
        .demand
        .inodes
        .saturating_sub(superblock.free_inodes.into())
        .div_ceil(inodes_per_group);
    let group = u64::from(superblock.blocks_per_group) * superblock.block_size;
    // Inode table, two bitmaps, and a copy of superblock and descriptors in some groups.
    let overhead = inodes_per_group * u64::from(superblock.inode_size) + 16 * superblock.block_size;
    let usable = group.saturating_sub(overhead).max(1);
    if missing == 0 && groups == 0 {
        return 0;
    }
    let with_tables = missing.saturating_add(missing.div_ceil(usable).saturating_mul(overhead));
    with_tables
        .max(groups.saturating_mul(group))
        .checked_next_multiple_of(STEP)
        .unwrap_or(u64::MAX)
}

/// Fills `draft` with `base`, its root partition, the last one, grown until it has `room`. Returns the
/// table as it is afterwards.
///
/// `resize2fs` cuts a file off behind the size of the file system, whatever offset the file system has in
/// it, and with that its end. So the root partition is copied first, resized as a file of its own, and
/// then moved to its place behind the rest.
pub(crate) fn fill_grown(
    draft: &mut Draft,
    base: &Card,
    room: Room,
    timestamp: Timestamp,
    progress: &mut dyn Progress,
) -> Result<Mbr, GrowError> {
    let mut mbr = base.mbr().clone();
    let root = *mbr.root()?;
    if let Some(later) = mbr.partitions().find(|p| p.start > root.start) {
        return Err(GrowError::NotLast {
            root: root.number,
            later: later.number,
        });
    }
    draft.check_room_for(base.path(), room.demand.bytes)?;
    let partition = root.offset()..root.offset() + root.size();
    draft.copy_part(base.path(), partition, 0, progress)?;
    let length = resize_alone(draft, &root, room, timestamp)?;
    draft.insert_front(root.offset())?;
    draft.copy_part(base.path(), 0..root.offset(), 0, progress)?;
    let grown = Partition { length, ..root };
    mbr.set(grown)?;
    let size = base.size().max(root.offset() + grown.size());
    let file = draft.file();
    file.set_len(size)
        .and_then(|()| file.write_all_at(&mbr.to_bytes(), 0))
        .map_err(|source| write_error(base.path(), source))?;
    Ok(mbr)
}

/// Grows the file system that `draft` consists of, and that was `root`, until it has `room`. Returns its
/// new length.
fn resize_alone(
    draft: &mut Draft,
    root: &Partition,
    room: Room,
    timestamp: Timestamp,
) -> Result<Sectors, GrowError> {
    let mut alone = Partition {
        start: Sectors::new(0),
        ..*root
    };
    for _ in 0..ROUNDS {
        let missing = growth(Ext4::open(draft.path(), &alone)?.superblock(), room);
        if missing == 0 {
            return Ok(alone.length);
        }
        let end = (root.offset() + alone.size())
            .saturating_add(missing)
            .checked_next_multiple_of(STEP)
            .unwrap_or(u64::MAX);
        check_limit(end, room.limit)?;
        alone.length = Sectors::within(end - root.offset());
        let file = draft.file();
        file.set_len(alone.size())
            .map_err(|source| write_error(draft.path(), source))?;
        resize(draft.path(), &alone, timestamp)?;
    }
    match growth(Ext4::open(draft.path(), &alone)?.superblock(), room) {
        0 => Ok(alone.length),
        missing => Err(GrowError::StillTooSmall { missing }),
    }
}

/// Refuses an image of `size` bytes that would pass `limit`.
pub(crate) fn check_limit(size: u64, limit: Option<u64>) -> Result<(), GrowError> {
    match limit {
        Some(limit) if size > limit => Err(GrowError::TooLarge { size, limit }),
        _ => Ok(()),
    }
}

/// Why an image could not be given more room.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// It would become too large.
    #[error("the image would have {size} bytes, and at most {limit} are allowed")]
    TooLarge {
        /// The size it would have.
        size: u64,
        /// The size allowed.
        limit: u64,
    },
    /// Something lies behind the root partition.
    #[error("partition {root} can't grow: partition {later} lies behind it")]
    NotLast {
        /// The number of the root partition.
        root: u8,
        /// The number of the partition behind it.
        later: u8,
    },
    /// The partition table could not be changed.
    #[error("cannot change the partition table")]
    Table(#[from] MbrError),
    /// The image could not be written.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The file system could not be read.
    #[error("cannot read the file system that is to grow")]
    Read(#[from] Ext4Error),
    /// The file system could not be resized.
    #[error("cannot resize the file system")]
    Resize(#[from] WriteError),
    /// It was resized several times and still has not enough room.
    #[error("the root file system was grown and still lacks {missing} bytes of room")]
    StillTooSmall {
        /// The bytes that are missing.
        missing: u64,
    },
}
