//! What a file is, from its first bytes.

use std::fmt;

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
    /// Recognizes a file by its first sector.
    pub fn recognize(start: &[u8]) -> Option<Self> {
        const MAGIC: [(&[u8], Format); 4] = [
            (b"\xfd7zXZ\0", Format::Xz),
            (b"\x1f\x8b", Format::Gzip),
            (b"\x28\xb5\x2f\xfd", Format::Zstandard),
            (b"PK\x03\x04", Format::Zip),
        ];
        let packed = MAGIC.iter().find(|(magic, _)| start.starts_with(magic));
        match packed {
            Some((_, format)) => Some(*format),
            None => (start.get(510..512)? == [0x55, 0xAA]).then_some(Self::Raw),
        }
    }

    /// What the data in it is called.
    pub const fn word(self) -> &'static str {
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
