//! Which bytes of an image matter.

use std::fs::File;
use std::ops::Range;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use super::error::SourceError;
use super::source::Source;
use crate::bmap::Bmap;
use crate::packed::PackedError;

/// A run of bytes that must be on the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// Where they are, in the image and on the card.
    pub bytes: Range<u64>,
    /// What they are.
    pub kind: ExtentKind,
}

/// What the bytes of an [`Extent`] are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtentKind {
    /// Whatever the image has there, with the sha256 if it is known.
    Data(Option<[u8; 32]>),
    /// Zeros: a hole of a sparse image.
    Zero,
    /// Whatever the image has from here to its end, wherever that is.
    Open,
}

/// The bytes of an image that must be on the card, ascending. What is in no extent may stay as it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The size of the image, if it must have this one.
    pub(super) exact: Option<u64>,
    pub(super) extents: Vec<Extent>,
}

impl Layout {
    /// What a block map says.
    pub fn of_map(map: &Bmap) -> Self {
        let extents = map.ranges().iter().map(|range| Extent {
            bytes: map.bytes(range),
            kind: ExtentKind::Data(range.sha256),
        });
        Self {
            exact: Some(map.image_size()),
            extents: extents.collect(),
        }
    }

    /// What can be said without a map: the holes of a raw image are zeros, and a packed one is read to its end.
    pub fn of_source(source: &Source) -> Result<Self, SourceError> {
        if !source.is_raw() {
            return Ok(Self {
                exact: None,
                extents: vec![Extent {
                    bytes: 0..u64::MAX,
                    kind: ExtentKind::Open,
                }],
            });
        }
        let failed = |error| PackedError::read(source.path(), error);
        let file = File::open(source.path()).map_err(failed)?;
        let size = source.size();
        Ok(Self {
            exact: Some(size),
            extents: holes(&file, size).map_err(|error| failed(error.into()))?,
        })
    }

    /// What must be on the card, ascending.
    pub fn extents(&self) -> &[Extent] {
        &self.extents
    }

    /// How many bytes will be written or made zero, if that is known.
    pub fn total(&self) -> Option<u64> {
        let lengths = self.extents.iter().map(|extent| match extent.kind {
            ExtentKind::Open => None,
            _ => Some(extent.bytes.end - extent.bytes.start),
        });
        lengths.sum()
    }
}

/// The data and the holes of a file of `size` bytes.
fn holes(file: &File, size: u64) -> rustix::io::Result<Vec<Extent>> {
    let mut extents = Vec::new();
    let mut add = |bytes: Range<u64>, kind| {
        if !bytes.is_empty() {
            extents.push(Extent { bytes, kind });
        }
    };
    let mut at = 0;
    while at < size {
        let start = match seek(file, SeekFrom::Data(at)) {
            Ok(start) => start.min(size),
            Err(Errno::NXIO) => size,
            // The file system knows nothing of holes.
            Err(Errno::INVAL) => at,
            Err(error) => return Err(error),
        };
        add(at..start, ExtentKind::Zero);
        if start == size {
            break;
        }
        let end = match seek(file, SeekFrom::Hole(start)) {
            Ok(end) => end.min(size),
            Err(Errno::INVAL) => size,
            Err(error) => return Err(error),
        };
        add(start..end, ExtentKind::Data(None));
        at = end;
    }
    Ok(extents)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn holes_and_data_follow_each_other_and_fill_the_file() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"start", 0).unwrap();
        file.write_all_at(b"middle", 4 << 20).unwrap();
        file.set_len(8 << 20).unwrap();
        let found = holes(&file, 8 << 20).unwrap();
        let kinds: Vec<_> = found.iter().map(|extent| extent.kind).collect();
        let data = ExtentKind::Data(None);
        assert_eq!(kinds, [data, ExtentKind::Zero, data, ExtentKind::Zero]);
        assert!(
            found
                .windows(2)
                .all(|pair| pair[0].bytes.end == pair[1].bytes.start)
        );
        assert_eq!(found[3].bytes.end, 8 << 20);
        assert!(found[2].bytes.contains(&(4 << 20)));
    }
}
