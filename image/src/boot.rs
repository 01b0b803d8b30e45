//! The part of an overlay that goes onto the FAT partition: planned, written, proved.

use std::path::Path;

use crate::card::{Card, CardError};
use crate::error::Error;
use crate::fat::{Fat, FatDamage, FatError, RawFound};
use crate::mbr::Partition;
use crate::overlay::{Entry, EntryPath, Kind, Overlay};
use crate::progress::Progress;
use crate::report::Written;
use crate::time::Timestamp;

/// The most that a file may take beyond its bytes: a cluster not full, and one more of its directory.
const SLACK: u64 = 64 << 10;

/// What is to be written to the FAT partition of a base.
pub(crate) struct BootPlan<'a> {
    entries: Vec<BootEntry<'a>>,
    /// Whether the base's own count of free clusters is wrong already, which harms nobody: it is a hint
    /// by which systems look for room sooner.
    miscounted: bool,
}

struct BootEntry<'a> {
    path: &'a EntryPath,
    /// The path on the partition.
    inner: &'a str,
    entry: &'a Entry,
}

impl<'a> BootPlan<'a> {
    /// Picks the entries below `/boot/firmware` and checks that they can be written to `base`, whose FAT must
    /// be sound also where there are none: a Pi that can't read it does not start.
    pub(crate) fn new(
        overlay: &'a Overlay,
        base: &Card,
        progress: &mut dyn Progress,
    ) -> Result<Self, Error> {
        let entries: Vec<_> = overlay
            .iter()
            .filter_map(|(path, entry)| {
                let inner = path.on_boot()?;
                Some(BootEntry { path, inner, entry })
            })
            .collect();
        let mut plan = Self {
            entries,
            miscounted: false,
        };
        match Fat::check(base.path(), base.mbr().boot()?) {
            Ok(()) => {}
            Err(FatError::Damaged {
                source: damage @ FatDamage::FreeCount { .. },
                ..
            }) => {
                progress.warn(&format!("on the base's FAT partition, {damage}"));
                plan.miscounted = true;
            }
            // The base's, not one of the writing.
            Err(error) => return Err(CardError::from(error).into()),
        }
        if !plan.entries.is_empty() {
            plan.check_room(base.boot())?;
        }
        Ok(plan)
    }

    fn check_room(&self, boot: &Fat) -> Result<(), Error> {
        let mut needed = 0;
        for BootEntry { path, entry, .. } in &self.entries {
            match &entry.kind {
                Kind::Symlink(_) => {
                    return Err(Error::LinkOnBoot {
                        path: path.to_string(),
                        origin: entry.origin.clone(),
                    });
                }
                Kind::File(bytes) => needed += bytes.len() as u64 + SLACK,
                Kind::Directory => needed += SLACK,
                Kind::Absent => {}
            }
        }
        let free = boot.free()?;
        if needed > free {
            return Err(Error::BootFull { free, needed });
        }
        Ok(())
    }

    /// Writes everything into `partition` of `image`.
    pub(crate) fn write(
        &self,
        image: &Path,
        partition: &Partition,
        timestamp: Timestamp,
    ) -> Result<(), Error> {
        if self.entries.is_empty() {
            return Ok(());
        }
        let fat = Fat::open_for_writing(image, partition, timestamp)?;
        for BootEntry { inner, entry, .. } in &self.entries {
            match &entry.kind {
                Kind::File(bytes) => fat.write(inner, bytes)?,
                Kind::Directory => fat.create_directory(inner)?,
                Kind::Absent => fat.remove(inner)?,
                // Refused when the plan was made.
                Kind::Symlink(_) => {}
            }
        }
        Ok(fat.close()?)
    }

    /// Reads everything back, not through the library that wrote it, and looks whether the file system
    /// is sound, also where nothing was written to it.
    pub(crate) fn prove(&self, image: &Path, partition: &Partition) -> Result<(), Error> {
        let fat = Fat::raw(image, partition)?;
        let damaged = |source| FatError::Damaged {
            image: image.to_owned(),
            source,
        };
        for BootEntry { path, inner, entry } in &self.entries {
            let matches = match (&entry.kind, fat.find(inner).map_err(damaged)?) {
                (Kind::File(wanted), RawFound::File(found)) => *wanted == found,
                (Kind::Directory, RawFound::Directory) | (Kind::Absent, RawFound::Nothing) => true,
                _ => false,
            };
            if !matches {
                return Err(Error::BootDiffers {
                    path: path.to_string(),
                });
            }
        }
        match fat.check() {
            Err(FatDamage::FreeCount { .. }) if self.miscounted => Ok(()),
            checked => Ok(checked.map_err(damaged)?),
        }
    }

    pub(crate) fn written(&self) -> impl Iterator<Item = Written> {
        self.entries
            .iter()
            .map(|BootEntry { path, entry, .. }| Written::on_boot(path, entry))
    }
}
