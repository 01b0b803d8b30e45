//! A part of an image file, seen as if it were a file of its own.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

/// One partition of an image. Nothing outside of it can be read or written through this.
///
/// All access is positional, so that windows can share a file.
#[derive(Debug)]
pub(crate) struct Window {
    file: File,
    start: u64,
    size: u64,
    position: u64,
}

impl Window {
    /// The `size` bytes of `file` from `start` on.
    pub(crate) fn new(file: File, start: u64, size: u64) -> Self {
        Self {
            file,
            start,
            size,
            position: 0,
        }
    }

    /// How many bytes there are.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Fills `buffer` from `at` on.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let end = at.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "{} bytes at {at} lie outside of a partition of {} bytes",
                    buffer.len(),
                    self.size
                ),
            ));
        }
        self.file.read_exact_at(buffer, self.start + at)
    }

    /// How many of `wanted` bytes lie between the position and the end.
    fn available(&self, wanted: usize) -> usize {
        let left = self.size.saturating_sub(self.position);
        usize::try_from(left).map_or(wanted, |left| left.min(wanted))
    }
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = self.available(buffer.len());
        let count = self
            .file
            .read_at(&mut buffer[..wanted], self.start + self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Write for Window {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let wanted = self.available(buffer.len());
        let count = self
            .file
            .write_at(&buffer[..wanted], self.start + self.position)?;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "a position before the first byte",
            )
        })?;
        Ok(self.position)
    }
}
