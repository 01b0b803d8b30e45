//! A file that gets data only where it isn't zero, and is told when it becomes too large.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use crate::copy::{CopyError, check_room, write_error};
use crate::pieces::is_zero;

/// Runs of zeros are left out in units of this many bytes.
pub(super) const HOLE: usize = 64 << 10;
/// How much data is written between two looks at how much room is left.
const LOOK_EVERY: u64 = 64 << 20;
/// Room that is left to others on the disk.
const RESERVE: u64 = 64 << 20;

/// A file in the making.
pub(super) struct Sparse<'a> {
    file: &'a mut File,
    /// Where it lies, for room and for errors.
    path: &'a Path,
    position: u64,
    /// Data written since the last look at the room.
    unseen: u64,
}

impl<'a> Sparse<'a> {
    /// Begins to fill the empty `file`, which lies at `path`.
    pub(super) fn new(file: &'a mut File, path: &'a Path) -> Self {
        Self {
            file,
            path,
            position: 0,
            unseen: LOOK_EVERY,
        }
    }

    /// How long it is so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Appends `bytes`, in pieces that begin at multiples of [`HOLE`] if all calls but the last have a
    /// multiple of it.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), CopyError> {
        for piece in bytes.chunks(HOLE) {
            if !is_zero(piece) {
                self.look()?;
                self.write(piece)
                    .map_err(|error| write_error(self.path, error))?;
                self.unseen += piece.len() as u64;
            }
            self.position += piece.len() as u64;
        }
        Ok(())
    }

    /// Refuses to fill the disk to its last byte.
    fn look(&mut self) -> Result<(), CopyError> {
        if self.unseen >= LOOK_EVERY {
            check_room(self.path, RESERVE)?;
            self.unseen = 0;
        }
        Ok(())
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.position))?;
        self.file.write_all(piece)
    }

    /// Ends the file after what was appended, be it a hole or not; returns its size.
    pub(super) fn finish(self) -> Result<u64, CopyError> {
        self.file
            .set_len(self.position)
            .map_err(|error| write_error(self.path, error))?;
        Ok(self.position)
    }
}
