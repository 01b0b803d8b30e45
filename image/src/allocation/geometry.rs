//! Where an ext4 file system keeps its books, from its superblock, without I/O.

use std::ops::Range;

use crate::ext4::Superblock;

const COMPAT_SPARSE_SUPER2: u32 = 0x200;
const INCOMPAT_META_BG: u32 = 0x10;
const INCOMPAT_64BIT: u32 = 0x80;
const RO_COMPAT_SPARSE_SUPER: u32 = 0x1;
const RO_COMPAT_GDT_CSUM: u32 = 0x10;
const RO_COMPAT_BIGALLOC: u32 = 0x200;
const RO_COMPAT_METADATA_CSUM: u32 = 0x400;
/// `bg_flags`: the block bitmap was never written; nothing in the group is used but its books.
const BLOCK_UNINIT: u16 = 0x2;

/// The layout of a file system. Blocks are its own, counted from its beginning.
#[derive(Debug)]
pub(super) struct Geometry {
    pub(super) block_size: u64,
    pub(super) blocks: u64,
    first: u64,
    per_group: u64,
    table_blocks: u64,
    descriptor_size: u64,
    reserved: u64,
    /// From this group of descriptors on, each lies in the groups that it describes.
    first_meta: Option<u64>,
    copies: Copies,
    has_flags: bool,
}

/// Which groups have a copy of the superblock.
#[derive(Debug)]
enum Copies {
    All,
    Powers,
    Two([u64; 2]),
}

/// What a descriptor says of its group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) block_bitmap: u64,
    pub(super) inode_bitmap: u64,
    pub(super) inode_table: Range<u64>,
    /// Whether there is a bitmap to read.
    pub(super) has_bitmap: bool,
}

impl Geometry {
    /// Reads what [`Superblock`] leaves out; `None` if it isn't a layout that is known here, or can't be.
    pub(super) fn parse(known: &Superblock, bytes: &[u8; 1024], size: u64) -> Option<Self> {
        let u16_at = |at: usize| u64::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        let u32_at = |at: usize| u16_at(at) | u16_at(at + 2) << 16;
        let has = |features: u32, bit: u32| features & bit != 0;
        let read_only = known.read_only_compatible;
        let descriptor_size = if has(known.incompatible, INCOMPAT_64BIT) {
            u16_at(0xFE)
        } else {
            32
        };
        let copies = if has(known.compatible, COMPAT_SPARSE_SUPER2) {
            Copies::Two([u32_at(0x24C), u32_at(0x250)])
        } else if has(read_only, RO_COMPAT_SPARSE_SUPER) {
            Copies::Powers
        } else {
            Copies::All
        };
        let inodes = u64::from(known.inodes_per_group);
        let geometry = Self {
            block_size: known.block_size,
            blocks: known.blocks,
            first: u32_at(0x14),
            per_group: known.blocks_per_group.into(),
            table_blocks: (inodes * u64::from(known.inode_size)).div_ceil(known.block_size),
            descriptor_size,
            reserved: u16_at(0xCE),
            first_meta: has(known.incompatible, INCOMPAT_META_BG).then(|| u32_at(0x104)),
            copies,
            has_flags: has(read_only, RO_COMPAT_GDT_CSUM | RO_COMPAT_METADATA_CSUM),
        };
        let is_possible = !has(read_only, RO_COMPAT_BIGALLOC)
            && known.size() <= size
            && geometry.first < geometry.blocks
            && (256..=8 * geometry.block_size).contains(&geometry.per_group)
            && matches!(descriptor_size, 32..=1024)
            && descriptor_size.is_power_of_two();
        is_possible.then_some(geometry)
    }

    pub(super) fn groups(&self) -> u64 {
        (self.blocks - self.first).div_ceil(self.per_group)
    }

    /// The blocks of a group.
    pub(super) fn group(&self, group: u64) -> Range<u64> {
        let start = self.first + group * self.per_group;
        start..(start + self.per_group).min(self.blocks)
    }

    /// Descriptors in a block.
    fn per_block(&self) -> u64 {
        self.block_size / self.descriptor_size
    }

    /// Blocks of descriptors that lie behind each superblock.
    fn table(&self) -> u64 {
        let all = self.groups().div_ceil(self.per_block());
        self.first_meta.map_or(all, |first| first.min(all))
    }

    /// The byte at which the descriptor of `group` begins.
    pub(super) fn descriptor(&self, group: u64) -> u64 {
        let number = group / self.per_block();
        let block = if number < self.table() {
            self.first + 1 + number
        } else {
            let home = number * self.per_block();
            self.group(home).start + u64::from(self.has_superblock(home))
        };
        block * self.block_size + group % self.per_block() * self.descriptor_size
    }

    pub(super) fn descriptor_size(&self) -> u64 {
        self.descriptor_size
    }

    /// Reads a descriptor.
    pub(super) fn parse_group(&self, bytes: &[u8]) -> Group {
        let u16_at = |at: usize| {
            let pair = bytes.get(at..at + 2).unwrap_or(&[0, 0]);
            u16::from_le_bytes([pair[0], pair[1]])
        };
        let u32_at = |at: usize| u64::from(u16_at(at)) | u64::from(u16_at(at + 2)) << 16;
        let is_wide = self.descriptor_size >= 64;
        let wide =
            |low: usize, high: usize| u32_at(low) | if is_wide { u32_at(high) << 32 } else { 0 };
        let table = wide(0x8, 0x28);
        Group {
            block_bitmap: wide(0x0, 0x20),
            inode_bitmap: wide(0x4, 0x24),
            inode_table: table..table.saturating_add(self.table_blocks),
            has_bitmap: !self.has_flags || u16_at(0x12) & BLOCK_UNINIT == 0,
        }
    }

    fn has_superblock(&self, group: u64) -> bool {
        group == 0
            || match &self.copies {
                Copies::All => true,
                Copies::Powers => group == 1 || [3, 5, 7].iter().any(|n| is_power(group, *n)),
                Copies::Two(groups) => groups.contains(&group),
            }
    }

    /// The blocks at the beginning of a group that hold copies of the superblock and of descriptors.
    pub(super) fn copies(&self, group: u64) -> Range<u64> {
        let start = self.group(group).start;
        let mut length = 0;
        if self.has_superblock(group) {
            length += 1;
            if !self.is_meta(group) {
                length += self.table();
            }
            // Room for descriptors to come is kept behind those that are there.
            if self.first_meta.is_none() {
                length += self.reserved;
            }
        }
        if self.has_own_descriptors(group) {
            length += 1;
        }
        start..(start + length).min(self.blocks)
    }

    /// Whether a block of descriptors lies in a group, with `meta_bg`: in the first, second and last of
    /// those that it describes.
    fn has_own_descriptors(&self, group: u64) -> bool {
        let per_block = self.per_block();
        let place = group % per_block;
        self.is_meta(group) && (place < 2 || place == per_block - 1)
    }

    /// Whether the descriptor of a group lies near it, and not in the table behind each superblock.
    fn is_meta(&self, group: u64) -> bool {
        self.first_meta
            .is_some_and(|first| group / self.per_block() >= first)
    }
}

fn is_power(mut number: u64, base: u64) -> bool {
    while number > 1 && number.is_multiple_of(base) {
        number /= base;
    }
    number == 1
}
