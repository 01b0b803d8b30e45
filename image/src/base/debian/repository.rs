//! A Debian archive of exactly the packages that a base is made of, for mmdebstrap to install from.
//!
//! It has each package in one version, so that there is nothing to choose. It lies where temporary files
//! do: in its namespace, root is a user who may not enter the folders of an ordinary one.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::debs;
use super::error::{DebianError, failed};
use super::packages::{Package, PackageSet};
use super::suite::Suite;
use crate::{Architecture, Progress, hex, process};

/// The archive; it is gone when it is dropped.
pub(super) struct Repository {
    folder: TempDir,
    suite: Suite,
}

impl Repository {
    /// Makes it of .debs that are all in the cache; each is checked once more.
    pub(super) fn new(
        packages: &PackageSet,
        suite: Suite,
        architecture: Architecture,
        cache: &Path,
        progress: &mut dyn Progress,
    ) -> Result<Self, DebianError> {
        let temporary = std::env::temp_dir();
        let folder = tempfile::Builder::new()
            .prefix("provision-debs-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .map_err(failed("make a temporary folder in", &temporary))?;
        let root = folder.path();
        let pool = root.join("pool");
        make_folder(&pool)?;
        let mut index = String::new();
        for (number, (name, package)) in packages.iter().enumerate() {
            if progress.cancelled() {
                return Err(DebianError::Interrupted);
            }
            let file = format!("{number}.deb");
            place(
                &debs::path(cache, package),
                &pool.join(&file),
                name,
                package,
            )?;
            let control = control(&pool.join(&file))?;
            // Writing to a string doesn't fail.
            let _ = writeln!(
                index,
                "{}\nFilename: pool/{file}\nSize: {}\nSHA256: {}\n",
                control.trim_end(),
                package.size,
                package.sha256
            );
        }
        let suite_folder = root.join("dists").join(suite.codename());
        let lists = format!("main/binary-{architecture}");
        make_folder(&suite_folder.join(&lists))?;
        write(&suite_folder.join(&lists).join("Packages"), &index)?;
        let release = format!(
            "Suite: {suite}\nCodename: {suite}\nArchitectures: {architecture}\nComponents: main\n\
             SHA256:\n {} {} {lists}/Packages\n",
            hex(&Sha256::digest(&index)),
            index.len(),
        );
        write(&suite_folder.join("Release"), &release)?;
        Ok(Self { folder, suite })
    }

    /// The line of `sources.list` that names it. There is no signature to check: each package was held
    /// against its digest.
    pub(super) fn line(&self) -> String {
        format!(
            "deb [trusted=yes] copy:{} {} main",
            self.folder.path().display(),
            self.suite
        )
    }
}

/// Puts a .deb of the cache at `target`, without copying where that can be.
fn place(deb: &Path, target: &Path, name: &str, package: &Package) -> Result<(), DebianError> {
    debs::check(deb, name, package)?;
    if fs::hard_link(deb, target).is_err() {
        fs::copy(deb, target).map_err(failed("copy", deb))?;
    }
    // Root of a namespace is somebody else.
    fs::set_permissions(target, fs::Permissions::from_mode(0o644))
        .map_err(failed("open up", target))
}

/// What a .deb says about itself.
fn control(deb: &Path) -> Result<String, DebianError> {
    let mut command = Command::new(process::find("dpkg-deb", "dpkg")?);
    let finished = process::run(command.arg("--field").arg(deb), &[])?;
    if !finished.status.success() {
        return Err(finished.failure().into());
    }
    Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
}

fn make_folder(path: &Path) -> Result<(), DebianError> {
    fs::create_dir_all(path).map_err(failed("make folder", path))
}

fn write(path: &Path, text: &str) -> Result<(), DebianError> {
    fs::File::create(path)
        .and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()))
        .map_err(failed("write", path))
}
