//! How far a card has been written, for the run after one that was cut short.
//!
//! It is a hint where to compare before writing, and never trusted: what it calls written is read back.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::fsio::{self, Access};

/// A journal of a card that never came back is removed after this long.
const FORGOTTEN: Duration = Duration::from_hours(30 * 24);

/// The journal of one card and one image.
#[derive(Debug, Clone)]
pub(super) struct Journal {
    path: PathBuf,
    /// Up to where another run has written.
    pub(super) before: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    version: u32,
    /// Both for people only: the file's name says what it belongs to.
    image: PathBuf,
    device: PathBuf,
    written: u64,
}

impl Journal {
    /// Looks for the journal of the card `card` and the image `image`, which are whatever tells them from others.
    pub(super) fn open(card: &str, image: &str) -> anyhow::Result<Self> {
        let folder = fsio::cache_directory()?.join("flash");
        fsio::create_directory(&folder, Access::Private)?;
        forget_old(&folder);
        let digest = Sha256::digest(format!("{card}\n{image}"));
        let name = data_encoding::HEXLOWER.encode(&digest[..16]);
        let path = folder.join(format!("{name}.json"));
        let text = fsio::read_optional(&path)?;
        // What can't be read is no reason not to write a card.
        let record = text.and_then(|text| serde_json::from_str::<Record>(&text).ok());
        Ok(Self {
            path,
            before: record.map_or(0, |record| record.written),
        })
    }

    /// The same journal, as if nothing had been written.
    pub(super) fn started_over(self) -> Self {
        Self { before: 0, ..self }
    }

    /// Notes that the card is written up to `written`.
    pub(super) fn note(&self, image: &Path, device: &Path, written: u64) -> anyhow::Result<()> {
        let record = Record {
            version: 1,
            image: image.to_owned(),
            device: device.to_owned(),
            written,
        };
        let text = serde_json::to_vec(&record).context("writing the journal")?;
        fsio::write_atomic(&self.path, &text, Access::Private)
    }

    /// Nothing is to go on with.
    pub(super) fn remove(&self) -> anyhow::Result<()> {
        fsio::remove_file(&self.path)
    }
}

/// Removes journals that nobody will come back for. What can't be removed stays.
fn forget_old(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let changed = entry.metadata().and_then(|about| about.modified()).ok();
        let age = changed.and_then(|then| SystemTime::now().duration_since(then).ok());
        if age.is_some_and(|age| age > FORGOTTEN) {
            let _ = fsio::remove_file(&entry.path());
        }
    }
}
