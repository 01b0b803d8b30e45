//! The .debs of a base in the cache: each under its digest, downloaded once, checked always.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::apt::{Apt, Download};
use super::error::{DebianError, Gone, failed};
use super::lock::{lock, remove_leftovers};
use super::packages::{Package, PackageSet};
use super::sources::Sources;
use crate::pieces::sha256_of;
use crate::{Architecture, Progress};

/// How many are downloaded at a time. What is complete of them is kept if the rest fails.
const AT_ONCE: usize = 16;
/// How the folders for incomplete downloads are called.
const PARTIAL: &str = ".partial-";

/// Where .debs are kept in a cache.
pub(super) fn folder(cache: &Path) -> PathBuf {
    cache.join("debs")
}

/// Where the .deb with this sha256 is.
pub(super) fn path(cache: &Path, package: &Package) -> PathBuf {
    folder(cache).join(format!("{}.deb", package.sha256))
}

/// What a download came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    /// .debs that were not in the cache.
    pub count: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// A package with its name.
type Named<'a> = (&'a str, &'a Package);

/// Downloads what of `packages` is not in the cache.
pub(super) fn fetch(
    packages: &PackageSet,
    architecture: Architecture,
    sources: &Sources,
    cache: &Path,
    progress: &mut dyn Progress,
) -> Result<Fetched, DebianError> {
    let folder = folder(cache);
    fs::create_dir_all(&folder).map_err(failed("make folder", &folder))?;
    let _lock = lock(
        &folder.join("lock"),
        "another download of packages",
        progress,
    )?;
    remove_leftovers(&folder, PARTIAL)?;
    let missing: Vec<Named<'_>> = packages
        .iter()
        .filter(|(_, package)| !path(cache, package).is_file())
        .collect();
    let fetched = Fetched {
        count: missing.len(),
        bytes: missing.iter().map(|(_, package)| package.size).sum(),
    };
    if missing.is_empty() {
        return Ok(fetched);
    }
    let what = format!("{} packages", missing.len());
    progress.begin(&format!("Downloading {what}"), Some(fetched.bytes));
    let apt = Apt::new(architecture, "")?;
    let mut gone = Vec::new();
    for some in missing.chunks(AT_ONCE) {
        gone.extend(fetch_some(&apt, some, sources, cache, progress)?);
    }
    if !gone.is_empty() {
        return Err(DebianError::Gone(gone));
    }
    progress.end(&format!("Downloaded {what}"));
    Ok(fetched)
}

/// Downloads `some` and returns those that no archive has any more.
fn fetch_some(
    apt: &Apt,
    some: &[Named<'_>],
    sources: &Sources,
    cache: &Path,
    progress: &mut dyn Progress,
) -> Result<Vec<Gone>, DebianError> {
    let folder = folder(cache);
    let partial = tempfile::Builder::new()
        .prefix(PARTIAL)
        .tempdir_in(&folder)
        .map_err(failed("make a temporary folder in", &folder))?;
    let mut waiting: Vec<Named<'_>> = some.to_vec();
    let most = some
        .iter()
        .map(|(_, package)| sources.addresses(&package.path).len())
        .max();
    for attempt in 0..most.unwrap_or(0) {
        let files: Vec<Download> = waiting
            .iter()
            .filter_map(|named| download(named.1, attempt, sources, partial.path()))
            .collect();
        if files.is_empty() {
            break;
        }
        let complaints = apt.download(&files, progress)?;
        let mut left = Vec::new();
        for (name, package) in waiting {
            let file = partial.path().join(&package.sha256);
            if keep(&file, name, package, cache)? {
                progress.advance(package.size);
            } else {
                left.push((name, package));
            }
        }
        waiting = left;
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        only_missing(&complaints.unwrap_or_default())?;
    }
    Ok(waiting.into_iter().map(Gone::of).collect())
}

fn download(
    package: &Package,
    attempt: usize,
    sources: &Sources,
    partial: &Path,
) -> Option<Download> {
    Some(Download {
        address: sources.addresses(&package.path).into_iter().nth(attempt)?,
        target: partial.join(&package.sha256).to_string_lossy().into_owned(),
        sha256: package.sha256.clone(),
    })
}

/// Takes a downloaded file into the cache if it is there and the right one.
fn keep(file: &Path, name: &str, package: &Package, cache: &Path) -> Result<bool, DebianError> {
    if !file.is_file() {
        return Ok(false);
    }
    check(file, name, package)?;
    let path = path(cache, package);
    fs::rename(file, &path).map_err(failed("put into place", &path))?;
    Ok(true)
}

/// Checks that a file is the .deb that it should be.
pub(super) fn check(file: &Path, name: &str, package: &Package) -> Result<(), DebianError> {
    let digest = File::open(file).and_then(|mut file| sha256_of(&mut file, |_| Ok(())));
    let actual = digest.map_err(failed("read", file))?;
    if actual == package.sha256 {
        return Ok(());
    }
    Err(DebianError::Digest {
        name: name.to_owned(),
        path: file.to_owned(),
        actual,
        expected: package.sha256.clone(),
    })
}

/// Fails unless the archive's only complaint is that it has no such file.
fn only_missing(said: &[String]) -> Result<(), DebianError> {
    let is_missing = |line: &str| {
        line.contains(" 404 ")
            || line.contains("File not found")
            || line.contains("No such file or directory")
    };
    let errors = || {
        said.iter()
            .filter(|line| line.starts_with("E: Failed to fetch "))
    };
    if errors().next().is_some() && errors().all(|line| is_missing(line)) {
        return Ok(());
    }
    let reason = errors().find(|line| !is_missing(line));
    let reason = reason.or_else(|| said.iter().rfind(|line| !line.is_empty()));
    Err(DebianError::Download {
        reason: reason.map_or_else(
            || "apt said nothing".to_owned(),
            |line| line.trim_start_matches("E: ").trim().to_owned(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_gone_is_told_from_an_archive_that_does_not_answer() {
        let gone = "E: Failed to fetch http://127.0.0.1:1/pool/main/a/a_1_all.deb  404  File not found [IP: 127.0.0.1 1]";
        let refused = "E: Failed to fetch http://127.0.0.1:1/pool/main/b/b_1_all.deb  Could not connect to 127.0.0.1:1";
        let said = |lines: &[&str]| {
            let lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
            only_missing(&lines)
        };

        assert!(said(&[gone, "E: Download Failed"]).is_ok());
        let error = said(&[gone, refused]).unwrap_err().to_string();
        assert!(
            error.ends_with("Could not connect to 127.0.0.1:1"),
            "{error}"
        );
        assert!(said(&[]).is_err());
    }
}
