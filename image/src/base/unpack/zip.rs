//! The one image in a zip archive.

use std::io::{BufRead, Seek};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use crate::base::error::LocalError;

/// Opens the archive and finds its only entry that is called `….img`.
///
/// Its name is used for nothing but this, so where it says that it lies doesn't matter; an archive with
/// names that lead elsewhere is refused all the same, since no honest one has them.
pub(super) fn only_image<R: BufRead + Seek>(
    source: &Path,
    packed: R,
) -> Result<(ZipArchive<R>, usize), LocalError> {
    let mut archive = ZipArchive::new(packed).map_err(|error| match error {
        ZipError::Io(error) if error.raw_os_error().is_some() => LocalError::read(source, error),
        error => LocalError::NoDirectory {
            path: source.to_owned(),
            source: error.into(),
        },
    })?;
    let mut images = Vec::new();
    for index in 0..archive.len() {
        let entry = archive
            .by_index_raw(index)
            .map_err(|error| LocalError::corrupt(source, "zip", error.into()))?;
        if entry.enclosed_name().is_none() {
            return Err(contents(source, "an entry's name leads out of it"));
        }
        let name = entry.name().unwrap_or_default();
        let is_image = Path::new(&*name)
            .extension()
            .is_some_and(|suffix| suffix.eq_ignore_ascii_case("img"));
        if is_image && entry.is_file() {
            if entry.encrypted() {
                return Err(contents(source, "the image in it is encrypted"));
            }
            images.push(index);
        }
    }
    match images[..] {
        [index] => Ok((archive, index)),
        [] => Err(contents(source, "there is no .img file in it")),
        _ => Err(contents(source, "there are several .img files in it")),
    }
}

fn contents(source: &Path, why: &'static str) -> LocalError {
    LocalError::Contents {
        path: source.to_owned(),
        why,
    }
}
