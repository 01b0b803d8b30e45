//! The image that is written: raw or packed, recognized by its contents.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::error::SourceError;
use super::size;
use super::unpack::{self, Forward, Raw, Unpacked};
use crate::base::local::Format;
use crate::hex;
use crate::mbr::{MBR_SIZE, Mbr};

/// An image that was looked at and can be read, as often as one likes.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    format: Format,
    /// What it has unpacked, as its archive says.
    size: Option<u64>,
    /// What it must have for its partitions to be in it.
    least: u64,
    /// What changes when the file does.
    stamp: String,
}

impl Source {
    /// Looks at the file at `path`: what it is, how large it is, and whether it is a card image at all.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let failed = |source| SourceError::Read {
            path: path.to_owned(),
            source,
        };
        let no_image = || SourceError::NotAnImage {
            path: path.to_owned(),
        };
        let file = File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if !about.is_file() {
            return Err(no_image());
        }
        let mut start = Vec::new();
        (&file).take(512).read_to_end(&mut start).map_err(failed)?;
        let format = Format::recognize(&start).ok_or_else(no_image)?;
        let size = match format {
            Format::Raw => Some(about.len()),
            Format::Xz => size::of_xz(&file).map_err(failed)?,
            Format::Zstandard => size::of_zstd(&file).map_err(failed)?,
            Format::Zip => Some(member(path, file)?.1),
            // It has the size modulo 4 GiB only.
            Format::Gzip => None,
        };
        let mut source = Self {
            path: path.to_owned(),
            format,
            size,
            least: 0,
            stamp: stamp(path, &about),
        };
        source.least = source.look_at_table()?;
        source.check_length(source.size.filter(|_| format == Format::Raw))?;
        Ok(source)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file is.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether it is an image as it is.
    pub(super) fn is_raw(&self) -> bool {
        self.format == Format::Raw
    }

    /// How many bytes it has unpacked, or at least has to have.
    pub fn size(&self) -> u64 {
        self.size.unwrap_or(0).max(self.least)
    }

    /// Changes when the file at this path is another one: its path, its length and its date.
    pub fn stamp(&self) -> &str {
        &self.stamp
    }

    /// Refuses a length that doesn't hold the partitions.
    pub(super) fn check_length(&self, size: Option<u64>) -> Result<(), SourceError> {
        match size.filter(|size| *size < self.least) {
            Some(size) => Err(SourceError::Truncated {
                path: self.path.clone(),
                size,
                wanted: self.least,
            }),
            None => Ok(()),
        }
    }

    /// Reads it from its beginning, unpacked.
    pub(super) fn read<T>(
        &self,
        with: impl FnOnce(&mut dyn Forward) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let file = File::open(&self.path).map_err(|e| self.failed(e))?;
        match self.format {
            Format::Raw => with(&mut Raw(file)),
            Format::Gzip => with(&mut unpack::gzip(file)),
            Format::Zstandard => with(&mut unpack::zstandard(file).map_err(|e| self.failed(e))?),
            Format::Xz => with(&mut unpack::xz(file).map_err(|e| self.failed(e))?),
            Format::Zip => {
                let (index, _) = member(&self.path, file)?;
                let file = File::open(&self.path).map_err(|e| self.failed(e))?;
                let mut archive = ZipArchive::new(file).map_err(|e| self.failed(e.into()))?;
                let member = archive.by_index(index).map_err(|e| self.failed(e.into()))?;
                with(&mut Unpacked(member))
            }
        }
    }

    /// Tells a file that can't be read from one that can't be unpacked.
    pub(super) fn failed(&self, source: io::Error) -> SourceError {
        let path = self.path.clone();
        if source.raw_os_error().is_some() || self.format == Format::Raw {
            return SourceError::Read { path, source };
        }
        let format = self.format;
        SourceError::Damaged {
            path,
            format,
            source,
        }
    }

    /// Where the last partition ends. The first sector must be that of a card.
    fn look_at_table(&self) -> Result<u64, SourceError> {
        let mut sector = [0; MBR_SIZE];
        let filled = self.read(|stream| {
            let mut filled = 0;
            while filled < sector.len() {
                match stream
                    .read(&mut sector[filled..])
                    .map_err(|e| self.failed(e))?
                {
                    0 => break,
                    count => filled += count,
                }
            }
            Ok(filled)
        })?;
        if filled < sector.len() || sector[510..] != [0x55, 0xAA] {
            return Err(SourceError::NotAnImage {
                path: self.path.clone(),
            });
        }
        // A table that isn't understood, GPT for one, is written as it is.
        let ends = Mbr::parse(&sector).map(|table| {
            let ends = table.partitions().filter_map(|part| part.end().bytes());
            ends.max().unwrap_or(0)
        });
        Ok(ends.unwrap_or(0))
    }
}

/// The place and the size of the image in a zip archive.
fn member(path: &Path, file: File) -> Result<(usize, u64), SourceError> {
    let failed = |error: zip::result::ZipError| SourceError::Damaged {
        path: path.to_owned(),
        format: Format::Zip,
        source: error.into(),
    };
    let mut archive = ZipArchive::new(file).map_err(failed)?;
    let mut images = Vec::new();
    let mut files = Vec::new();
    for index in 0..archive.len() {
        let member = archive.by_index(index).map_err(failed)?;
        if member.is_file() {
            files.push((index, member.size()));
            if member
                .name()
                .map_err(failed)?
                .to_ascii_lowercase()
                .ends_with(".img")
            {
                images.push((index, member.size()));
            }
        }
    }
    let candidates = if images.is_empty() { files } else { images };
    match candidates[..] {
        [one] => Ok(one),
        _ => Err(SourceError::Archive {
            path: path.to_owned(),
            found: candidates.len(),
        }),
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
