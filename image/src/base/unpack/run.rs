//! From an archive to a raw image, whatever it is packed with.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;

use super::sparse::{HOLE, Sparse};
use super::xz::XzStreams;
use super::zip::only_image;
use crate::base::error::LocalError;
use crate::base::format::Format;
use crate::copy::{CopyError, Draft, go_on, write_error};
use crate::hex;
use crate::progress::Progress;

/// What no image of a card comes to: an archive that unpacks to more was made to fill disks.
const LARGEST: u64 = 64 << 30;

/// What is known of the image beforehand.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::base) struct Limits {
    /// Its size in bytes: unpacking ends early if there is more.
    pub(in crate::base) size: Option<u64>,
}

/// What was unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::base) struct Unpacked {
    /// Bytes of the image.
    pub(in crate::base) size: u64,
    /// Its sha256 in hexadecimal digits.
    pub(in crate::base) sha256: String,
}

/// Unpacks `source` into `draft`, which is empty.
pub(in crate::base) fn unpack(
    source: &Path,
    format: Format,
    draft: &mut Draft,
    limits: Limits,
    progress: &mut dyn Progress,
) -> Result<Unpacked, LocalError> {
    let file = File::open(source).map_err(|e| LocalError::read(source, e))?;
    let about = file.metadata().map_err(|e| LocalError::read(source, e))?;
    progress.begin("Unpacking base image", Some(about.len()));
    let read = Rc::new(Cell::new(0));
    let counted = Counted {
        file,
        read: Rc::clone(&read),
    };
    let packed = BufReader::with_capacity(1 << 20, counted);
    let path = draft.path().to_owned();
    let job = Job {
        source,
        format,
        limits,
        read,
    };
    let sparse = Sparse::new(draft.file(), &path);
    let opened = |error| job.failure(error);
    let unpacked = match format {
        Format::Raw => job.drain(packed, sparse, progress),
        Format::Xz => job.drain(XzStreams::new(packed).map_err(opened)?, sparse, progress),
        Format::Gzip => job.drain(MultiGzDecoder::new(packed), sparse, progress),
        Format::Zstandard => {
            let decoder = zstd::Decoder::with_buffer(packed).map_err(opened)?;
            job.drain(decoder, sparse, progress)
        }
        Format::Zip => {
            let (mut archive, index) = only_image(source, packed)?;
            let entry = archive
                .by_index(index)
                .map_err(|error| LocalError::corrupt(source, "zip", error.into()))?;
            job.drain(entry, sparse, progress)
        }
    }?;
    match first_sector(draft.file()).map_err(|error| LocalError::read(source, error))? {
        Some(Format::Raw) => {}
        inner => {
            return Err(LocalError::NoImage {
                path: source.to_owned(),
                inner,
            });
        }
    }
    progress.end("Unpacked base image");
    Ok(unpacked)
}

/// What a file is, from its beginning.
fn first_sector(file: &mut File) -> io::Result<Option<Format>> {
    let mut start = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(512).read_to_end(&mut start)?;
    Ok(Format::recognize(&start))
}

/// What is being unpacked, for errors.
struct Job<'a> {
    source: &'a Path,
    format: Format,
    limits: Limits,
    /// Bytes of the archive that were read.
    read: Rc<Cell<u64>>,
}

impl Job<'_> {
    /// Reads `from` to its end.
    fn drain(
        &self,
        mut from: impl Read,
        mut to: Sparse<'_>,
        progress: &mut dyn Progress,
    ) -> Result<Unpacked, LocalError> {
        let most = self.limits.size.unwrap_or(LARGEST);
        let mut buffer = vec![0; 16 * HOLE];
        let mut reported = 0;
        loop {
            let count = fill(&mut from, &mut buffer).map_err(|error| self.failure(error))?;
            if count == 0 {
                break;
            }
            if to.position() + count as u64 > most {
                return Err(LocalError::TooLarge {
                    path: self.source.to_owned(),
                    most,
                });
            }
            to.append(&buffer[..count]).map_err(|e| self.unwritten(e))?;
            let read = self.read.get();
            progress.advance(read - reported);
            reported = read;
            go_on(progress).map_err(|e| self.unwritten(write_error(self.source, e)))?;
        }
        let (size, digest) = to.finish().map_err(|e| self.unwritten(e))?;
        Ok(Unpacked {
            size,
            sha256: hex(&digest),
        })
    }

    fn unwritten(&self, error: CopyError) -> LocalError {
        LocalError::Write {
            path: self.source.to_owned(),
            source: Box::new(error),
        }
    }

    /// What an error of a decoder means.
    fn failure(&self, error: io::Error) -> LocalError {
        if error.raw_os_error().is_some() {
            // It comes from the file, not from the decoder.
            LocalError::read(self.source, error)
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            LocalError::Truncated {
                path: self.source.to_owned(),
                format: self.format.word(),
                read: self.read.get(),
            }
        } else {
            LocalError::corrupt(self.source, self.format.word(), error)
        }
    }
}

/// Reads until `buffer` is full or the stream ends.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// A file that knows how much of it was read.
struct Counted {
    file: File,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
