//! The allocation map of an image.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::ext4;
use super::ranges::{Collector, between, in_blocks};
use crate::card::{CardError, read_table};
use crate::fat::RawFat;
use crate::mbr::{Mbr, Partition, PartitionType};
use crate::pieces::is_zero;
use crate::window::Window;

/// In front of the first partition this much counts in any case: a card may have had another kind of
/// partition table or another boot loader there, which must not come back to life.
const FRONT: u64 = 1 << 20;

/// Which bytes of an image matter, in blocks of [`BLOCK`](Self::BLOCK) bytes.
///
/// What matters is what the file systems' books say is in use, the books themselves, and what is not zero outside
/// of file systems. A file system that can't be read counts as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    size: u64,
    used: Vec<Range<u64>>,
}

impl Allocation {
    /// The unit of the map, that of block maps and of most file systems.
    pub const BLOCK: u64 = 4096;

    /// Reads the books of the image at `path`.
    ///
    /// # Errors
    ///
    /// If it has no partition table that can be read, or can't be read itself.
    pub fn read(path: &Path) -> Result<Self, AllocationError> {
        let (mbr, size) = read_table(path)?;
        let file = File::open(path).map_err(|source| AllocationError::io(path, source))?;
        let exact = in_bytes(&file, &mbr, size);
        exact
            .map(|exact| Self::of(&exact, size))
            .map_err(|source| AllocationError::io(path, source))
    }

    pub(super) fn of(exact: &[Range<u64>], size: u64) -> Self {
        Self {
            size,
            used: in_blocks(exact, Self::BLOCK, size),
        }
    }

    /// The size of the image in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The ranges of bytes that matter: ascending, apart from each other, in whole blocks but for the end of
    /// the image.
    pub fn used(&self) -> &[Range<u64>] {
        &self.used
    }

    /// The ranges of bytes between them.
    pub fn free(&self) -> impl Iterator<Item = Range<u64>> {
        between(&self.used, self.size)
    }

    /// How many bytes matter.
    pub fn bytes(&self) -> u64 {
        self.used.iter().map(|range| range.end - range.start).sum()
    }
}

/// The bytes that matter, not in blocks: ascending and apart from each other.
pub(super) fn in_bytes(file: &File, mbr: &Mbr, size: u64) -> io::Result<Vec<Range<u64>>> {
    let mut used = Collector::default();
    used.add(0..FRONT.min(size));
    let mut partitions: Vec<_> = mbr.partitions().collect();
    partitions.sort_by_key(|partition| partition.start);
    let mut taken = Vec::new();
    for partition in partitions {
        let bytes = partition.offset()..partition.end().count() * 512;
        if !collect(file, partition, &mut used)? {
            used.add(bytes.clone());
        }
        taken.push(bytes);
    }
    for gap in between(&taken, size) {
        collect_gap(file, gap, &mut used)?;
    }
    Ok(used.finish(size))
}

/// Collects what is used in a partition; `false` if that can't be told.
fn collect(file: &File, partition: &Partition, used: &mut Collector) -> io::Result<bool> {
    let window = Window::new(file.try_clone()?, partition.offset(), partition.size());
    if partition.kind.is_fat() {
        let Ok(fat) = RawFat::open(window) else {
            return Ok(false);
        };
        for range in fat.used() {
            used.add(partition.offset() + range.start..partition.offset() + range.end);
        }
        return Ok(true);
    }
    if partition.kind != PartitionType::LINUX {
        return Ok(false);
    }
    match ext4::collect(&window, partition.offset(), used) {
        // Its books lie outside of it.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        collected => collected,
    }
}

/// Collects the blocks outside of partitions that hold anything but zeros.
fn collect_gap(file: &File, gap: Range<u64>, used: &mut Collector) -> io::Result<()> {
    let mut block = [0; 4096];
    let mut position = gap.start;
    while let Some((start, end)) = crate::copy::next_data(file, position, gap.end)? {
        position = start;
        while position < end {
            let length = (end - position).min(block.len() as u64);
            // No longer than the block.
            let bytes = &mut block[..usize::try_from(length).unwrap_or(0)];
            file.read_exact_at(bytes, position)?;
            if !is_zero(bytes) {
                used.add(position..position + length);
            }
            position += length;
        }
    }
    Ok(())
}

/// Why there is no allocation map.
#[derive(Debug, thiserror::Error)]
pub enum AllocationError {
    /// It isn't a card image.
    #[error(transparent)]
    Card(#[from] CardError),
    /// It could not be read or written.
    #[error("cannot read the allocation map of {}", path.display())]
    Io {
        /// The image.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl AllocationError {
    fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        Self::Io { path, source }
    }
}
