//! A base from a local file, recognized by its contents whatever its name is.
//!
//! A raw image is used where it is. A compressed one is unpacked once into the cache, under the sha256
//! of the file: `bases/<digest>.img`.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::digest::sha256_of;
use super::lease;
use super::stored::Note;
use crate::card::Card;
use crate::copy::{Draft, write_error};
use crate::hex;
use crate::packed::{Format, PackedError, Wanted, unpack};
use crate::progress::Progress;
use crate::release::{Architecture, OsRelease};

pub use super::error::LocalError;

/// What unpacking a base is called while it is done, and then.
pub(super) const UNPACKING: (&str, &str) = ("Unpacking base image", "Unpacked base image");

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
    let format = Format::of(source).map_err(|e| PackedError::read(source, e))?;
    let format = format.ok_or_else(|| PackedError::Unknown {
        path: source.to_owned(),
    })?;
    let bases = cache.join("bases");
    fs::create_dir_all(bases.join("seen")).map_err(|e| LocalError::cache(&bases, e))?;
    let sha256 = digest(source, &bases, progress)?;
    let (image, found) = if format == Format::Raw {
        (source.to_owned(), check(source, source, wanted)?)
    } else {
        let image = bases.join(format!("{sha256}.img"));
        let found = unpacked(source, &image, wanted, progress)?;
        (image, found)
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

/// The image that `source` unpacks to, from the cache or made now.
fn unpacked(
    source: &Path,
    image: &Path,
    wanted: Architecture,
    progress: &mut dyn Progress,
) -> Result<System, LocalError> {
    // Nobody has to wait for others who use what is there already.
    if Note::of(image).is_some() {
        return check(image, source, wanted);
    }
    let _alone = lease::own(image, progress).map_err(|e| LocalError::cache(image, e))?;
    if Note::of(image).is_some() {
        return check(image, source, wanted);
    }
    let mut draft = Draft::beside(image)?;
    let mut hash = Sha256::new();
    let request = Wanted {
        step: UNPACKING,
        size: None,
        hash: Some(&mut hash),
    };
    let size = unpack(source, &mut draft, request, progress)?;
    let found = check(draft.path(), source, wanted)?;
    draft.commit()?;
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    Note::new(size, hex(&hash.finalize()), name.into_owned()).write(image)?;
    Ok(found)
}

/// A system: its name, and what its programs are compiled for.
pub(super) type System = (OsRelease, Architecture);

/// Checks that `image`, which came from `source`, is a base for `wanted`.
pub(super) fn check(
    image: &Path,
    source: &Path,
    wanted: Architecture,
) -> Result<System, LocalError> {
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
    let failed = |e| PackedError::read(source, e);
    let full = fs::canonicalize(source).map_err(failed)?;
    let about = fs::metadata(&full).map_err(failed)?;
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
    let step = ("Reading base image", "Read base image");
    let digest = sha256_of(&full, step, progress).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => LocalError::from(write_error(&note, error)),
        _ => PackedError::read(source, error).into(),
    })?;
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
