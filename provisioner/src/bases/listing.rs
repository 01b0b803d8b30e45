//! Which bases there are.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use image::Architecture;
use image::base::debian::{DebianBase, Suite};
use image::base::official::{Loaded, OfficialImage, stored_path};
use image::base::stored;

use super::choose::How;
use super::official::index_for_list;
use crate::output::Output;
use crate::recipe::BaseChoice;

/// All that is known of bases.
#[derive(Debug)]
pub struct Listing {
    /// Where the index is.
    pub index_url: String,
    /// When the copy of the index was fetched, if it is one.
    pub fetched: Option<SystemTime>,
    /// Why the site's own index could not be had.
    pub unreached: Option<String>,
    /// The bases.
    pub rows: Vec<Row>,
}

/// A base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What recipes call it.
    pub name: String,
    /// Its release: a day, or Debian's name.
    pub release: String,
    /// What its programs are compiled for.
    pub architecture: Architecture,
    /// Where it lies in the cache.
    pub cached: Option<PathBuf>,
    /// The entry of the index; `None` for one of Debian's packages.
    pub official: Option<OfficialImage>,
}

/// Lists the bases for `architectures`: the newest of each name, or `all`.
pub fn list(
    architectures: &[Architecture],
    all: bool,
    how: &How<'_>,
    output: &Output,
) -> anyhow::Result<Listing> {
    let (index_url, loaded) = index_for_list(how, output)?;
    let mut listing = Listing {
        index_url,
        fetched: None,
        unreached: None,
        rows: Vec::new(),
    };
    let mut images = Vec::new();
    match loaded {
        Ok(Loaded {
            index,
            fetched,
            unreached,
        }) => {
            images.extend_from_slice(index.images());
            listing.fetched = fetched;
            listing.unreached = unreached.map(|error| error.to_string());
        }
        Err(error) => listing.unreached = Some(error.to_string()),
    }
    // What is in the cache can be built from, whatever an index says.
    for image in stored::list(how.cache)
        .into_iter()
        .filter_map(|stored| stored.note?.official)
    {
        if !images.contains(&image) {
            images.push(image);
        }
    }
    let key = |image: &OfficialImage| (image.identifier.clone(), image.architecture.name());
    images.sort_by(|a, b| {
        key(a)
            .cmp(&key(b))
            .then_with(|| b.release_date.cmp(&a.release_date))
    });
    if !all {
        images.dedup_by(|next, kept| key(next) == key(kept));
    }
    let wanted = |architecture| architectures.contains(&architecture);
    let official = images
        .into_iter()
        .filter(|image| wanted(image.architecture));
    listing.rows.extend(official.map(|image| row(image, how)));
    for suite in Suite::ALL.into_iter().rev() {
        let suitable = architectures
            .iter()
            .filter_map(|one| DebianBase::new(suite, *one));
        listing.rows.extend(suitable.map(|base| Row {
            name: BaseChoice::Debian(suite).to_string(),
            release: suite.to_string(),
            architecture: base.architecture(),
            cached: newest_built(&base, how.cache),
            official: None,
        }));
    }
    Ok(listing)
}

/// The base of Debian's packages that was built last. Which packages are in it, its lock says.
fn newest_built(base: &DebianBase, cache: &Path) -> Option<PathBuf> {
    let prefix = format!("{}-{}-", base.suite().base_name(), base.architecture());
    let built = fs::read_dir(cache.join("bases")).ok()?.flatten();
    let built = built.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with(&prefix) && name.ends_with(".img")
    });
    let dated = built.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry)));
    let newest = dated.max_by_key(|(modified, _)| *modified)?;
    Some(newest.1.path())
}

fn row(image: OfficialImage, how: &How<'_>) -> Row {
    Row {
        name: image.identifier.clone(),
        release: image.release_date.clone(),
        architecture: image.architecture,
        cached: stored_path(&image, how.cache),
        official: Some(image),
    }
}
