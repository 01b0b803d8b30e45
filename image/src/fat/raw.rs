//! A reader for FAT of our own, which shares no code with the `fatfs` that writes.

use std::io;

use super::check::FatDamage;
use super::layout::{ENTRY, Layout, Root, Width};
use crate::window::Window;

const ATTRIBUTE_LABEL: u8 = 0x08;
const ATTRIBUTE_DIRECTORY: u8 = 0x10;
/// The combination that marks a piece of a long name.
const ATTRIBUTE_LONG_NAME: u8 = 0x0F;
const FREE: u8 = 0xE5;
/// Where the characters of a long name's piece lie.
const LONG_NAME_AT: [usize; 13] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

/// An opened file system: its layout, and its table in memory.
#[derive(Debug)]
pub(crate) struct RawFat {
    pub(super) window: Window,
    pub(super) layout: Layout,
    pub(super) table: Vec<u8>,
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawEntry {
    /// The long name, or the short one if there is no other.
    pub(super) name: String,
    pub(super) is_directory: bool,
    /// The first cluster; 0 if there is none.
    pub(super) first: u32,
    pub(super) size: u32,
}

/// What was found at a path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RawFound {
    File(Vec<u8>),
    Directory,
    Nothing,
}

impl RawFat {
    pub(crate) fn open(window: Window) -> Result<Self, FatDamage> {
        let mut sector = [0; 512];
        window.read_exact_at(&mut sector, 0)?;
        let layout = Layout::parse(&sector, window.size())?;
        let mut table = Vec::new();
        if let Some((offset, size)) = layout.tables().next() {
            table = read(&window, offset, size)?;
        }
        Ok(Self {
            window,
            layout,
            table,
        })
    }

    /// What lies at `path`, relative to the root and without a leading slash.
    pub(crate) fn find(&self, path: &str) -> Result<RawFound, FatDamage> {
        match self.locate(path)? {
            None => Ok(RawFound::Nothing),
            Some((_, entry)) if entry.is_directory => Ok(RawFound::Directory),
            Some((_, entry)) => self.bytes(&entry).map(RawFound::File),
        }
    }

    /// The entry at `path`, and that of the directory it is in.
    pub(super) fn locate(&self, path: &str) -> Result<Option<(RawEntry, RawEntry)>, FatDamage> {
        let mut parent = self.root();
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            let wanted = name.to_uppercase();
            let entries = self.directory(&parent)?;
            let Some(entry) = entries
                .into_iter()
                // FAT names differ in more than case.
                .find(|entry| entry.name.to_uppercase() == wanted)
            else {
                return Ok(None);
            };
            match (names.peek(), entry.is_directory) {
                (None, _) => return Ok(Some((parent, entry))),
                (Some(_), true) => parent = entry,
                (Some(_), false) => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The entry that the root directory would have.
    pub(super) fn root(&self) -> RawEntry {
        RawEntry {
            name: String::new(),
            is_directory: true,
            first: match self.layout.root {
                Root::Cluster(first) => first,
                Root::Area(..) => 0,
            },
            size: 0,
        }
    }

    /// The clusters that follow each other from `first` on.
    pub(super) fn chain(&self, first: u32) -> Result<Vec<u32>, FatDamage> {
        let mut chain = Vec::new();
        let mut cluster = first;
        loop {
            if self.layout.cluster(cluster).is_none() {
                return Err(FatDamage::Chain { first, cluster });
            }
            chain.push(cluster);
            if chain.len() >= self.layout.end as usize {
                return Err(FatDamage::Loop { first });
            }
            let next = self.layout.value(&self.table, cluster);
            if self.layout.is_last(next) {
                return Ok(chain);
            }
            cluster = next;
        }
    }

    /// The 32 bytes of the entry with this short name in `directory`; a missing one is damage.
    pub(super) fn slot(
        &self,
        directory: &RawEntry,
        name: &[u8; 11],
    ) -> Result<[u8; ENTRY], FatDamage> {
        let bytes = self.clusters(directory.first)?;
        let (slots, _) = bytes.as_chunks::<ENTRY>();
        slots
            .iter()
            .find(|slot| slot[..11] == *name)
            .copied()
            .ok_or(FatDamage::Chain {
                first: directory.first,
                cluster: directory.first,
            })
    }

    fn bytes(&self, entry: &RawEntry) -> Result<Vec<u8>, FatDamage> {
        if entry.size == 0 {
            return Ok(Vec::new());
        }
        let mut bytes = self.clusters(entry.first)?;
        bytes.truncate(entry.size as usize);
        Ok(bytes)
    }

    /// All bytes of the chain that begins at `first`.
    fn clusters(&self, first: u32) -> Result<Vec<u8>, FatDamage> {
        let mut bytes = Vec::new();
        for cluster in self.chain(first)? {
            // `chain` holds none that isn't there.
            let offset = self.layout.cluster(cluster).unwrap_or_default();
            bytes.extend(read(&self.window, offset, self.layout.cluster_size)?);
        }
        Ok(bytes)
    }

    /// The entries of a directory, `.` and `..` left out.
    pub(super) fn directory(&self, entry: &RawEntry) -> Result<Vec<RawEntry>, FatDamage> {
        let bytes = match (entry.first, self.layout.root) {
            (0, Root::Area(offset, size)) => read(&self.window, offset, size)?,
            (first, _) => self.clusters(first)?,
        };
        Ok(entries(&bytes, self.layout.width))
    }
}

fn read(window: &Window, offset: u64, size: u64) -> io::Result<Vec<u8>> {
    let size = usize::try_from(size).map_err(io::Error::other)?;
    let mut bytes = vec![0; size];
    window.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

fn entries(bytes: &[u8], width: Width) -> Vec<RawEntry> {
    let mut entries = Vec::new();
    let mut long = LongName::default();
    for slot in bytes.chunks_exact(ENTRY).take_while(|slot| slot[0] != 0) {
        let attributes = slot[11];
        if slot[0] == FREE {
            long = LongName::default();
        } else if attributes & 0x3F == ATTRIBUTE_LONG_NAME {
            long.add(slot);
        } else {
            let name = std::mem::take(&mut long).finish(&slot[..11]);
            if attributes & ATTRIBUTE_LABEL == 0 && slot[0] != b'.' {
                entries.push(entry(slot, name, width));
            }
        }
    }
    entries
}

fn entry(slot: &[u8], long: Option<String>, width: Width) -> RawEntry {
    let u16_at = |at: usize| u32::from(u16::from_le_bytes([slot[at], slot[at + 1]]));
    // The upper half means other things on the narrower kinds.
    let high = if width == Width::Fat32 { u16_at(20) } else { 0 };
    RawEntry {
        name: long.unwrap_or_else(|| short_name(slot)),
        is_directory: slot[11] & ATTRIBUTE_DIRECTORY != 0,
        first: u16_at(26) | high << 16,
        size: u16_at(28) | u16_at(30) << 16,
    }
}

/// `NAME    EXT` as `NAME.EXT`, or in lower case where the entry says that it is meant so.
fn short_name(slot: &[u8]) -> String {
    let part = |bytes: &[u8], lower: bool| {
        let text = String::from_utf8_lossy(bytes).trim_end().to_owned();
        if lower { text.to_lowercase() } else { text }
    };
    let base = part(&slot[..8], slot[12] & 0x08 != 0);
    let extension = part(&slot[8..11], slot[12] & 0x10 != 0);
    if extension.is_empty() {
        base
    } else {
        format!("{base}.{extension}")
    }
}

/// A long name in the making: its pieces lie before the short entry, the last one first.
#[derive(Default)]
struct LongName {
    /// UTF-16, in order.
    units: Vec<u16>,
    checksum: Option<u8>,
}

impl LongName {
    fn add(&mut self, slot: &[u8]) {
        if slot[0] & 0x40 != 0 || self.checksum != Some(slot[13]) {
            self.units.clear();
        }
        self.checksum = Some(slot[13]);
        let piece = LONG_NAME_AT.map(|at| u16::from_le_bytes([slot[at], slot[at + 1]]));
        self.units.splice(0..0, piece);
    }

    /// The name, if its checksum is that of the short name which follows it.
    fn finish(self, short: &[u8]) -> Option<String> {
        let sum = short
            .iter()
            .fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
        if self.checksum != Some(sum) {
            return None;
        }
        let end = self.units.iter().position(|unit| *unit == 0);
        let units = &self.units[..end.unwrap_or(self.units.len())];
        Some(String::from_utf16_lossy(units))
    }
}
