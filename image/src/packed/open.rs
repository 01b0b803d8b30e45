//! Looking at a file that may be an image, and reading it as a stream.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::error::PackedError;
use super::format::Format;
use super::size;
use super::stream::{Counted, Counter, Forward, Raw, Stream, Unpacked};
use super::xz::XzStreams;
use super::zip::{goes_on, only_image};
use crate::mbr::MBR_SIZE;
use crate::pieces::fill;

/// How much of a file is read at once.
const BUFFER: usize = 1 << 20;
/// The window that `zstd --ultra -22 --long=30` asks for, as a power of two: 1 GiB. More, no archive may have.
const ZSTD_WINDOW: u32 = 30;

/// An image that was looked at, and can be read as often as one likes.
#[derive(Debug)]
pub(crate) struct Packed {
    path: PathBuf,
    format: Format,
    size: Option<u64>,
    first: [u8; MBR_SIZE],
}

impl Packed {
    /// Looks at the file at `path`: what it is, how large it is unpacked, and whether it begins as a card does.
    pub(crate) fn open(path: &Path) -> Result<Self, PackedError> {
        let failed = |error| PackedError::read(path, error);
        let unknown = || PackedError::Unknown {
            path: path.to_owned(),
        };
        if !std::fs::metadata(path).map_err(failed)?.is_file() {
            return Err(unknown());
        }
        let format = Format::of(path).map_err(failed)?.ok_or_else(unknown)?;
        let file = File::open(path).map_err(failed)?;
        let size = match format {
            Format::Raw => Some(file.metadata().map_err(failed)?.len()),
            Format::Xz => size::of_xz(&file).map_err(failed)?,
            Format::Zstandard => size::of_zstd(&file).map_err(failed)?,
            Format::Zip => {
                let (archive, image) = only_image(path, BufReader::new(&file))?;
                if goes_on(&file, &archive).map_err(failed)? {
                    let text = "something that is not zip follows the zip data";
                    let error = io::Error::new(io::ErrorKind::InvalidData, text);
                    return Err(PackedError::corrupt(path, format, error));
                }
                Some(image.size)
            }
            // It has the size modulo 4 GiB only.
            Format::Gzip => None,
        };
        let mut packed = Self {
            path: path.to_owned(),
            format,
            size,
            first: [0; MBR_SIZE],
        };
        packed.first = packed.look()?;
        Ok(packed)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What the file is.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// How many bytes it has unpacked, as the archive says; at least so many, if it has several parts.
    pub(crate) fn size(&self) -> Option<u64> {
        self.size
    }

    /// The first sector of the image: that with the partition table.
    pub(crate) fn first(&self) -> &[u8; MBR_SIZE] {
        &self.first
    }

    /// Reads it from its beginning, unpacked.
    pub(crate) fn read<T, E: From<PackedError>>(
        &self,
        with: impl FnOnce(&mut Stream<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let file = File::open(&self.path).map_err(|e| PackedError::read(&self.path, e))?;
        let counter = Counter::default();
        let file = Counted::new(file, counter.clone());
        let unreadable = |error| self.failed(&counter, error);
        let run = |from: &mut dyn Forward| with(&mut Stream::new(self, from, &counter));
        let buffered = |file| BufReader::with_capacity(BUFFER, file);
        match self.format {
            Format::Raw => run(&mut Raw(file)),
            Format::Gzip => run(&mut Unpacked(MultiGzDecoder::new(buffered(file)))),
            Format::Xz => {
                let decoder = XzStreams::new(buffered(file));
                run(&mut Unpacked(decoder.map_err(unreadable)?))
            }
            Format::Zstandard => {
                let mut decoder = zstd::Decoder::with_buffer(buffered(file)).map_err(unreadable)?;
                decoder.window_log_max(ZSTD_WINDOW).map_err(unreadable)?;
                run(&mut Unpacked(decoder))
            }
            Format::Zip => {
                let (mut archive, image) = only_image(&self.path, buffered(file))?;
                let member = archive.by_index(image.index);
                run(&mut Unpacked(member.map_err(|e| unreadable(e.into()))?))
            }
        }
    }

    /// Reads the first sector, which must be that of a card.
    fn look(&self) -> Result<[u8; MBR_SIZE], PackedError> {
        let mut first = [0; MBR_SIZE];
        let length =
            self.read(|stream| fill(stream, &mut first).map_err(|error| stream.failed(error)))?;
        match Format::recognize(&first[..length]) {
            Some(Format::Raw) => Ok(first),
            inner => Err(PackedError::NoImage {
                path: self.path.clone(),
                inner,
            }),
        }
    }

    /// What an error means that came up when so much of the file was read.
    pub(super) fn failed(&self, read: &Counter, error: io::Error) -> PackedError {
        if error.raw_os_error().is_some() || self.format == Format::Raw {
            // It comes from the file, not from the decoder.
            PackedError::read(&self.path, error)
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            PackedError::Truncated {
                path: self.path.clone(),
                format: self.format.word(),
                read: read.count(),
            }
        } else {
            PackedError::corrupt(&self.path, self.format, error)
        }
    }
}
