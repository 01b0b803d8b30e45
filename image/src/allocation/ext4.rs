//! What is used on an ext4 file system: the block bitmaps, and the books themselves.

use std::io;
use std::ops::Range;

use super::geometry::Geometry;
use super::ranges::Collector;
use crate::ext4::Superblock;
use crate::window::Window;

/// Tells `used` which bytes of the file system in `window` are used, counted from `offset`. Returns whether
/// that could be found out: of layouts that are not known everything counts.
pub(super) fn collect(window: &Window, offset: u64, used: &mut Collector) -> io::Result<bool> {
    let mut bytes = [0; 1024];
    window.read_exact_at(&mut bytes, 1024)?;
    let Ok(superblock) = Superblock::parse_for_books(&bytes) else {
        return Ok(false);
    };
    let Some(geometry) = Geometry::parse(&superblock, &bytes, window.size()) else {
        return Ok(false);
    };
    let size = geometry.block_size;
    let mut add = |blocks: Range<u64>| {
        used.add(offset + blocks.start * size..offset + blocks.end.min(geometry.blocks) * size);
    };
    // Before the first group there may be a boot sector.
    add(0..geometry.group(0).start);
    let mut bitmap = vec![0; usize::try_from(size).map_err(io::Error::other)?];
    let length = usize::try_from(geometry.descriptor_size()).map_err(io::Error::other)?;
    let mut descriptor = vec![0; length];
    for number in 0..geometry.groups() {
        window.read_exact_at(&mut descriptor, geometry.descriptor(number))?;
        let group = geometry.parse_group(&descriptor);
        add(geometry.copies(number));
        let own =
            [group.block_bitmap, group.inode_bitmap].map(|block| block..block.saturating_add(1));
        for range in own.into_iter().chain([group.inode_table]) {
            if range.end > geometry.blocks {
                return Ok(false);
            }
            add(range);
        }
        if !group.has_bitmap {
            continue;
        }
        window.read_exact_at(&mut bitmap, group.block_bitmap * size)?;
        let blocks = geometry.group(number);
        let mut bits = bitmap
            .iter()
            .flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1));
        for block in blocks {
            if bits.next() == Some(1) {
                add(block..block + 1);
            }
        }
    }
    Ok(true)
}
