//! The image that is written: raw or packed, recognized by its contents.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::SourceError;
use crate::hex;
use crate::mbr::Mbr;
use crate::packed::{Format, Packed, PackedError, Stream};

/// An image that was looked at and can be read, as often as one likes.
#[derive(Debug)]
pub struct Source {
    image: Packed,
    /// What it must have for its partitions to be in it.
    least: u64,
    /// What changes when the file does.
    stamp: String,
}

impl Source {
    /// Looks at the file at `path`: what it is, how large it is, and whether it is a card image at all.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let about = std::fs::metadata(path).map_err(|e| PackedError::read(path, e))?;
        let image = Packed::open(path)?;
        // A table that isn't understood, GPT for one, is written as it is.
        let ends = Mbr::parse(image.first()).map(|table| {
            let ends = table.partitions().filter_map(|part| part.end().bytes());
            ends.max().unwrap_or(0)
        });
        let source = Self {
            image,
            least: ends.unwrap_or(0),
            stamp: stamp(path, &about),
        };
        source.check_length(source.image.size().filter(|_| source.is_raw()))?;
        Ok(source)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.image.path()
    }

    /// What the file is.
    pub fn format(&self) -> Format {
        self.image.format()
    }

    /// Whether it is an image as it is.
    pub(super) fn is_raw(&self) -> bool {
        self.format() == Format::Raw
    }

    /// How many bytes it has unpacked, or at least has to have.
    pub fn size(&self) -> u64 {
        self.image.size().unwrap_or(0).max(self.least)
    }

    /// Changes when the file at this path is another one: its path, its length and its date.
    pub fn stamp(&self) -> &str {
        &self.stamp
    }

    /// Refuses a length that doesn't hold the partitions.
    pub(super) fn check_length(&self, size: Option<u64>) -> Result<(), SourceError> {
        match size.filter(|size| *size < self.least) {
            Some(size) => Err(SourceError::Truncated {
                path: self.path().to_owned(),
                size,
                wanted: self.least,
            }),
            None => Ok(()),
        }
    }

    /// Reads it from its beginning, unpacked.
    pub(super) fn read<T>(
        &self,
        with: impl FnOnce(&mut Stream<'_>) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        self.image.read(with)
    }
}

fn stamp(path: &Path, about: &std::fs::Metadata) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let text = format!(
        "{}\n{} {} {}.{}",
        whole.display(),
        about.len(),
        about.ino(),
        about.mtime(),
        about.mtime_nsec()
    );
    hex(&Sha256::digest(text))
}
