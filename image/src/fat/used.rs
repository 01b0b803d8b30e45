//! Which parts of a FAT file system are in use.

use std::ops::Range;

use super::layout::Root;
use super::raw::RawFat;

impl RawFat {
    /// The bytes in use, from the beginning of the file system: what lies before the clusters, and every
    /// cluster that the table says is taken.
    pub(crate) fn used(&self) -> impl Iterator<Item = Range<u64>> {
        let layout = &self.layout;
        let books = layout
            .tables()
            .map(|(start, size)| start + size)
            .chain(match layout.root {
                Root::Area(start, size) => Some(start + size),
                Root::Cluster(_) => None,
            })
            .max()
            .unwrap_or_default();
        let clusters = (2..layout.end).filter_map(|cluster| {
            let value = layout.value(&self.table, cluster);
            if value == 0 || layout.is_bad(value) {
                return None;
            }
            let start = layout.cluster(cluster)?;
            Some(start..start + layout.cluster_size)
        });
        std::iter::once(0..books).chain(clusters)
    }
}
