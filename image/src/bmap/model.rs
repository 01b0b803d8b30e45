//! What a block map says.

use std::ops::Range;

use super::BmapError;

/// No image has more bytes: offsets in files are signed.
const LARGEST_IMAGE: u64 = i64::MAX as u64;

/// A block map: ranges of blocks that matter. What is in the others is undefined: who copies the image may
/// leave there whatever is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bmap {
    image_size: u64,
    block_size: u64,
    ranges: Vec<BmapRange>,
}

/// Blocks that follow each other and matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BmapRange {
    /// The first block.
    pub first: u64,
    /// The last one; the range holds it.
    pub last: u64,
    /// The sha256 of the range's bytes, the last block only up to the end of the image. Maps of version 1.3
    /// have other digests, which are not read.
    pub sha256: Option<[u8; 32]>,
}

impl BmapRange {
    /// How many blocks there are in it.
    pub const fn blocks(&self) -> u64 {
        self.last - self.first + 1
    }
}

impl Bmap {
    /// A map of an image of `image_size` bytes. Ranges may touch, but not overlap.
    ///
    /// # Errors
    ///
    /// If the sizes are impossible, or the ranges are not ascending or leave the image.
    pub fn new(
        image_size: u64,
        block_size: u64,
        ranges: Vec<BmapRange>,
    ) -> Result<Self, BmapError> {
        if !block_size.is_power_of_two() || !(512..=64 << 20).contains(&block_size) {
            return Err(BmapError::BlockSize { size: block_size });
        }
        if image_size == 0 || image_size > LARGEST_IMAGE {
            return Err(BmapError::ImageSize { size: image_size });
        }
        let end = image_size.div_ceil(block_size) - 1;
        let mut previous = None;
        for range in &ranges {
            let (first, last) = (range.first, range.last);
            if first > last {
                return Err(BmapError::Backwards { first, last });
            }
            if let Some(previous) = previous.filter(|previous| first <= *previous) {
                return Err(BmapError::Order { previous, first });
            }
            if last > end {
                return Err(BmapError::Beyond { last, end });
            }
            previous = Some(last);
        }
        Ok(Self {
            image_size,
            block_size,
            ranges,
        })
    }

    /// The size of the image in bytes.
    pub const fn image_size(&self) -> u64 {
        self.image_size
    }

    /// Bytes in a block.
    pub const fn block_size(&self) -> u64 {
        self.block_size
    }

    /// The image's blocks; the last one may be shorter.
    pub const fn blocks(&self) -> u64 {
        self.image_size.div_ceil(self.block_size)
    }

    /// The blocks that matter.
    pub fn mapped_blocks(&self) -> u64 {
        self.ranges.iter().map(BmapRange::blocks).sum()
    }

    /// The bytes that matter.
    pub fn mapped_bytes(&self) -> u64 {
        let bytes = self.ranges.iter().map(|range| {
            let bytes = self.bytes(range);
            bytes.end - bytes.start
        });
        bytes.sum()
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[BmapRange] {
        &self.ranges
    }

    /// Where the bytes of one of its ranges lie in the image.
    pub fn bytes(&self, range: &BmapRange) -> Range<u64> {
        let at = |block: u64| block.saturating_mul(self.block_size).min(self.image_size);
        at(range.first)..at(range.last.saturating_add(1))
    }
}
