//! From an archive to a raw image with holes where it is zero, whatever it is packed with.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::PackedError;
use super::open::Packed;
use super::sparse::{HOLE, Sparse};
use super::stream::Stream;
use crate::copy::{Draft, go_on, write_error};
use crate::pieces::fill;
use crate::progress::Progress;

/// No card is larger, and no partition table of this kind has more: an archive that unpacks to more is a trap.
const LARGEST: u64 = 2 << 40;

/// What is wanted of an archive.
pub(crate) struct Wanted<'a> {
    /// What the step is called while it is done, and then.
    pub(crate) step: (&'static str, &'static str),
    /// The size of the image, if it is known: unpacking ends early if there is more.
    pub(crate) size: Option<u64>,
    /// What the image goes through, if its digest is wanted.
    pub(crate) hash: Option<&'a mut Sha256>,
}

/// Unpacks `source` into `draft`, which is empty, and returns the size of the image.
pub(crate) fn unpack(
    source: &Path,
    draft: &mut Draft,
    wanted: Wanted<'_>,
    progress: &mut dyn Progress,
) -> Result<u64, PackedError> {
    let image = Packed::open(source)?;
    let about = std::fs::metadata(source).map_err(|e| PackedError::read(source, e))?;
    progress.begin(wanted.step.0, Some(about.len()));
    let path = draft.path().to_owned();
    let to = Sparse::new(draft.file(), &path);
    let done = wanted.step.1;
    let size = image.read(|stream| drain(stream, source, to, wanted, progress))?;
    progress.end(done);
    Ok(size)
}

/// Reads `from` to its end.
fn drain(
    from: &mut Stream<'_>,
    source: &Path,
    mut to: Sparse<'_>,
    mut wanted: Wanted<'_>,
    progress: &mut dyn Progress,
) -> Result<u64, PackedError> {
    let most = wanted.size.unwrap_or(LARGEST);
    let unwritten = |error| PackedError::write(source, error);
    let mut buffer = vec![0; 16 * HOLE];
    let mut reported = 0;
    loop {
        let count = fill(from, &mut buffer).map_err(|error| from.failed(error))?;
        if count == 0 {
            break;
        }
        if to.position() + count as u64 > most {
            let path = source.to_owned();
            return Err(PackedError::TooLarge { path, most });
        }
        if let Some(hash) = &mut wanted.hash {
            hash.update(&buffer[..count]);
        }
        to.append(&buffer[..count]).map_err(unwritten)?;
        progress.advance(from.packed() - reported);
        reported = from.packed();
        go_on(progress).map_err(|error| unwritten(write_error(source, error)))?;
    }
    to.finish().map_err(unwritten)
}
