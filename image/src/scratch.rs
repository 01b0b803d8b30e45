//! Copies of card images to throw away: unpacked, or with their journal replayed, or to boot from.

use std::path::Path;

use crate::card::read_table;
use crate::copy::{CopyError, Draft, write_error};
use crate::error::Error;
use crate::ext4;
use crate::packed::{PackedError, Wanted, unpack};
use crate::progress::Progress;

/// A copy of a card image that only its owner can read and that is gone when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    draft: Draft,
}

impl Scratch {
    /// Copies `image` into `folder`; holes stay holes.
    pub fn copy(
        image: &Path,
        folder: &Path,
        progress: &mut dyn Progress,
    ) -> Result<Self, CopyError> {
        Self::beside(folder)?.filled(image, progress)
    }

    /// Copies `image` to where [`keep`](Self::keep) will give it the name `target`.
    pub fn copy_for(
        image: &Path,
        target: &Path,
        progress: &mut dyn Progress,
    ) -> Result<Self, CopyError> {
        let draft = Draft::beside(target)?;
        Self { draft }.filled(image, progress)
    }

    /// Gives the copy its name, in place of a file that may be there; it stays.
    pub fn keep(self) -> Result<(), CopyError> {
        self.draft.commit()
    }

    fn filled(mut self, image: &Path, progress: &mut dyn Progress) -> Result<Self, CopyError> {
        progress.begin("Copying image", None);
        self.draft.fill(image, 0, progress)?;
        progress.end("Copied image");
        Ok(self)
    }

    /// Copies `image` into `folder` and replays the journal of its root file system, as the Pi would at its
    /// next boot.
    pub fn replayed(
        image: &Path,
        folder: &Path,
        progress: &mut dyn Progress,
    ) -> Result<Self, Error> {
        let (mbr, size) = read_table(image)?;
        let root = mbr.root()?;
        let (start, end) = (root.offset(), root.offset() + root.size());
        progress.begin("Copying image", None);
        // In a file of its own: e2fsck forgets that a file system begins later once it has replayed.
        let mut part = Draft::beside(&folder.join("partition.img"))?;
        part.check_room_for(image, size)?;
        part.copy_part(image, start..end, 0, progress)?;
        ext4::replay(part.path())?;
        let mut scratch = Self::beside(folder)?;
        scratch.draft.copy_part(image, 0..start, 0, progress)?;
        let whole = 0..root.size();
        scratch
            .draft
            .copy_part(part.path(), whole, start, progress)?;
        scratch.draft.copy_part(image, end..size, end, progress)?;
        progress.end("Copied image");
        Ok(scratch)
    }

    /// Unpacks `source` into `folder`, whatever it is packed with.
    pub fn unpacked(
        source: &Path,
        folder: &Path,
        progress: &mut dyn Progress,
    ) -> Result<Self, PackedError> {
        let mut scratch =
            Self::beside(folder).map_err(|error| PackedError::write(source, error))?;
        let wanted = Wanted {
            step: ("Unpacking image", "Unpacked image"),
            size: None,
            hash: None,
        };
        unpack(source, &mut scratch.draft, wanted, progress)?;
        Ok(scratch)
    }

    fn beside(folder: &Path) -> Result<Self, CopyError> {
        let draft = Draft::beside(&folder.join("scratch.img"))?;
        Ok(Self { draft })
    }

    /// Where the copy is.
    pub fn path(&self) -> &Path {
        self.draft.path()
    }

    /// Makes the copy this many bytes long. What is added is zero, and takes no room.
    pub fn set_size(&mut self, size: u64) -> Result<(), CopyError> {
        let result = self.draft.file().set_len(size);
        result.map_err(|error| write_error(self.draft.path(), error))
    }
}
