//! From an entry of the index to a raw image in the cache.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::OfficialError;
use super::image::OfficialImage;
use super::site::Site;
use crate::base::error::LocalError;
use crate::base::lease;
use crate::base::local::{UNPACKING, check};
use crate::base::net::{DownloadError, Source, download, host_of};
use crate::base::stored::Note;
use crate::copy::{Draft, write_error};
use crate::hex;
use crate::packed::{Wanted, unpack};
use crate::progress::Progress;

/// What becomes of the archive once it is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Archive {
    /// It goes: the raw image is all that is needed.
    #[default]
    Remove,
    /// It stays in the cache's `archives`.
    Keep,
}

/// Where `image` lies in `cache` once it is there; `None` if it isn't.
pub fn stored_path(image: &OfficialImage, cache: &Path) -> Option<PathBuf> {
    let path = cache.join("bases").join(image.file_name());
    let note = Note::of(&path)?;
    let same = note.sha256 == image.extract_sha256 && note.size == image.extract_size;
    same.then_some(path)
}

/// Whether a part of the archive of `image`, or all of it, is in `cache`: a download can go on.
pub fn has_begun(image: &OfficialImage, cache: &Path) -> bool {
    let whole = archive_path(image, cache);
    let part = whole.with_extension("archive.part");
    [whole, part]
        .iter()
        .any(|path| fs::metadata(path).is_ok_and(|about| about.len() > 0))
}

fn archive_path(image: &OfficialImage, cache: &Path) -> PathBuf {
    let path = cache.join("archives").join(image.file_name());
    path.with_extension("archive")
}

/// Fetches exactly `image` into `cache`, unless it is there, and returns its path.
///
/// The entry may come from an index or from a lock file. The archive is compared with its digest while it is
/// downloaded, if that is known, and the contents with theirs while they are unpacked. A download that was cut goes
/// on where it was, in this run or a later one. Two processes that want the same wait for each other.
pub fn prepare(
    image: &OfficialImage,
    site: &Site,
    cache: &Path,
    archive: Archive,
    progress: &mut dyn Progress,
) -> Result<PathBuf, OfficialError> {
    image.check().map_err(|why| OfficialError::Entry {
        name: image.name.clone(),
        why,
    })?;
    if let Some(path) = stored_path(image, cache) {
        return Ok(path);
    }
    let (bases, archives) = (cache.join("bases"), cache.join("archives"));
    for folder in [&bases, &archives] {
        fs::create_dir_all(folder).map_err(|error| write_error(folder, error))?;
    }
    let target = bases.join(image.file_name());
    let _alone = lease::own(&target, progress).map_err(|e| LocalError::cache(&target, e))?;
    if let Some(path) = stored_path(image, cache) {
        return Ok(path);
    }
    let packed = archive_path(image, cache);
    if !packed.exists() {
        fetch(image, site, &packed, progress)?;
    }
    let made = make(image, &packed, &target, progress);
    let useless = matches!(&made, Err(error) if !error.is_interrupted() && !error.is_full());
    if useless || (made.is_ok() && archive == Archive::Remove) {
        // The next run would find the same fault, or the same image.
        let _ = fs::remove_file(&packed);
    }
    made.map(|()| target)
}

fn fetch(
    image: &OfficialImage,
    site: &Site,
    packed: &Path,
    progress: &mut dyn Progress,
) -> Result<(), OfficialError> {
    let url = site.address(&image.url);
    progress.detail(&format!("from {}", host_of(&url)));
    let source = Source {
        url: &url,
        size: image.image_download_size,
        sha256: image.image_download_sha256.as_deref(),
    };
    download(site.client(), source, packed, progress).map_err(|error| match error {
        DownloadError::Net(error) => OfficialError::Net(error),
        other => OfficialError::Download(other),
    })
}

/// Unpacks the archive, and compares what was in it with what the index promised.
fn make(
    image: &OfficialImage,
    packed: &Path,
    target: &Path,
    progress: &mut dyn Progress,
) -> Result<(), OfficialError> {
    let mut draft = Draft::beside(target)?;
    let mut hash = Sha256::new();
    let wanted = Wanted {
        step: UNPACKING,
        size: Some(image.extract_size),
        hash: Some(&mut hash),
    };
    let size = unpack(packed, &mut draft, wanted, progress).map_err(LocalError::from)?;
    let sha256 = hex(&hash.finalize());
    if size != image.extract_size {
        return Err(OfficialError::Size {
            image: image.to_string(),
            actual: size,
            expected: image.extract_size,
        });
    }
    if sha256 != image.extract_sha256 {
        return Err(OfficialError::Digest {
            image: image.to_string(),
            actual: sha256,
            expected: image.extract_sha256.clone(),
        });
    }
    check(
        draft.path(),
        Path::new(&image.file_name()),
        image.architecture,
    )?;
    draft.commit()?;
    let mut note = Note::new(size, sha256, image.url.clone());
    note.official = Some(image.clone());
    note.write(target)?;
    Ok(())
}
