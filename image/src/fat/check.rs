//! Whether a FAT file system is sound: what `fsck.vfat -n` looks for, in as far as writing files could
//! break it.

use std::io;

use super::layout::Root;
use super::raw::{RawEntry, RawFat};

impl RawFat {
    /// Walks the whole tree and compares it with the tables.
    ///
    /// # Errors
    ///
    /// The first [`FatDamage`] found.
    pub(crate) fn check(&self) -> Result<(), FatDamage> {
        self.compare_tables()?;
        let mut used = vec![false; self.layout.end as usize];
        let root = self.root();
        if let Root::Cluster(first) = self.layout.root {
            self.claim(first, "", &mut used)?;
        }
        let mut pending = vec![(String::new(), root)];
        while let Some((path, directory)) = pending.pop() {
            for entry in self.directory(&directory)? {
                let path = format!("{path}/{}", entry.name);
                self.check_entry(&entry, &path, &mut used)?;
                if entry.is_directory {
                    pending.push((path, entry));
                }
            }
        }
        self.compare_counts(&used)
    }

    fn check_entry(
        &self,
        entry: &RawEntry,
        path: &str,
        used: &mut [bool],
    ) -> Result<(), FatDamage> {
        if entry.first == 0 && entry.size == 0 && !entry.is_directory {
            return Ok(());
        }
        let clusters = self.claim(entry.first, path, used)?;
        let needed = u64::from(entry.size).div_ceil(self.layout.cluster_size);
        if !entry.is_directory && clusters != needed {
            return Err(FatDamage::Length {
                path: path.to_owned(),
                clusters,
                needed,
            });
        }
        Ok(())
    }

    /// Marks a chain as used by `path` alone; returns its length.
    fn claim(&self, first: u32, path: &str, used: &mut [bool]) -> Result<u64, FatDamage> {
        let chain = self.chain(first)?;
        for cluster in &chain {
            if std::mem::replace(&mut used[*cluster as usize], true) {
                return Err(FatDamage::Shared {
                    path: path.to_owned(),
                    cluster: *cluster,
                });
            }
        }
        Ok(chain.len() as u64)
    }

    fn compare_tables(&self) -> Result<(), FatDamage> {
        let mut copy = vec![0; self.table.len()];
        for (offset, _) in self.layout.tables().skip(1) {
            self.window.read_exact_at(&mut copy, offset)?;
            let differs = |cluster: &u32| {
                self.layout.value(&self.table, *cluster) != self.layout.value(&copy, *cluster)
            };
            if copy != self.table
                && let Some(cluster) = (2..self.layout.end).find(differs)
            {
                return Err(FatDamage::Tables { cluster });
            }
        }
        Ok(())
    }

    /// Compares what is in use with what the table and the information sector say.
    fn compare_counts(&self, used: &[bool]) -> Result<(), FatDamage> {
        let mut free = 0;
        for cluster in 2..self.layout.end {
            match self.layout.value(&self.table, cluster) {
                0 => free += 1,
                value if self.layout.is_bad(value) || used[cluster as usize] => {}
                _ => return Err(FatDamage::Lost { cluster }),
            }
        }
        let Some(info) = self.layout.info else {
            return Ok(());
        };
        let mut count = [0; 4];
        self.window.read_exact_at(&mut count, info + 488)?;
        match u32::from_le_bytes(count) {
            // Nobody has counted yet.
            u32::MAX => Ok(()),
            stored if stored == free => Ok(()),
            stored => Err(FatDamage::FreeCount { stored, free }),
        }
    }
}

/// What is wrong with a FAT file system.
#[derive(Debug, thiserror::Error)]
pub enum FatDamage {
    /// It can't be read.
    #[error("the FAT partition can't be read")]
    Io(#[from] io::Error),
    /// The first sector contradicts itself.
    #[error("the first sector doesn't describe a FAT file system")]
    Parameters,
    /// The copies of the table differ.
    #[error("the two copies of the allocation table differ at cluster {cluster}")]
    Tables {
        /// The first cluster for which they do.
        cluster: u32,
    },
    /// A chain leads to a cluster that isn't there.
    #[error("the chain from cluster {first} leads to {cluster}, which is none of a file")]
    Chain {
        /// Where the chain begins.
        first: u32,
        /// Where it leads.
        cluster: u32,
    },
    /// A chain has no end.
    #[error("the chain from cluster {first} runs in a circle")]
    Loop {
        /// Where the chain begins.
        first: u32,
    },
    /// Two files have a cluster in common.
    #[error("{path} and another file share cluster {cluster}")]
    Shared {
        /// The second of them.
        path: String,
        /// What they share.
        cluster: u32,
    },
    /// A file is longer or shorter than its chain.
    #[error("{path} needs {needed} clusters and has {clusters}")]
    Length {
        /// The file.
        path: String,
        /// How many it has.
        clusters: u64,
        /// How many its size asks for.
        needed: u64,
    },
    /// A cluster is taken by nobody.
    #[error("cluster {cluster} is in use, and no file has it")]
    Lost {
        /// Which one.
        cluster: u32,
    },
    /// The stored count is wrong.
    #[error("{free} clusters are free, and the information sector says {stored}")]
    FreeCount {
        /// What it says.
        stored: u32,
        /// How many there are.
        free: u32,
    },
}
