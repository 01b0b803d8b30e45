//! How to pack.

use std::fmt;
use std::str::FromStr;

/// A format and how hard to try: `xz`, `xz:9`, `zst`, `zst:19`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// xz, with a level from 0 to 9.
    Xz(u8),
    /// Zstandard, with a level from 1 to 19.
    Zstandard(u8),
}

impl Compression {
    /// xz as its own program does it by default, and as Raspberry Pi OS is packed.
    pub const XZ: Self = Self::Xz(6);
    /// Zstandard a few levels above its default: still quick beside everything else.
    pub const ZSTANDARD: Self = Self::Zstandard(9);

    /// What the name of a packed file ends with.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Xz(_) => "xz",
            Self::Zstandard(_) => "zst",
        }
    }
}

impl FromStr for Compression {
    type Err = CompressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || CompressionError {
            text: text.to_owned(),
        };
        let (format, level) = match text.split_once(':') {
            Some((format, level)) => {
                let level = level.parse::<u8>();
                (format, Some(level.map_err(|_no_number| unknown())?))
            }
            None => (text, None),
        };
        match (format, level) {
            ("xz", None) => Ok(Self::XZ),
            ("xz", Some(level @ 0..=9)) => Ok(Self::Xz(level)),
            ("zst" | "zstd", None) => Ok(Self::ZSTANDARD),
            ("zst" | "zstd", Some(level @ 1..=19)) => Ok(Self::Zstandard(level)),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xz(level) => write!(f, "xz:{level}"),
            Self::Zstandard(level) => write!(f, "zst:{level}"),
        }
    }
}

/// A text that says no way of packing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no compression {text:?}; there are xz, xz:0 to xz:9, zst, and zst:1 to zst:19")]
pub struct CompressionError {
    /// The text.
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_has_a_level_or_its_default() {
        for (text, wanted) in [
            ("xz", "xz:6"),
            ("xz:0", "xz:0"),
            ("zst", "zst:9"),
            ("zstd:19", "zst:19"),
        ] {
            assert_eq!(text.parse::<Compression>().unwrap().to_string(), wanted);
        }
        for text in [
            "", "gz", "xz:", "xz:10", "xz:-1", "zst:0", "zst:20", "zst:300",
        ] {
            let error = text.parse::<Compression>().unwrap_err();
            assert!(error.to_string().contains("there are xz,"), "{error}");
        }
    }
}
