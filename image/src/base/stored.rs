//! What the cache knows of the images in it: a note beside each, `NAME.json` for `NAME.img`.
//!
//! An image without its note, or of another size than the note says, is as good as none: the process that
//! made it has ended early.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::digest::sha256_of;
use super::official::OfficialImage;
use crate::card::Card;
use crate::copy::{CopyError, Draft, write_error};
use crate::progress::Progress;
use serde::{Deserialize, Serialize};

/// The layout of notes; one with another number is not read.
const VERSION: u32 = 1;

/// What is known of an image in the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    version: u32,
    /// Bytes of the image.
    pub size: u64,
    /// Its sha256 in hexadecimal digits.
    pub sha256: String,
    /// The name of the file, or the address, that it was unpacked from.
    pub source: String,
    /// The entry of the official index that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub official: Option<OfficialImage>,
}

impl Note {
    /// A note on an image of `size` bytes.
    pub(super) fn new(size: u64, sha256: String, source: String) -> Self {
        Self {
            version: VERSION,
            size,
            sha256,
            source,
            official: None,
        }
    }

    /// Reads the note on `image`; `None` if there is none, or none that fits.
    pub fn of(image: &Path) -> Option<Self> {
        let text = fs::read(image.with_extension("json")).ok()?;
        let note: Self = serde_json::from_slice(&text).ok()?;
        let size = fs::metadata(image)
            .ok()
            .filter(fs::Metadata::is_file)?
            .len();
        (note.version == VERSION && note.size == size).then_some(note)
    }

    /// Puts the note beside `image`, in one step.
    pub(super) fn write(&self, image: &Path) -> Result<(), CopyError> {
        let path = image.with_extension("json");
        let failed = |error| write_error(&path, error);
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        let mut draft = Draft::beside(&path)?;
        draft.file().write_all(&text).map_err(failed)?;
        draft.commit()
    }
}

/// An image in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Where it is.
    pub image: PathBuf,
    /// What is known of it; `None` for one that is of no use any more.
    pub note: Option<Note>,
}

/// The images in the `bases` of a cache that were unpacked there, sorted by name.
pub fn list(cache: &Path) -> Vec<Stored> {
    let Ok(entries) = fs::read_dir(cache.join("bases")) else {
        return Vec::new();
    };
    let mut images: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "img"))
        .map(|image| Stored {
            note: Note::of(&image),
            image,
        })
        .collect();
    images.sort_by(|a, b| a.image.cmp(&b.image));
    images
}

/// What became of an image in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It is what it was when it was unpacked.
    Sound,
    /// Its bytes have changed.
    Changed {
        /// The sha256 that it has now.
        actual: String,
    },
    /// Nothing is known to compare it with, but it is a card image.
    Unknown,
    /// It is no card image.
    Broken,
}

/// Reads a whole image, and compares it with its note.
///
/// # Errors
///
/// If it can't be read; if the user wants it to stop.
pub fn check(stored: &Stored, progress: &mut dyn Progress) -> io::Result<Condition> {
    let Some(note) = &stored.note else {
        return Ok(match Card::open(&stored.image) {
            Ok(_) => Condition::Unknown,
            Err(_) => Condition::Broken,
        });
    };
    let step = ("Checking base image", "Checked base image");
    let actual = sha256_of(&stored.image, step, progress)?;
    Ok(if actual == note.sha256 {
        Condition::Sound
    } else {
        Condition::Changed { actual }
    })
}
