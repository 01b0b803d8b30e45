//! What an image is written onto: a disk, or a file in the place of one.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use rustix::fs::{Advice, FallocateFlags};

use super::buffer::Buffer;

/// How much may be written before it must be on the disk: progress that only fills memory is none.
const MOST_DIRTY: u64 = 32 << 20;
/// Zeros are written in pieces of this many bytes where the disk can't make them by itself.
const ZEROS: usize = 1 << 20;

/// Where an image is written to. Everything is positional, and what was written and synced is read back from
/// the medium itself, not from memory.
pub trait Target: Send {
    /// Its size in bytes.
    fn size(&self) -> u64;

    /// Bytes in a sector: positions and lengths are multiples of it.
    fn sector(&self) -> u64;

    /// Writes all of `bytes` at position `at`.
    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Makes `length` bytes from `at` on read as zeros.
    fn zero_at(&mut self, at: u64, length: u64) -> io::Result<()>;

    /// Fills `bytes` from position `at` on.
    fn read_at(&mut self, bytes: &mut [u8], at: u64) -> io::Result<()>;

    /// Makes what was written durable, and forgets what is in memory of it.
    fn sync(&mut self) -> io::Result<()>;
}

/// A disk that is opened for direct I/O, or a regular file.
#[derive(Debug)]
pub struct FileTarget {
    file: File,
    size: u64,
    /// Bytes in a sector if memory is gone around, so that what is read was on the disk.
    direct: Option<u64>,
    /// Bytes written since the last sync.
    dirty: u64,
    /// Whether the disk makes zeros by itself, as long as it hasn't refused to.
    quick_zeros: bool,
}

impl FileTarget {
    /// `file`, of `size` bytes. `direct` is the size of a sector of a disk that was opened for direct I/O.
    pub(super) fn new(file: File, size: u64, direct: Option<u64>) -> Self {
        Self {
            file,
            size,
            direct,
            dirty: 0,
            quick_zeros: true,
        }
    }

    /// Takes an open regular file.
    pub fn of_file(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(Self::new(file, size, None))
    }

    fn written(&mut self, bytes: u64) -> io::Result<()> {
        self.dirty += bytes;
        if self.direct.is_none() && self.dirty >= MOST_DIRTY {
            self.dirty = 0;
            self.file.sync_data()?;
        }
        Ok(())
    }
}

impl Target for FileTarget {
    fn size(&self) -> u64 {
        self.size
    }

    fn sector(&self) -> u64 {
        self.direct.unwrap_or(1)
    }

    fn write_at(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, at)?;
        self.written(bytes.len() as u64)
    }

    fn zero_at(&mut self, at: u64, length: u64) -> io::Result<()> {
        if self.quick_zeros {
            // On a disk the kernel does this only where the disk promises that zeros are read then.
            let how = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            if rustix::fs::fallocate(&self.file, how, at, length).is_ok() {
                return Ok(());
            }
            self.quick_zeros = false;
        }
        let zeros = Buffer::new(ZEROS);
        let (mut at, end) = (at, at + length);
        while at < end {
            let count = usize::try_from(end - at).unwrap_or(ZEROS).min(ZEROS);
            self.write_at(&zeros.bytes()[..count], at)?;
            at += count as u64;
        }
        Ok(())
    }

    fn read_at(&mut self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(bytes, at)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.dirty = 0;
        self.file.sync_all()?;
        if self.direct.is_none() {
            rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_made_whether_or_not_holes_can_be() {
        for quick_zeros in [true, false] {
            let file = tempfile::tempfile().unwrap();
            file.write_all_at(&vec![7; 3 << 20], 0).unwrap();
            let mut target = FileTarget::of_file(file).unwrap();
            target.quick_zeros = quick_zeros;
            target.zero_at(4096, (2 << 20) + 512).unwrap();
            let mut found = vec![1; 3 << 20];
            target.sync().unwrap();
            target.read_at(&mut found, 0).unwrap();
            let mut wanted = vec![7; 3 << 20];
            wanted[4096..4096 + (2 << 20) + 512].fill(0);
            assert!(found == wanted, "{quick_zeros}");
        }
    }
}
