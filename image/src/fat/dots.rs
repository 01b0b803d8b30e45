//! Correcting the directories that `fatfs` 0.3 makes.

use std::io::{Seek, SeekFrom, Write};

use super::check::FatDamage;
use super::layout::ENTRY;
use super::raw::RawFat;

/// `fatfs` gives `.` and `..` long names, which must not be, and lets `..` of a directory below the root
/// point to the root's cluster instead of 0. Both make `fsck.vfat` complain.
///
/// This puts the two entries of the new directory at `path`, which has no others yet, where they belong.
pub(super) fn mend(mut fat: RawFat, path: &str) -> Result<(), FatDamage> {
    let Some((parent, entry)) = fat.locate(path)? else {
        return Ok(());
    };
    let above = if parent == fat.root() {
        0
    } else {
        parent.first
    };
    let mut slots = Vec::with_capacity(4 * ENTRY);
    for (name, cluster) in [(b".          ", entry.first), (b"..         ", above)] {
        let old = fat.slot(&entry, name)?;
        let [low0, low1, high0, high1] = cluster.to_le_bytes();
        let mut slot = old;
        slot[20..22].copy_from_slice(&[high0, high1]);
        slot[26..28].copy_from_slice(&[low0, low1]);
        slots.extend(slot);
    }
    // The long names had two more; a slot of zeros ends a directory.
    slots.resize(4 * ENTRY, 0);
    let offset = fat.layout.cluster(entry.first).ok_or(FatDamage::Chain {
        first: entry.first,
        cluster: entry.first,
    })?;
    fat.window.seek(SeekFrom::Start(offset))?;
    Ok(fat.window.write_all(&slots)?)
}
