//! Making room: how much larger an image must become for its entries, and making it so.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::ext4::{Demand, Ext4, Ext4Error, Superblock, WriteError, resize};
use crate::mbr::{Mbr, MbrError, Partition, Sectors};
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

/// Grows the root partition of `image`, its last one, until it has `room`. Returns the table as it is
/// afterwards.
pub(crate) fn make_room(
    image: &Path,
    mut mbr: Mbr,
    room: Room,
    timestamp: Timestamp,
) -> Result<Mbr, GrowError> {
    for _ in 0..ROUNDS {
        let root = *mbr.root()?;
        let missing = growth(Ext4::open(image, &root)?.superblock(), room);
        if missing == 0 {
            return Ok(mbr);
        }
        mbr = extend(image, mbr, &root, missing, room.limit)?;
        resize(image, mbr.root()?, timestamp)?;
    }
    let root = *mbr.root()?;
    match growth(Ext4::open(image, &root)?.superblock(), room) {
        0 => Ok(mbr),
        missing => Err(GrowError::StillTooSmall {
            image: image.to_owned(),
            missing,
        }),
    }
}

fn extend(
    image: &Path,
    mut mbr: Mbr,
    root: &Partition,
    by: u64,
    limit: Option<u64>,
) -> Result<Mbr, GrowError> {
    if let Some(later) = mbr.partitions().find(|p| p.start > root.start) {
        return Err(GrowError::NotLast {
            root: root.number,
            later: later.number,
        });
    }
    let end = (root.offset() + root.size())
        .saturating_add(by)
        .checked_next_multiple_of(STEP)
        .unwrap_or(u64::MAX);
    check_limit(end, limit)?;
    let end = Sectors::within(end);
    mbr.set(Partition {
        length: Sectors::new(end.count() - root.start.count()),
        ..*root
    })?;
    write_grown(image, &mbr, end).map_err(|source| GrowError::Io {
        image: image.to_owned(),
        source,
    })?;
    Ok(mbr)
}

/// Refuses an image of `size` bytes that would pass `limit`.
pub(crate) fn check_limit(size: u64, limit: Option<u64>) -> Result<(), GrowError> {
    match limit {
        Some(limit) if size > limit => Err(GrowError::TooLarge { size, limit }),
        _ => Ok(()),
    }
}

fn write_grown(image: &Path, mbr: &Mbr, end: Sectors) -> io::Result<()> {
    let file = File::options().write(true).open(image)?;
    let size = file.metadata()?.len().max(end.count() * Sectors::SIZE);
    file.set_len(size)?;
    file.write_all_at(&mbr.to_bytes(), 0)
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
    /// The file could not be changed.
    #[error("cannot grow {}", image.display())]
    Io {
        /// The image.
        image: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file system could not be read.
    #[error("cannot read the file system that is to grow")]
    Read(#[from] Ext4Error),
    /// The file system could not be resized.
    #[error("cannot resize the file system")]
    Resize(#[from] WriteError),
    /// It was resized several times and still has not enough room.
    #[error("{} was grown and still lacks {missing} bytes of room", image.display())]
    StillTooSmall {
        /// The image.
        image: PathBuf,
        /// The bytes that are missing.
        missing: u64,
    },
}
