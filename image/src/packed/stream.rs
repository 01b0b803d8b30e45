//! An image read front to back.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use super::error::PackedError;
use super::open::Packed;

/// An image that is read front to back, unpacked on the way.
pub(crate) struct Stream<'a> {
    image: &'a Packed,
    from: &'a mut dyn Forward,
    read: &'a Counter,
}

impl<'a> Stream<'a> {
    pub(super) fn new(image: &'a Packed, from: &'a mut dyn Forward, read: &'a Counter) -> Self {
        Self { image, from, read }
    }

    /// How much of the file was read so far, packed as it is.
    pub(super) fn packed(&self) -> u64 {
        self.read.count()
    }

    /// Goes `count` bytes ahead. Returns how many that were: fewer at the end of what is packed. What is raw is
    /// not read, so there its end isn't seen.
    pub(crate) fn pass(&mut self, count: u64) -> io::Result<u64> {
        self.from.pass(count)
    }

    /// Tells a file that can't be read from one that can't be unpacked.
    pub(crate) fn failed(&self, error: io::Error) -> PackedError {
        self.image.failed(self.read, error)
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.from.read(bytes)
    }
}

/// What is read front to back, and where a part can be passed over.
pub(super) trait Forward: Read {
    /// Goes up to `count` bytes ahead, and returns how many.
    fn pass(&mut self, count: u64) -> io::Result<u64>;
}

/// A raw image: what is passed over is not read.
pub(super) struct Raw(pub(super) Counted);

impl Read for Raw {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl Forward for Raw {
    fn pass(&mut self, count: u64) -> io::Result<u64> {
        let by = i64::try_from(count).map_err(io::Error::other)?;
        self.0.seek(SeekFrom::Current(by))?;
        Ok(count)
    }
}

/// A stream out of a decoder: what is passed over must be unpacked too.
pub(super) struct Unpacked<R>(pub(super) R);

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl<R: Read> Forward for Unpacked<R> {
    fn pass(&mut self, count: u64) -> io::Result<u64> {
        io::copy(&mut (&mut self.0).take(count), &mut io::sink())
    }
}

/// How much of a file was read, for whoever can't ask it any more.
#[derive(Clone, Default)]
pub(super) struct Counter(Rc<Cell<u64>>);

impl Counter {
    pub(super) fn count(&self) -> u64 {
        self.0.get()
    }
}

/// A file that counts how much of it was read.
pub(super) struct Counted {
    file: File,
    read: Counter,
}

impl Counted {
    pub(super) fn new(file: File, read: Counter) -> Self {
        Self { file, read }
    }
}

impl Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(bytes)?;
        self.read.0.set(self.read.count() + count as u64);
        Ok(count)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
