//! The facts in an ext4 superblock, parsed without I/O.

/// Where the superblock begins in a file system.
pub(crate) const OFFSET: u64 = 1024;
/// How long it is.
pub(crate) const SIZE: usize = 1024;

const COMPAT_ORPHAN_FILE: u32 = 0x1000;
const INCOMPAT_RECOVER: u32 = 0x4;
/// Features that change the format and that both the reader and the writer know: filetype, `meta_bg`,
/// extents, 64bit, `flex_bg`, `ea_inode`, `csum_seed`, `largedir`, `inline_data`.
const INCOMPAT_KNOWN: u32 = 0x2 | 0x10 | 0x40 | 0x80 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000;
/// Names of the incompatible features, by bit.
const INCOMPAT_NAMES: [(u32, &str); 9] = [
    (0x1, "compression"),
    (0x8, "journal_dev"),
    (0x100, "mmp"),
    (0x1000, "dirdata"),
    (0x1_0000, "encrypt"),
    (0x2_0000, "casefold"),
    (0x4_0000, "FEATURE_I18"),
    (0x8_0000, "FEATURE_I19"),
    (0x10_0000, "FEATURE_I20"),
];
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
        let state = u16_at(0x3A);
        if state & STATE_ERROR != 0 || state & STATE_VALID == 0 {
            return Err(SuperblockError::NotClean { state });
        }
        if superblock.blocks_per_group == 0 || superblock.inodes_per_group == 0 {
            return Err(SuperblockError::Groups);
        }
        Ok(superblock)
    }

    /// Refuses what neither may be written over nor is known.
    fn check_features(&self) -> Result<(), SuperblockError> {
        if self.incompatible & INCOMPAT_RECOVER != 0 {
            return Err(SuperblockError::NeedsRecovery);
        }
        let unknown = self.incompatible & !INCOMPAT_KNOWN;
        if unknown == 0 {
            return Ok(());
        }
        let mut names: Vec<String> = Vec::new();
        for bit in (0..32).map(|n| 1_u32 << n).filter(|bit| unknown & bit != 0) {
            let known = INCOMPAT_NAMES.iter().find(|(value, _)| *value == bit);
            names.push(known.map_or_else(|| format!("0x{bit:x}"), |(_, name)| (*name).to_owned()));
        }
        Err(SuperblockError::Features {
            names: names.join(", "),
        })
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
    /// It was not unmounted, or errors were seen in it.
    #[error("the ext4 file system was not unmounted cleanly or has errors (state {state})")]
    NotClean {
        /// `s_state`.
        state: u16,
    },
    /// Features that nobody here knows.
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
            Self::NeedsRecovery | Self::NotClean { .. } => Some(
                "take an image that was never booted, or repair this one: `e2fsck -fy 'IMAGE?offset=BYTES'`",
            ),
            Self::Magic { .. } | Self::BlockSize { .. } | Self::Groups | Self::Features { .. } => {
                None
            }
        }
    }
}
