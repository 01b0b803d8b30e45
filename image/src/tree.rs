//! A card as the one tree that runs on the Pi, walked: directories as a whole, files bit by bit.
//!
//! What ext4 has below the mount point of the FAT partition is not seen, as on the Pi.

use std::io::Read;

use crate::card::{Card, CardError, on_boot};
use crate::ext4::{Found, FoundKind, Listed};
use crate::fat::FatKind;
use crate::overlay::Owner;

/// Permission bits of everything on FAT, as the Pi mounts it.
const FAT_MODE: u32 = 0o755;

impl Card {
    /// What is in the directory at `path` on the Pi, sorted by name; `None` if there is no such directory.
    pub(crate) fn entries(&self, path: &[u8]) -> Result<Option<Vec<Listed>>, CardError> {
        let boot = std::str::from_utf8(path).ok().and_then(on_boot);
        let Some(below) = boot else {
            return Ok(self.root().entries(path)?);
        };
        if self.boot().kind(below)? != Some(FatKind::Directory) {
            return Ok(None);
        }
        let entries = self.boot().list(below)?.into_iter();
        let mut listed: Vec<_> = entries
            .map(|entry| Listed {
                name: entry.name.into_bytes(),
                found: Found {
                    kind: match entry.kind {
                        FatKind::File(size) => FoundKind::File(size),
                        FatKind::Directory => FoundKind::Directory,
                    },
                    mode: FAT_MODE,
                    owner: Owner::ROOT,
                    modified: 0,
                },
            })
            .collect();
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(listed))
    }

    /// The file at `path` on the Pi to read bit by bit; an empty one if it isn't there.
    pub(crate) fn reader(&self, path: &[u8]) -> Result<Box<dyn Read + '_>, CardError> {
        let boot = std::str::from_utf8(path).ok().and_then(on_boot);
        let Some(below) = boot else {
            return Ok(Box::new(self.root().reader(path)?));
        };
        Ok(match self.boot().reader(below)? {
            Some(file) => Box::new(file),
            None => Box::new(std::io::empty()),
        })
    }
}
