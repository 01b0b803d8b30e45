//! The one image in a zip archive.

use std::fs::File;
use std::io::{self, BufRead, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::Path;

use zip::result::ZipError;
use zip::{CompressionMethod as Method, ZipArchive};

use super::error::PackedError;
use super::format::Format;

/// Where in an archive its image is.
pub(super) struct Member {
    pub(super) index: usize,
    /// Its bytes, unpacked.
    pub(super) size: u64,
}

/// Opens the archive and finds its only entry that is called `….img`.
///
/// Its name is used for nothing but this, so where it says that it lies doesn't matter; an archive with
/// names that lead elsewhere is refused all the same, since no honest one has them.
pub(super) fn only_image<R: BufRead + Seek>(
    source: &Path,
    packed: R,
) -> Result<(ZipArchive<R>, Member), PackedError> {
    let mut archive = ZipArchive::new(packed).map_err(|error| match error {
        ZipError::Io(error) if error.raw_os_error().is_some() => PackedError::read(source, error),
        error => PackedError::NoDirectory {
            path: source.to_owned(),
            source: error.into(),
        },
    })?;
    let mut images = Vec::new();
    for index in 0..archive.len() {
        let entry = archive
            .by_index_raw(index)
            .map_err(|error| PackedError::corrupt(source, Format::Zip, error.into()))?;
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
            if !matches!(entry.compression(), Method::Stored | Method::Deflated) {
                return Err(contents(source, "the image in it is not packed by deflate"));
            }
            let size = entry.size();
            images.push(Member { index, size });
        }
    }
    let count = images.len();
    match images.pop() {
        Some(image) if count == 1 => Ok((archive, image)),
        None => Err(contents(source, "there is no .img file in it")),
        Some(_) => Err(contents(source, "there are several .img files in it")),
    }
}

fn contents(source: &Path, why: &'static str) -> PackedError {
    PackedError::Contents {
        path: source.to_owned(),
        why,
    }
}

/// Whether the file goes on where the archive ends: with its record of the end, which is 22 bytes long and a
/// comment (APPNOTE.TXT 4.3.16).
pub(super) fn goes_on<R: Read + Seek>(file: &File, archive: &ZipArchive<R>) -> io::Result<bool> {
    let length = 22 + archive.comment().len() as u64;
    let Some(at) = file.metadata()?.len().checked_sub(length) else {
        return Ok(true);
    };
    let mut magic = [0; 4];
    file.read_exact_at(&mut magic, at)?;
    Ok(magic != *b"PK\x05\x06")
}
