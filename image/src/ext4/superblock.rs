//! The facts in an ext4 superblock, parsed without I/O.

use super::features::unfit;
use crate::error::DAMAGED;

/// Where the superblock begins in a file system.
pub(crate) const OFFSET: u64 = 1024;
/// How long it is.
pub(crate) const SIZE: usize = 1024;

const COMPAT_ORPHAN_FILE: u32 = 0x1000;
const COMPAT_JOURNAL: u32 = 0x4;
const INCOMPAT_FILETYPE: u32 = 0x2;
const INCOMPAT_RECOVER: u32 = 0x4;
/// `meta_bg`, which is in the first byte of the incompatible features.
const SPREAD: u8 = 0x10;
const READ_ONLY_ORPHANS: u32 = 0x1_0000;
/// In how large blocks the kernels of all Raspberry Pis can mount a file system: a page of memory.
const LARGEST_BLOCK: u64 = 4096;
/// The smallest inodes that have the room for dates after 2038 and checksums.
const SMALLEST_INODE: u16 = 256;
/// `s_state`: cleanly unmounted, and errors seen.
const STATE_VALID: u16 = 1;
const STATE_ERROR: u16 = 2;

/// What an ext4 file system says about itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Superblock {
    /// The volume label, `rootfs` on Raspberry Pi OS.
    pub label: String,
    /// Bytes in a block.
    pub block_size: u64,
    /// All blocks.
    pub blocks: u64,
    /// Blocks that no file uses; those reserved for root are among them.
    pub free_blocks: u64,
    /// All inodes.
    pub inodes: u32,
    /// Inodes that no file uses.
    pub free_inodes: u32,
    /// Blocks in a block group.
    pub blocks_per_group: u32,
    /// Inodes in a block group.
    pub inodes_per_group: u32,
    /// Bytes in an inode.
    pub inode_size: u16,
    /// Compatible features, as bits.
    pub compatible: u32,
    /// Incompatible features, as bits.
    pub incompatible: u32,
    /// Features that allow only reading where they are unknown, as bits.
    pub read_only_compatible: u32,
}

impl Superblock {
    /// Reads a superblock.
    pub fn parse(bytes: &[u8; SIZE]) -> Result<Self, SuperblockError> {
        let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let u32_at = |at: usize| u32::from(u16_at(at)) | u32::from(u16_at(at + 2)) << 16;
        if u16_at(0x38) != 0xEF53 {
            return Err(SuperblockError::Magic {
                actual: u16_at(0x38),
            });
        }
        // 64 KiB is the largest block that the format allows.
        let block_size = match u32_at(0x18) {
            shift @ 0..=6 => 1024 << shift,
            shift => return Err(SuperblockError::BlockSize { shift }),
        };
        let incompatible = u32_at(0x60);
        let wide = |low: usize, high: usize| {
            let high = if incompatible & 0x80 == 0 {
                0
            } else {
                u32_at(high)
            };
            u64::from(u32_at(low)) | u64::from(high) << 32
        };
        let label = bytes[0x78..0x88].split(|b| *b == 0).next().unwrap_or(&[]);
        let superblock = Self {
            label: String::from_utf8_lossy(label).into_owned(),
            block_size,
            blocks: wide(0x4, 0x150),
            free_blocks: wide(0xC, 0x158),
            inodes: u32_at(0x0),
            free_inodes: u32_at(0x10),
            blocks_per_group: u32_at(0x20),
            inodes_per_group: u32_at(0x28),
            inode_size: u16_at(0x58),
            compatible: u32_at(0x5C),
            incompatible,
            read_only_compatible: u32_at(0x64),
        };
        superblock.check_features()?;
        // The number of the device that the journal is on, if that is another.
        if superblock.compatible & COMPAT_JOURNAL != 0 && u32_at(0xE4) != 0 {
            return Err(SuperblockError::JournalElsewhere);
        }
        match u16_at(0x3A) {
            state if state & STATE_ERROR != 0 => return Err(SuperblockError::HasErrors),
            state if state & STATE_VALID == 0 => return Err(SuperblockError::NotClean { state }),
            _ => {}
        }
        if superblock.blocks_per_group == 0 || superblock.inodes_per_group == 0 {
            return Err(SuperblockError::Groups);
        }
        if superblock.block_size > LARGEST_BLOCK {
            return Err(SuperblockError::LargeBlocks {
                size: superblock.block_size,
            });
        }
        if superblock.inode_size < SMALLEST_INODE {
            return Err(SuperblockError::SmallInodes {
                size: superblock.inode_size,
            });
        }
        Ok(superblock)
    }

    /// Reads the superblock of a file system that may have been in use; the second value says what
    /// [`parse`](Self::parse) would have refused it for. One whose journal has not been replayed is refused
    /// here too: what its tree says is not what was written last.
    pub(super) fn parse_used(
        bytes: &[u8; SIZE],
    ) -> Result<(Self, Option<SuperblockError>), SuperblockError> {
        let why = match Self::parse(bytes) {
            Err(why @ (SuperblockError::NotClean { .. } | SuperblockError::HasErrors)) => why,
            parsed => return Ok((parsed?, None)),
        };
        let mut clean = *bytes;
        clean[0x3A..0x3C].copy_from_slice(&STATE_VALID.to_le_bytes());
        Ok((Self::parse(&clean)?, Some(why)))
    }

    /// Reads the superblock of a file system of which only the books are wanted: what is free in it. Group
    /// descriptors that are spread out (`meta_bg`) are found there, although nothing can be written so.
    pub(crate) fn parse_for_books(bytes: &[u8; SIZE]) -> Result<Self, SuperblockError> {
        let mut gathered = *bytes;
        gathered[0x60] &= !SPREAD;
        let mut superblock = Self::parse(&gathered)?;
        superblock.incompatible |= u32::from(bytes[0x60] & SPREAD);
        Ok(superblock)
    }

    /// Refuses what neither may be written over nor is known.
    fn check_features(&self) -> Result<(), SuperblockError> {
        if self.incompatible & INCOMPAT_RECOVER != 0 {
            return Err(SuperblockError::NeedsRecovery);
        }
        if self.read_only_compatible & READ_ONLY_ORPHANS != 0 {
            return Err(SuperblockError::Orphans);
        }
        if self.incompatible & INCOMPAT_FILETYPE == 0 {
            return Err(SuperblockError::NoFiletype);
        }
        let names = unfit(
            self.compatible,
            self.incompatible,
            self.read_only_compatible,
        );
        if names.is_empty() {
            return Ok(());
        }
        Err(SuperblockError::Features { names })
    }

    /// Bytes that are free, those reserved for root included.
    pub fn free_bytes(&self) -> u64 {
        self.free_blocks.saturating_mul(self.block_size)
    }

    /// The size of the file system in bytes.
    pub fn size(&self) -> u64 {
        self.blocks.saturating_mul(self.block_size)
    }

    /// Whether it has an orphan file, which e2fsprogs older than 1.47 doesn't know.
    pub fn has_orphan_file(&self) -> bool {
        self.compatible & COMPAT_ORPHAN_FILE != 0
    }
}

/// Why a file system is not one to read or write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SuperblockError {
    /// It isn't ext4.
    #[error("there is no ext4 file system: the magic number is 0x{actual:04x}, not 0xef53")]
    Magic {
        /// What is there instead.
        actual: u16,
    },
    /// The block size is out of range.
    #[error("the ext4 block size is 1 KiB shifted by {shift}, at most 6 is allowed")]
    BlockSize {
        /// The exponent in the superblock.
        shift: u32,
    },
    /// Groups without blocks or inodes.
    #[error("the ext4 superblock is damaged: its block groups are empty")]
    Groups,
    /// The journal has not been replayed: the file system was in use when it was copied.
    #[error("the ext4 file system needs its journal replayed (needs_recovery is set)")]
    NeedsRecovery,
    /// It was not unmounted.
    #[error("the ext4 file system was not unmounted cleanly (state {state})")]
    NotClean {
        /// `s_state`.
        state: u16,
    },
    /// The kernel saw errors in it and wrote that down.
    #[error("the ext4 file system is marked as having errors")]
    HasErrors,
    /// The journal is on another device.
    #[error("the ext4 file system has its journal on another device")]
    JournalElsewhere,
    /// Directories don't say what their entries are, as in file systems of the last century.
    #[error("the ext4 file system lacks the feature filetype")]
    NoFiletype,
    /// The blocks are larger than a page of memory on most Pis.
    #[error(
        "the ext4 file system has blocks of {size} bytes, a Raspberry Pi can mount {LARGEST_BLOCK} at most"
    )]
    LargeBlocks {
        /// Bytes in a block.
        size: u64,
    },
    /// The inodes are those of ext2.
    #[error(
        "the ext4 file system has inodes of {size} bytes, {SMALLEST_INODE} are needed at least"
    )]
    SmallInodes {
        /// Bytes in an inode.
        size: u16,
    },
    /// Files that were deleted while they were open wait to be cleaned up: it was in use when copied.
    #[error("the ext4 file system has deleted files to clean up (orphan_present is set)")]
    Orphans,
    /// It ends behind its partition.
    #[error("the ext4 file system has {size} bytes, and its partition only {partition}")]
    BeyondPartition {
        /// The size of the file system in bytes.
        size: u64,
        /// The size of the partition in bytes.
        partition: u64,
    },
    /// Features with which it can't be written.
    #[error("the ext4 file system has features that are not supported: {names}")]
    Features {
        /// Their names, or their bits.
        names: String,
    },
}

impl SuperblockError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NeedsRecovery | Self::NotClean { .. } | Self::HasErrors | Self::Orphans => Some(
                "take an image that was never booted, or repair this one: `e2fsck -fy 'IMAGE?offset=BYTES'`",
            ),
            Self::Features { .. }
            | Self::LargeBlocks { .. }
            | Self::SmallInodes { .. }
            | Self::NoFiletype
            | Self::JournalElsewhere => Some(
                "take a base whose root file system is made as Raspberry Pi OS makes it: `mke2fs -t ext4 -b 4096`",
            ),
            Self::BeyondPartition { .. } | Self::Groups => {
                Some("the image is damaged or cut off: take another copy of it")
            }
            Self::Magic { .. } | Self::BlockSize { .. } => Some(DAMAGED),
        }
    }
}
