//! A base from a local file, recognized by its contents whatever its name is.
//!
//! A raw image is used where it is. A compressed one is unpacked once into the cache, under the sha256
//! of the file: `bases/<digest>.img`.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::unpack::unpack_xz;
use crate::card::{Card, CardError};
use crate::copy::{CopyError, Draft};
use crate::hex;
use crate::progress::Progress;
use crate::release::{Architecture, OsRelease};

/// A base that can be assembled from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalBase {
    /// The raw image.
    pub image: PathBuf,
    /// The file that was asked for.
    pub source: PathBuf,
    /// What that file is.
    pub format: Format,
    /// The sha256 of that file, in hexadecimal digits.
    pub sha256: String,
    /// The system on it.
    pub release: OsRelease,
    /// What its programs are compiled for.
    pub architecture: Architecture,
}

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

/// Makes the file at `source` a base: recognizes it, unpacks it into `cache` where it must be and
/// isn't yet, and checks that it is a card image for `wanted`.
///
/// Safe beside other processes that do the same. Whatever fails, nothing is left in the cache.
pub fn open(
    source: &Path,
    cache: &Path,
    wanted: Architecture,
    progress: &mut dyn Progress,
) -> Result<LocalBase, LocalError> {
    let format = recognize(source)?;
    let bases = cache.join("bases");
    fs::create_dir_all(bases.join("seen")).map_err(|e| LocalError::cache(&bases, e))?;
    let sha256 = digest(source, &bases, progress)?;
    let (image, found) = match format {
        Format::Raw => (source.to_owned(), check(source, source, wanted)?),
        Format::Xz => unpacked(source, &bases, &sha256, wanted, progress)?,
        Format::Gzip | Format::Zstandard | Format::Zip => {
            return Err(LocalError::Unsupported {
                path: source.to_owned(),
                format,
            });
        }
    };
    Ok(LocalBase {
        image,
        source: source.to_owned(),
        format,
        sha256,
        release: found.0,
        architecture: found.1,
    })
}

fn recognize(source: &Path) -> Result<Format, LocalError> {
    let mut start = Vec::new();
    let read = File::open(source).and_then(|file| file.take(512).read_to_end(&mut start));
    read.map_err(|e| LocalError::read(source, e))?;
    Format::recognize(&start).ok_or_else(|| LocalError::Unknown {
        path: source.to_owned(),
    })
}

/// The image that `source` unpacks to, from the cache or made now.
fn unpacked(
    source: &Path,
    bases: &Path,
    sha256: &str,
    wanted: Architecture,
    progress: &mut dyn Progress,
) -> Result<(PathBuf, System), LocalError> {
    let image = bases.join(format!("{sha256}.img"));
    // Released when it is closed, also by a process that dies.
    let lock = File::create(bases.join(format!("{sha256}.lock")));
    let lock = lock.map_err(|e| LocalError::cache(bases, e))?;
    if lock.try_lock().is_err() {
        progress.detail("waiting for another process that unpacks the same base");
        lock.lock().map_err(|e| LocalError::cache(bases, e))?;
    }
    if !image.exists() {
        let mut draft = Draft::beside(&image)?;
        unpack_xz(source, draft.file(), progress)?;
        let found = check(draft.path(), source, wanted)?;
        draft.commit()?;
        return Ok((image, found));
    }
    let found = check(&image, source, wanted)?;
    Ok((image, found))
}

/// A system: its name, and what its programs are compiled for.
type System = (OsRelease, Architecture);

/// Checks that `image`, which came from `source`, is a base for `wanted`.
fn check(image: &Path, source: &Path, wanted: Architecture) -> Result<System, LocalError> {
    let implausible = |error| LocalError::Implausible {
        path: source.to_owned(),
        source: Box::new(error),
    };
    let card = Card::open(image).map_err(implausible)?;
    let release = card.os_release().map_err(implausible)?;
    match card.architecture().map_err(implausible)? {
        Some(found) if found == wanted => Ok((release, found)),
        found => Err(LocalError::Architecture {
            path: source.to_owned(),
            found,
            wanted,
        }),
    }
}

/// The sha256 of `source`: computed once, and remembered as long as name, size and times stay.
fn digest(source: &Path, bases: &Path, progress: &mut dyn Progress) -> Result<String, LocalError> {
    let failed = |e| LocalError::read(source, e);
    let full = fs::canonicalize(source).map_err(failed)?;
    let mut file = File::open(&full).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    let identity = format!(
        "{}\n{} {} {} {} {} {} {}",
        full.display(),
        about.dev(),
        about.ino(),
        about.len(),
        about.mtime(),
        about.mtime_nsec(),
        about.ctime(),
        about.ctime_nsec(),
    );
    let note = bases.join("seen").join(hex(&Sha256::digest(identity)));
    if let Some(known) = read_note(&note) {
        return Ok(known);
    }
    progress.begin("Reading base image", Some(about.len()));
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => break,
            count => {
                hasher.update(&buffer[..count]);
                progress.advance(count as u64);
            }
        }
    }
    progress.end("Read base image");
    let digest = hex(&hasher.finalize());
    let mut draft = Draft::beside(&note)?;
    let written = io::Write::write_all(draft.file(), digest.as_bytes());
    written.map_err(|e| LocalError::cache(&note, e))?;
    draft.commit()?;
    Ok(digest)
}

/// A digest noted earlier; a damaged note is as good as none.
fn read_note(note: &Path) -> Option<String> {
    let text = fs::read_to_string(note).ok()?;
    let valid = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    valid.then_some(text)
}

/// Why a local file can't be a base.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// It can't be read.
    #[error("cannot read base image {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The cache can't be used.
    #[error("cannot use the cache at {}", path.display())]
    Cache {
        /// The folder or file in it.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is neither an image nor packed.
    #[error(
        "{} is not an image: it has neither a partition table nor the first bytes of an archive", path.display()
    )]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// It is packed in a way that isn't supported.
    #[error("{} is {format}, and only raw images and xz are supported", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it is.
        format: Format,
    },
    /// The archive ends early.
    #[error("{} is incomplete: the xz data ends after {read} bytes, in the middle of a block", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// How much of it there is.
        read: u64,
    },
    /// The archive is damaged.
    #[error("{} is damaged: its xz data can't be unpacked", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        source: io::Error,
    },
    /// The unpacked image could not be written.
    #[error("cannot unpack {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<CopyError>,
    },
    /// Something in the cache could not be written.
    #[error("cannot write to the cache")]
    Store(#[from] CopyError),
    /// It is an image, but not one of a Raspberry Pi.
    #[error("{} can't be a base", path.display())]
    Implausible {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<CardError>,
    },
    /// It is for another processor.
    #[error(
        "{} is for {}, and {wanted} is wanted", path.display(),
        found.map_or("an unknown architecture", Architecture::name)
    )]
    Architecture {
        /// The file.
        path: PathBuf,
        /// What its programs are compiled for.
        found: Option<Architecture>,
        /// What they should be compiled for.
        wanted: Architecture,
    },
}

impl LocalError {
    pub(super) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    fn cache(path: &Path, source: io::Error) -> Self {
        Self::Cache {
            path: path.to_owned(),
            source,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unknown { .. } => Some(
                "use an image for the Raspberry Pi: an `.img` file, or one packed as `.img.xz`",
            ),
            Self::Unsupported { .. } => Some("unpack it first, and give the `.img` file"),
            Self::Truncated { .. } | Self::Corrupt { .. } => {
                Some("download it again, and compare its sha256 with the published one")
            }
            Self::Architecture { .. } => {
                Some("choose the target that fits the base, or a base that fits the target")
            }
            Self::Write { source, .. } => source.hint(),
            Self::Store(source) => source.hint(),
            Self::Implausible { source, .. } => source.hint(),
            Self::Read { .. } | Self::Cache { .. } => None,
        }
    }
}
