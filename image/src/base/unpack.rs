//! Unpacking xz with all cores, keeping holes where the image is zero.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use liblzma::bufread::XzDecoder;
use liblzma::stream::{MtStreamBuilder, Stream};

use super::local::LocalError;
use crate::copy::{go_on, write_error};
use crate::progress::Progress;

/// Runs of zeros are left out in units of this many bytes.
const HOLE: usize = 64 << 10;
/// Memory up to which the decoder takes more threads.
const THREADS_MEMORY: u64 = 512 << 20;
/// Memory that no archive may ask for; `xz -9` asks for 65 MiB.
const MOST_MEMORY: u64 = 2 << 30;

/// Unpacks `source` into the empty file `target`.
pub(super) fn unpack_xz(
    source: &Path,
    target: &mut File,
    progress: &mut dyn Progress,
) -> Result<(), LocalError> {
    let file = File::open(source).map_err(|e| LocalError::read(source, e))?;
    let about = file.metadata().map_err(|e| LocalError::read(source, e))?;
    progress.begin("Unpacking base image", Some(about.len()));
    let mut packed = BufReader::with_capacity(1 << 20, Counted { file, read: 0 });
    let mut sparse = Sparse {
        file: target,
        position: 0,
    };
    let write_failed = |error| LocalError::Write {
        path: source.to_owned(),
        source: Box::new(write_error(source, error)),
    };
    let mut buffer = vec![0; 16 * HOLE];
    let mut reported = 0;
    loop {
        let mut decoder = XzDecoder::new_stream(&mut packed, decoder(source)?);
        loop {
            let filled = fill(&mut decoder, &mut buffer);
            let read = decoder.get_ref().get_ref().read;
            let count = filled.map_err(|error| unpack_error(source, read, error))?;
            if count == 0 {
                break;
            }
            sparse.append(&buffer[..count]).map_err(write_failed)?;
            progress.advance(read - reported);
            reported = read;
            go_on(progress).map_err(write_failed)?;
        }
        if !another_stream(&mut packed).map_err(|e| corrupt(source, e))? {
            break;
        }
    }
    sparse.finish().map_err(write_failed)?;
    progress.end("Unpacked base image");
    Ok(())
}

fn decoder(source: &Path) -> Result<Stream, LocalError> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    MtStreamBuilder::new()
        .threads(u32::try_from(threads).unwrap_or(1))
        .memlimit_threading(THREADS_MEMORY)
        .memlimit_stop(MOST_MEMORY)
        .decoder()
        .map_err(|error| corrupt(source, error.into()))
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

/// Passes over the zeros that may follow a stream and says whether another one follows.
fn another_stream(packed: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let rest = packed.fill_buf()?;
        let Some(first) = rest.iter().position(|byte| *byte != 0) else {
            let count = rest.len();
            if count == 0 {
                return Ok(false);
            }
            packed.consume(count);
            continue;
        };
        let is_xz = rest[first] == 0xFD;
        packed.consume(first);
        return if is_xz {
            Ok(true)
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "something that is not xz follows the xz data",
            ))
        };
    }
}

fn unpack_error(source: &Path, read: u64, error: io::Error) -> LocalError {
    if error.raw_os_error().is_some() {
        // It comes from the file, not from the decoder.
        LocalError::read(source, error)
    } else if error.kind() == io::ErrorKind::UnexpectedEof {
        LocalError::Truncated {
            path: source.to_owned(),
            read,
        }
    } else {
        corrupt(source, error)
    }
}

fn corrupt(source: &Path, error: io::Error) -> LocalError {
    LocalError::Corrupt {
        path: source.to_owned(),
        source: error,
    }
}

/// A file that knows how much of it was read.
struct Counted {
    file: File,
    read: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read += count as u64;
        Ok(count)
    }
}

/// A file that gets data only where it isn't zero.
struct Sparse<'a> {
    file: &'a mut File,
    position: u64,
}

impl Sparse<'_> {
    /// Appends `bytes`, in pieces that begin at multiples of [`HOLE`] if all calls but the last have a
    /// multiple of it.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(HOLE) {
            if piece.iter().any(|byte| *byte != 0) {
                self.file.seek(SeekFrom::Start(self.position))?;
                self.file.write_all(piece)?;
            }
            self.position += piece.len() as u64;
        }
        Ok(())
    }

    /// Ends the file after what was appended, be it a hole or not.
    fn finish(self) -> io::Result<()> {
        self.file.set_len(self.position)
    }
}
