//! From names of packages to versions: what a mirror has today.

use std::path::{Path, PathBuf};

use super::apt::Apt;
use super::error::DebianError;
use super::inputs::DebianBase;
use super::packages::PackageSet;
use crate::Progress;

/// Where the package `debian-archive-keyring` has Debian's keys; the second since trixie.
pub const KEYRINGS: [&str; 2] = [
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/debian-archive-keyring.pgp",
];

impl DebianBase {
    /// Asks the mirrors for the newest versions of all packages that the base needs. Takes seconds, and
    /// downloads lists only; their signatures are checked.
    ///
    /// # Errors
    ///
    /// [`DebianError::UnknownPackage`] if there is no package of a name that was asked for,
    /// [`DebianError::Lists`] if the mirrors can't be read.
    pub fn resolve(&self, progress: &mut dyn Progress) -> Result<PackageSet, DebianError> {
        let keyring = keyring().ok_or(DebianError::Keyring)?;
        let options = format!("[signed-by={}] ", keyring.display());
        resolve_from(self, &self.sources.lines(&options), progress)
    }
}

pub(super) fn resolve_from(
    base: &DebianBase,
    sources: &str,
    progress: &mut dyn Progress,
) -> Result<PackageSet, DebianError> {
    let what = format!("{} for {}", base.suite(), base.architecture());
    progress.begin(&format!("Reading lists of {what}"), None);
    let apt = Apt::new(base.architecture(), sources)?;
    apt.update(progress)?;
    let packages = apt.describe(&apt.choose(&base.roots())?)?;
    progress.end(&format!("Chose {} packages of {what}", packages.len()));
    Ok(packages)
}

fn keyring() -> Option<PathBuf> {
    KEYRINGS
        .into_iter()
        .map(PathBuf::from)
        .find(|path| Path::is_file(path))
}
