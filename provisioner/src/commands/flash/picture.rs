//! The image and its block map.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use image::bmap::Bmap;
use image::device::{Layout, Source, SourceError};

use super::args::FlashArgs;

/// What will be written.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) source: Source,
    pub(super) layout: Layout,
    /// The block map that says so.
    pub(super) map: Option<PathBuf>,
    /// The bytes that a card must have.
    pub(super) needed: u64,
}

impl Picture {
    /// Looks at the image that was named and finds its map.
    pub(super) fn open(path: &Path, args: &FlashArgs) -> anyhow::Result<Self> {
        let source = Source::open(path)?;
        let found = match &args.bmap {
            Some(map) => Some(map.clone()),
            None if args.no_bmap => None,
            None => beside(path),
        };
        let (layout, needed) = match &found {
            Some(file) => {
                let map = read(file)?;
                (Layout::of_map(&map), map.image_size())
            }
            None => (Layout::of_source(&source)?, source.size()),
        };
        Ok(Self {
            needed: needed.max(source.size()),
            source,
            layout,
            map: found,
        })
    }
}

fn read(file: &Path) -> anyhow::Result<Bmap> {
    let bytes = fs::read(file).with_context(|| format!("reading block map {}", file.display()))?;
    let map = Bmap::parse(&bytes).map_err(|source| SourceError::Map {
        path: file.to_owned(),
        source,
    })?;
    Ok(map)
}

/// The map that belongs to `image`: its name with `.bmap`, then the same without one ending after the other,
/// so that `pi.img.xz` finds `pi.img.bmap`.
fn beside(image: &Path) -> Option<PathBuf> {
    let mut name = image.to_owned();
    loop {
        let mut candidate = OsString::from(&name);
        candidate.push(".bmap");
        let candidate = PathBuf::from(candidate);
        if candidate.is_file() {
            return Some(candidate);
        }
        name.extension()?;
        name.set_extension("");
    }
}
