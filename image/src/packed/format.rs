//! What a file is, from its first bytes.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::mbr::MBR_SIZE;

/// What a file is, from its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A card image as it is.
    Raw,
    /// Packed with xz.
    Xz,
    /// Packed with gzip.
    Gzip,
    /// Packed with Zstandard.
    Zstandard,
    /// A zip archive.
    Zip,
}

impl Format {
    /// Recognizes the file at `path`; `None` if it doesn't look like an image.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        let mut start = Vec::new();
        let file = File::open(path)?;
        file.take(MBR_SIZE as u64).read_to_end(&mut start)?;
        Ok(Self::recognize(&start))
    }

    /// Recognizes a file by its first sector.
    pub(super) fn recognize(start: &[u8]) -> Option<Self> {
        const MAGIC: [(&[u8], Format); 4] = [
            (b"\xfd7zXZ\0", Format::Xz),
            (b"\x1f\x8b", Format::Gzip),
            (b"\x28\xb5\x2f\xfd", Format::Zstandard),
            (b"PK\x03\x04", Format::Zip),
        ];
        if let Some((_, format)) = MAGIC.iter().find(|(magic, _)| start.starts_with(magic)) {
            return Some(*format);
        }
        // A Zstandard file may begin with frames that are skipped: that of pzstd does (RFC 8878, 3.1.2).
        if matches!(start, [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..]) {
            return Some(Self::Zstandard);
        }
        (start.get(510..512)? == [0x55, 0xAA]).then_some(Self::Raw)
    }

    /// What the data in it is called.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Raw => "image",
            Self::Xz => "xz",
            Self::Gzip => "gzip",
            Self::Zstandard => "zstd",
            Self::Zip => "zip",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "a raw image",
            Self::Xz => "packed with xz",
            Self::Gzip => "packed with gzip",
            Self::Zstandard => "packed with zstd",
            Self::Zip => "a zip archive",
        })
    }
}
