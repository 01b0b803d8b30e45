//! Reading an image piece by piece, leaving out what doesn't matter.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::allocation::Allocation;
use crate::bmap::BmapRange;

/// Bytes of a piece.
const PIECE: u64 = 1 << 20;
/// The longest range of a block map: what can be checked, or begun again, at once.
const LONGEST: u64 = 16 << 20;
/// What is handed out for what isn't read.
static ZEROS: [u8; 1 << 20] = [0; 1 << 20];

/// Some bytes of the image.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    /// They matter.
    Data(Arc<[u8]>),
    /// This many zeros in a place that doesn't matter.
    Free(usize),
    /// The range of the block map that consists of the pieces before is complete.
    EndOfRange,
}

impl Piece {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Data(bytes) => bytes,
            Self::Free(length) => &ZEROS[..*length],
            Self::EndOfRange => &[],
        }
    }
}

/// The ranges of a block map, without digests.
pub(super) fn ranges(allocation: &Allocation) -> Vec<Range<u64>> {
    let cut = |used: &Range<u64>| {
        let (start, end) = (used.start, used.end);
        // Cut at multiples of the length, so that a change in one place changes no other range.
        let cuts = (start / LONGEST + 1..end.div_ceil(LONGEST)).map(|n| n * LONGEST);
        let starts: Vec<_> = std::iter::once(start).chain(cuts).collect();
        let ends: Vec<_> = starts.iter().skip(1).copied().chain([end]).collect();
        starts.into_iter().zip(ends).map(|(start, end)| start..end)
    };
    allocation.used().iter().flat_map(cut).collect()
}

/// A range of bytes as one of blocks.
pub(super) fn in_blocks(range: &Range<u64>, sha256: [u8; 32]) -> BmapRange {
    BmapRange {
        first: range.start / Allocation::BLOCK,
        last: (range.end - 1) / Allocation::BLOCK,
        sha256: Some(sha256),
    }
}

/// Hands all of `file` to `take`, or only what matters.
pub(super) fn read(
    file: &File,
    allocation: &Allocation,
    with_free: bool,
    take: &mut dyn FnMut(Piece) -> io::Result<()>,
) -> io::Result<()> {
    let mut position = 0;
    for range in ranges(allocation) {
        if with_free {
            zeros(position..range.start, take)?;
        }
        let mut at = range.start;
        while at < range.end {
            let length = (range.end - at).min(PIECE);
            let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            file.read_exact_at(&mut bytes, at)?;
            take(Piece::Data(bytes.into()))?;
            at += length;
        }
        take(Piece::EndOfRange)?;
        position = range.end;
    }
    if with_free {
        zeros(position..allocation.size(), take)?;
    }
    Ok(())
}

fn zeros(range: Range<u64>, take: &mut dyn FnMut(Piece) -> io::Result<()>) -> io::Result<()> {
    let mut left = range.end - range.start;
    while left > 0 {
        let length = left.min(PIECE);
        take(Piece::Free(
            usize::try_from(length).map_err(io::Error::other)?,
        ))?;
        left -= length;
    }
    Ok(())
}
