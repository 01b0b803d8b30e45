//! Where things are on a FAT file system, from its first sector, without I/O.

use super::check::FatDamage;

/// Bytes of a directory entry.
pub(super) const ENTRY: usize = 32;

/// How many bits of a table entry number a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Fat12,
    Fat16,
    Fat32,
}

/// Where the root directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// In clusters, like any other (FAT32).
    Cluster(u32),
    /// In an area of its own: its offset and its size in bytes.
    Area(u64, u64),
}

/// The positions of tables and clusters in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) width: Width,
    pub(super) cluster_size: u64,
    /// Clusters are numbered from 2 to this, exclusive.
    pub(super) end: u32,
    pub(super) root: Root,
    /// The sector that holds the number of free clusters, if there is one (FAT32).
    pub(super) info: Option<u64>,
    tables: u64,
    table_size: u64,
    table_count: u64,
    data: u64,
}

impl Layout {
    /// Reads the first sector of a file system in a partition of `size` bytes.
    pub(super) fn parse(sector: &[u8; 512], size: u64) -> Result<Self, FatDamage> {
        let u16_at = |at: usize| u64::from(u16::from_le_bytes([sector[at], sector[at + 1]]));
        let u32_at = |at: usize| u16_at(at) | u16_at(at + 2) << 16;
        let either = |small: u64, large: u64| if small == 0 { large } else { small };
        let bytes = u16_at(11);
        let per_cluster = u64::from(sector[13]);
        if !bytes.is_power_of_two() || bytes < 512 || !per_cluster.is_power_of_two() {
            return Err(FatDamage::Parameters);
        }
        let table_count = u64::from(sector[16]);
        let root_size = (u16_at(17) * ENTRY as u64).next_multiple_of(bytes);
        let table_size = either(u16_at(22), u32_at(36)) * bytes;
        let total = either(u16_at(19), u32_at(32)) * bytes;
        let tables = u16_at(14) * bytes;
        let root_area = tables + table_count * table_size;
        let data = root_area + root_size;
        let cluster_size = per_cluster * bytes;
        if table_count == 0 || table_size == 0 || tables == 0 || data >= total || total > size {
            return Err(FatDamage::Parameters);
        }
        let clusters = (total - data) / cluster_size;
        // The width follows from the number of clusters and nothing else.
        let (width, bits) = match clusters {
            0..4085 => (Width::Fat12, 12),
            4085..65_525 => (Width::Fat16, 16),
            _ => (Width::Fat32, 32),
        };
        let end = u32::try_from(clusters + 2).map_err(|_overflow| FatDamage::Parameters)?;
        if u64::from(end) * bits > table_size * 8 {
            return Err(FatDamage::Parameters);
        }
        let is_wide = width == Width::Fat32;
        Ok(Self {
            width,
            cluster_size,
            end,
            root: if is_wide {
                Root::Cluster(u32::try_from(u32_at(44)).unwrap_or(0))
            } else {
                Root::Area(root_area, root_size)
            },
            info: Some(u16_at(48))
                .filter(|sector| is_wide && !matches!(sector, 0 | 0xFFFF))
                .map(|sector| sector * bytes),
            tables,
            table_size,
            table_count,
            data,
        })
    }

    /// Offset and size of each copy of the table.
    pub(super) fn tables(&self) -> impl Iterator<Item = (u64, u64)> {
        let (first, size) = (self.tables, self.table_size);
        (0..self.table_count).map(move |number| (first + number * size, size))
    }

    /// The offset of `cluster`, if there is such a one.
    pub(super) fn cluster(&self, cluster: u32) -> Option<u64> {
        (2..self.end)
            .contains(&cluster)
            .then(|| self.data + u64::from(cluster - 2) * self.cluster_size)
    }

    /// The value for `cluster` in a copy of the table.
    pub(super) fn value(&self, table: &[u8], cluster: u32) -> u32 {
        let index = cluster as usize;
        let byte = |at: usize| table.get(at).copied().map_or(0, u32::from);
        match self.width {
            Width::Fat12 => {
                let pair = byte(index + index / 2) | byte(index + index / 2 + 1) << 8;
                if index.is_multiple_of(2) {
                    pair & 0xFFF
                } else {
                    pair >> 4
                }
            }
            Width::Fat16 => byte(index * 2) | byte(index * 2 + 1) << 8,
            Width::Fat32 => {
                let at = index * 4;
                let value = byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24;
                value & 0x0FFF_FFFF
            }
        }
    }

    /// Whether a table value ends a chain.
    pub(super) fn is_last(&self, value: u32) -> bool {
        value
            >= match self.width {
                Width::Fat12 => 0xFF8,
                Width::Fat16 => 0xFFF8,
                Width::Fat32 => 0x0FFF_FFF8,
            }
    }

    /// Whether a table value marks a cluster that can't be used.
    pub(super) fn is_bad(&self, value: u32) -> bool {
        value
            == match self.width {
                Width::Fat12 => 0xFF7,
                Width::Fat16 => 0xFFF7,
                Width::Fat32 => 0x0FFF_FFF7,
            }
    }
}
