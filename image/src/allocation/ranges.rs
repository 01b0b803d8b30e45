//! Sets of byte ranges, in whole blocks.

use std::ops::Range;

/// Collects ranges in any order; they may overlap.
#[derive(Debug, Default)]
pub(super) struct Collector {
    ranges: Vec<Range<u64>>,
}

impl Collector {
    /// Adds a range. One that continues the last one costs nothing, so that whole bitmaps can be told bit by bit.
    pub(super) fn add(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        match self.ranges.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.ranges.push(range),
        }
    }

    /// The ranges, ascending, merged, and cut off at `end`.
    pub(super) fn finish(mut self, end: u64) -> Vec<Range<u64>> {
        self.ranges.sort_by_key(|range| range.start);
        merged(self.ranges.into_iter(), end)
    }
}

/// Ascending ranges, widened to blocks of `block` bytes and merged.
pub(super) fn in_blocks(ranges: &[Range<u64>], block: u64, end: u64) -> Vec<Range<u64>> {
    let widened = ranges.iter().map(|range| {
        let start = range.start - range.start % block;
        start..range.end.next_multiple_of(block)
    });
    merged(widened, end)
}

fn merged(ranges: impl Iterator<Item = Range<u64>>, end: u64) -> Vec<Range<u64>> {
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges.map(|range| range.start..range.end.min(end)) {
        match merged.last_mut() {
            _ if range.is_empty() => {}
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// What lies between ascending `ranges`, before them, and after them up to `end`.
pub(super) fn between(ranges: &[Range<u64>], end: u64) -> impl Iterator<Item = Range<u64>> {
    let starts = std::iter::once(0).chain(ranges.iter().map(|range| range.end));
    let ends = ranges.iter().map(|range| range.start).chain([end]);
    starts
        .zip(ends)
        .map(|(start, end)| start..end)
        .filter(|gap| !gap.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_become_whole_blocks_that_neither_overlap_nor_touch() {
        let mut collector = Collector::default();
        for range in [
            9000..9001,
            0..10,
            10..20,
            4096..4097,
            5000..5000,
            30_000..99_999,
        ] {
            collector.add(range);
        }
        let exact = collector.finish(40_000);
        assert_eq!(exact, [0..20, 4096..4097, 9000..9001, 30_000..40_000]);
        let blocks = in_blocks(&exact, 4096, 40_000);
        assert_eq!(blocks, [0..12_288, 28_672..40_000]);
        let gaps: Vec<_> = between(&blocks, 40_000).collect();
        assert_eq!(
            gaps,
            [Range {
                start: 12_288,
                end: 28_672
            }]
        );
    }
}
