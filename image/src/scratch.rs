//! Copies of card images to throw away: unpacked, or with their journal replayed, or to boot from.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::base::local::Format;
use crate::card::{Card, read_table};
use crate::copy::{CopyError, Draft, go_on, write_error};
use crate::error::Error;
use crate::ext4;
use crate::progress::Progress;

/// Runs of zeros are left out in units of this many bytes.
const HOLE: usize = 64 << 10;
/// No card is larger: an archive that unpacks to more is a trap.
const LARGEST: u64 = 2 << 40;

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

    /// Unpacks `source`, which is packed with xz, gzip or zstd, into `folder`.
    pub fn unpacked(
        source: &Path,
        folder: &Path,
        progress: &mut dyn Progress,
    ) -> Result<Self, CopyError> {
        let failed = |error| CopyError::Read {
            path: source.to_owned(),
            source: error,
        };
        let mut scratch = Self::beside(folder)?;
        let total = std::fs::metadata(source).map_err(failed)?.len();
        progress.begin("Unpacking image", Some(total));
        let mut reader = reader(source).map_err(failed)?;
        let mut buffer = vec![0; HOLE];
        let mut position = 0;
        loop {
            let count = fill(&mut reader, &mut buffer).map_err(failed)?;
            if count == 0 {
                break;
            }
            let file = scratch.draft.file();
            if buffer[..count].iter().any(|byte| *byte != 0) {
                let written = file.write_all_at(&buffer[..count], position);
                written.map_err(|error| write_error(scratch.path(), error))?;
            }
            position += count as u64;
            if position > LARGEST {
                return Err(failed(io::Error::other("it unpacks to more than 2 TiB")));
            }
            go_on(progress).map_err(|error| write_error(source, error))?;
        }
        scratch.set_size(position)?;
        progress.end("Unpacked image");
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

impl Card {
    /// What the file at `path` is packed as, from its first bytes; `None` if it doesn't look like an image.
    pub fn format_of(path: &Path) -> io::Result<Option<Format>> {
        let mut start = Vec::new();
        File::open(path)?.take(512).read_to_end(&mut start)?;
        Ok(Format::recognize(&start))
    }
}

fn reader(source: &Path) -> io::Result<Box<dyn Read>> {
    let format = Card::format_of(source)?;
    let file = BufReader::with_capacity(1 << 20, File::open(source)?);
    Ok(match format {
        Some(Format::Xz) => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(file)),
        Some(Format::Gzip) => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Some(Format::Zstandard) => Box::new(zstd::stream::read::Decoder::with_buffer(file)?),
        Some(Format::Zip) => {
            return Err(io::Error::other("a zip archive has to be unpacked first"));
        }
        Some(Format::Raw) | None => return Err(io::Error::other("it is not packed")),
    })
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
