//! Removing things from the cache that nobody uses just now.

use std::fs::File;
use std::time::{Duration, SystemTime};

use image::base::lease;
use image::leftover;

use super::entry::{Entry, Guard, Kind};
use crate::fsio::{self, Lock};

/// What to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// Only what wasn't used for so long.
    pub older_than: Duration,
    /// Also what this program can't make again by itself.
    pub all: bool,
    /// The time.
    pub now: SystemTime,
}

/// Picks what `choice` is about.
pub fn choose(entries: Vec<Entry>, choice: Choice) -> Vec<Entry> {
    let unused = |entry: &Entry| {
        let used = entry.used.unwrap_or(SystemTime::UNIX_EPOCH);
        choice.now.duration_since(used).unwrap_or_default()
    };
    entries
        .into_iter()
        .filter(|entry| match entry.kind {
            // However young it is: locks tell it from what is just being made.
            Kind::Leftover => true,
            kind => (choice.all || !kind.is_kept()) && unused(entry) >= choice.older_than,
        })
        .collect()
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is gone.
    Removed,
    /// Somebody uses it.
    InUse,
}

/// Removes `entry`, unless somebody makes or uses it.
pub fn remove(entry: &Entry) -> anyhow::Result<Outcome> {
    let mut held = Vec::new();
    for guard in &entry.guards {
        match hold(guard)? {
            Some(lock) => held.push(lock),
            None => return Ok(Outcome::InUse),
        }
    }
    for path in &entry.paths {
        if path.is_dir() && !path.is_symlink() {
            fsio::remove_directory(path)?;
        } else {
            fsio::remove_file(path)?;
        }
    }
    Ok(Outcome::Removed)
}

/// Something that is held until it is dropped.
enum Held {
    /// An image in the cache.
    Image(#[expect(dead_code, reason = "it is held by being there")] lease::Lease),
    /// A lock file.
    File(#[expect(dead_code, reason = "it is held by being there")] Lock),
    /// A file that nobody makes any more.
    Draft(#[expect(dead_code, reason = "it is held by being there")] File),
    /// There is nobody who could hold it.
    Nothing,
}

fn hold(guard: &Guard) -> anyhow::Result<Option<Held>> {
    Ok(match guard {
        Guard::Image(image) if !image.parent().is_some_and(std::path::Path::is_dir) => {
            Some(Held::Nothing)
        }
        Guard::Image(image) => lease::try_own(image)?.map(Held::Image),
        Guard::Draft(path) if !path.exists() => Some(Held::Nothing),
        Guard::Draft(path) => leftover::abandoned(path).map(Held::Draft),
        Guard::File(path) if !path.exists() => Some(Held::Nothing),
        Guard::File(path) => Lock::try_take(path)?.map(Held::File),
    })
}
