//! Making room: how much larger an image must become for its entries, and making it so.

use std::os::unix::fs::FileExt;

use crate::card::Card;
use crate::copy::{CopyError, Draft, write_error};
use crate::ext4::{Demand, Ext4, Ext4Error, Superblock, WriteError, minimum, resize};
use crate::mbr::{Mbr, MbrError, Partition, Sectors};
use crate::progress::Progress;
use crate::time::Timestamp;

/// Images grow in steps of the erase-block size that `mkfs` tools assume for SD cards.
const STEP: u64 = 4 << 20;
/// `resize2fs` leaves out a last group that would hold little but its own tables, so a growth may give
/// less than it should; then there is another.
const ROUNDS: u32 = 4;

/// How large an image becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImageSize {
    /// As large as its base, or larger by what is missing.
    #[default]
    AsNeeded,
    /// This many bytes, a multiple of 512: the root partition is made to reach to the end.
    Exactly(u64),
    /// As small as it can be with the free room that is wanted.
    Smallest,
}

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

/// Whether `base` must be resized to have `room` and `size`.
///
/// # Errors
///
/// Whatever can be said against it before anything is copied: too large, too small, not possible.
pub(crate) fn is_resized(base: &Card, room: Room, size: ImageSize) -> Result<bool, GrowError> {
    let root = base.mbr().root()?;
    let missing = growth(base.root().superblock(), room);
    let resized = match size {
        ImageSize::AsNeeded => missing > 0,
        ImageSize::Exactly(bytes) => bytes != base.size() || root.end().bytes() != Some(bytes),
        ImageSize::Smallest => true,
    };
    let later = base.mbr().partitions().find(|p| p.start > root.start);
    if let Some(later) = later.filter(|_| resized) {
        return Err(GrowError::NotLast {
            root: root.number,
            later: later.number,
        });
    }
    match size {
        ImageSize::AsNeeded => check_limit(base.size().saturating_add(missing), room.limit)?,
        ImageSize::Exactly(bytes) => check_exact(base, root, room, bytes, missing)?,
        // How small it will be is only known at the end.
        ImageSize::Smallest => {}
    }
    Ok(resized)
}

fn check_exact(
    base: &Card,
    root: &Partition,
    room: Room,
    size: u64,
    missing: u64,
) -> Result<(), GrowError> {
    if !size.is_multiple_of(Sectors::SIZE) {
        return Err(GrowError::Odd { size });
    }
    check_limit(size, room.limit)?;
    let end = root.offset() + root.size();
    let needed = if size < end {
        let least = minimum(base.path(), root)?;
        root.offset() + aim(base.root().superblock(), least, root, room)
    } else {
        end.saturating_add(missing)
    };
    if size < needed {
        return Err(GrowError::TooSmall { size, needed });
    }
    // Whether the table can say it.
    let length = Sectors::within(size - root.offset());
    Ok(base.mbr().clone().set(Partition { length, ..*root })?)
}

/// The bytes that the file system of `root` should have so that it has `room` and no more. `least` is
/// what it can be shrunk to as it is.
fn aim(superblock: &Superblock, least: u64, root: &Partition, room: Room) -> u64 {
    let used = superblock.size().saturating_sub(superblock.free_bytes());
    let wanted = used
        .saturating_add(room.demand.bytes)
        .saturating_add(room.free);
    let end = root.offset().saturating_add(wanted.max(least));
    let end = end.checked_next_multiple_of(STEP).unwrap_or(u64::MAX);
    end - root.offset()
}

/// Fills `draft` with `base`, its root partition, the last one, resized until it has `room` and the image
/// its `size`. Returns the table as it is afterwards.
///
/// `resize2fs` cuts a file off behind the size of the file system, whatever offset the file system has in
/// it, and with that its end. So the root partition is copied first, resized as a file of its own, and
/// then moved to its place behind the rest.
pub(crate) fn fill_resized(
    draft: &mut Draft,
    base: &Card,
    room: Room,
    size: ImageSize,
    timestamp: Timestamp,
    progress: &mut dyn Progress,
) -> Result<Mbr, GrowError> {
    let mut mbr = base.mbr().clone();
    let root = *mbr.root()?;
    draft.check_room_for(base.path(), room.demand.bytes)?;
    let partition = root.offset()..root.offset() + root.size();
    draft.copy_part(base.path(), partition, 0, progress)?;
    let mut alone = Alone::new(draft, root, timestamp);
    match size {
        ImageSize::AsNeeded => alone.grow(room)?,
        ImageSize::Exactly(bytes) => alone.resize_to(bytes, room)?,
        ImageSize::Smallest => {
            alone.shrink(room)?;
            alone.grow(room)?;
        }
    }
    let length = alone.partition.length;
    draft.insert_front(root.offset())?;
    draft.copy_part(base.path(), 0..root.offset(), 0, progress)?;
    let resized = Partition { length, ..root };
    mbr.set(resized)?;
    let end = match size {
        ImageSize::AsNeeded => base.size().max(root.offset() + resized.size()),
        ImageSize::Exactly(bytes) => bytes,
        ImageSize::Smallest => root.offset() + resized.size(),
    };
    let file = draft.file();
    file.set_len(end)
        .and_then(|()| file.write_all_at(&mbr.to_bytes(), 0))
        .map_err(|source| write_error(base.path(), source))?;
    Ok(mbr)
}

/// A file that is nothing but the root file system of an image.
struct Alone<'a> {
    draft: &'a mut Draft,
    /// Where it was in the image.
    root: Partition,
    /// Where it is in the file.
    partition: Partition,
    timestamp: Timestamp,
}

impl<'a> Alone<'a> {
    fn new(draft: &'a mut Draft, root: Partition, timestamp: Timestamp) -> Self {
        Self {
            draft,
            root,
            partition: Partition {
                start: Sectors::new(0),
                ..root
            },
            timestamp,
        }
    }

    fn superblock(&self) -> Result<Superblock, GrowError> {
        let root = Ext4::open(self.draft.path(), &self.partition)?;
        Ok(root.superblock().clone())
    }

    /// Makes the file and the file system in it as large as an image that ends at `end` has room for.
    fn resize_to_end(&mut self, end: u64) -> Result<(), GrowError> {
        let length = Sectors::within(end - self.root.offset());
        let shrinks = length < self.partition.length;
        self.partition.length = length;
        if !shrinks {
            self.set_length()?;
        }
        resize(self.draft.path(), &self.partition, self.timestamp)?;
        // The file ends where the file system does now.
        self.set_length()
    }

    fn set_length(&mut self) -> Result<(), GrowError> {
        let size = self.partition.size();
        let set = self.draft.file().set_len(size);
        Ok(set.map_err(|source| write_error(self.draft.path(), source))?)
    }

    /// Grows it until it has `room`.
    fn grow(&mut self, room: Room) -> Result<(), GrowError> {
        for _ in 0..ROUNDS {
            let missing = growth(&self.superblock()?, room);
            let end = self.root.offset() + self.partition.size();
            if missing == 0 {
                return check_limit(end, room.limit);
            }
            let end = end
                .saturating_add(missing)
                .checked_next_multiple_of(STEP)
                .unwrap_or(u64::MAX);
            check_limit(end, room.limit)?;
            self.resize_to_end(end)?;
        }
        match growth(&self.superblock()?, room) {
            0 => Ok(()),
            missing => Err(GrowError::StillTooSmall { missing }),
        }
    }

    /// Fits it to an image of `size` bytes, in which it must have `room`.
    fn resize_to(&mut self, size: u64, room: Room) -> Result<(), GrowError> {
        self.resize_to_end(size)?;
        match growth(&self.superblock()?, room) {
            0 => Ok(()),
            missing => Err(GrowError::TooSmall {
                size,
                needed: size.saturating_add(missing),
            }),
        }
    }

    /// Shrinks it as long as it has more than `room`. With each block group that goes its tables go too,
    /// so that there is still less to have room for.
    fn shrink(&mut self, room: Room) -> Result<(), GrowError> {
        for _ in 0..ROUNDS {
            let least = minimum(self.draft.path(), &self.partition)?;
            let aim = aim(&self.superblock()?, least, &self.root, room);
            if aim >= self.partition.size() {
                break;
            }
            self.resize_to_end(self.root.offset() + aim)?;
        }
        Ok(())
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
    /// A size that no number of sectors has.
    #[error("an image can't have {size} bytes: it has sectors of 512")]
    Odd {
        /// The size asked for.
        size: u64,
    },
    /// It doesn't fit into the size asked for.
    #[error("the image can't have {size} bytes: it needs {needed}")]
    TooSmall {
        /// The size asked for.
        size: u64,
        /// The size it needs for what is on it, what is added and what shall be free.
        needed: u64,
    },
    /// Something lies behind the root partition.
    #[error("partition {root} can't be resized: partition {later} lies behind it")]
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
