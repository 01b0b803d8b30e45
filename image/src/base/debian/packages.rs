//! The exact packages that a base is made of.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::hex;

/// One version of one package, as the archive has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Debian's version number.
    pub version: String,
    /// `arm64`, `armhf` or `all`.
    pub architecture: String,
    /// Bytes of the .deb.
    pub size: u64,
    /// The .deb's sha256, in hexadecimal digits.
    pub sha256: String,
    /// Where it is below the mirror: `pool/main/...`, or `pool/updates/...` of the security archive.
    pub path: String,
}

/// Packages by their names, sorted: each once, with everything that they depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PackageSet(BTreeMap<String, Package>);

impl PackageSet {
    /// Collects packages.
    ///
    /// # Errors
    ///
    /// [`PackageError`] for the first one that no archive would have.
    pub fn new(
        packages: impl IntoIterator<Item = (String, Package)>,
    ) -> Result<Self, PackageError> {
        let set = Self(packages.into_iter().collect());
        set.check()?;
        Ok(set)
    }

    /// Checks what was read from a file: names, digests and paths are used in commands and file names.
    ///
    /// # Errors
    ///
    /// [`PackageError`] for the first package that no archive would have.
    pub fn check(&self) -> Result<(), PackageError> {
        for (name, package) in &self.0 {
            let fields = [
                ("name", name, is_package_name(name)),
                ("version", &package.version, is_version(&package.version)),
                (
                    "architecture",
                    &package.architecture,
                    is_package_name(&package.architecture),
                ),
                ("sha256", &package.sha256, is_sha256(&package.sha256)),
                ("path", &package.path, is_pool_path(&package.path)),
            ];
            if let Some((field, value, _)) = fields.into_iter().find(|(_, _, fits)| !fits) {
                return Err(PackageError {
                    package: name.clone(),
                    field,
                    value: value.clone(),
                });
            }
        }
        Ok(())
    }

    /// Names and packages, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Package)> {
        self.0
            .iter()
            .map(|(name, package)| (name.as_str(), package))
    }

    /// The package called `name`.
    pub fn find(&self, name: &str) -> Option<&Package> {
        self.0.get(name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes of all .debs.
    pub fn size(&self) -> u64 {
        self.0.values().map(|package| package.size).sum()
    }

    /// A digest of what would be installed; where it comes from is no part of it.
    pub(super) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (name, package) in self.iter() {
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(package.sha256.as_bytes());
            hash.update([0]);
        }
        hex(&hash.finalize())
    }

    /// What changed since `older`, sorted by name.
    pub fn changes_since(&self, older: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (name, package) in self.iter() {
            let before = older.find(name);
            if before.is_none_or(|before| before.sha256 != package.sha256) {
                changes.push(Change {
                    name: name.to_owned(),
                    before: before.map(|before| before.version.clone()),
                    after: Some(package.version.clone()),
                });
            }
        }
        let gone = older.iter().filter(|(name, _)| self.find(name).is_none());
        changes.extend(gone.map(|(name, package)| Change {
            name: name.to_owned(),
            before: Some(package.version.clone()),
            after: None,
        }));
        changes.sort_by(|a, b| a.name.cmp(&b.name));
        changes
    }
}

/// A package that came, went, or is another version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The package.
    pub name: String,
    /// The version that was there, if any.
    pub before: Option<String>,
    /// The version that is there now, if any.
    pub after: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match (&self.before, &self.after) {
            (Some(before), Some(after)) if before == after => {
                write!(f, "{name} {before}, another build of it")
            }
            (Some(before), Some(after)) => write!(f, "{name} {before} -> {after}"),
            (None, Some(after)) => write!(f, "{name} {after} is new"),
            (Some(before), None) => write!(f, "{name} {before} is gone"),
            (None, None) => f.write_str(name),
        }
    }
}

/// Something that no package of Debian has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("package {package:?}: {value:?} can't be its {field}")]
pub struct PackageError {
    /// The package.
    pub package: String,
    /// Which of its properties.
    pub field: &'static str,
    /// What it is said to be.
    pub value: String,
}

/// Whether `name` can be a package's name, after Debian Policy 5.6.1.
pub fn is_package_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
    name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.chars().all(allowed)
}

/// After Debian Policy 5.6.12.
fn is_version(version: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".+-~:".contains(c);
    version.starts_with(|c: char| c.is_ascii_digit()) && version.chars().all(allowed)
}

fn is_sha256(digest: &str) -> bool {
    let allowed = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    digest.len() == 64 && digest.chars().all(allowed)
}

fn is_pool_path(path: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "/.+-~_%:".contains(c);
    let folders = |part: &str| !part.is_empty() && part != "." && part != "..";
    path.starts_with("pool/") && path.chars().all(allowed) && path.split('/').all(folders)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn package(version: &str) -> Package {
        Package {
            version: version.to_owned(),
            architecture: "arm64".to_owned(),
            size: 10,
            sha256: hex(&Sha256::digest(version)),
            path: format!("pool/main/p/pack/pack_{version}_arm64.deb"),
        }
    }

    pub(in super::super) fn set(packages: &[(&str, &str)]) -> PackageSet {
        let packages = packages
            .iter()
            .map(|(name, version)| ((*name).to_owned(), package(version)));
        PackageSet::new(packages).unwrap()
    }

    #[test]
    fn changes_are_told_by_name_with_both_versions() {
        let old = set(&[("gone", "1.0"), ("same", "1.0"), ("sudo", "1:1.9-1")]);
        let new = set(&[("new", "2.0"), ("same", "1.0"), ("sudo", "1:1.9-1+deb13u1")]);
        let told: Vec<_> = new
            .changes_since(&old)
            .iter()
            .map(ToString::to_string)
            .collect();

        assert_eq!(
            told,
            [
                "gone 1.0 is gone",
                "new 2.0 is new",
                "sudo 1:1.9-1 -> 1:1.9-1+deb13u1"
            ]
        );
        assert_eq!(new.changes_since(&new), []);
    }

    #[test]
    fn the_digest_is_of_names_and_contents_and_not_of_places() {
        let one = set(&[("sudo", "1.0")]);
        let mut moved = package("1.0");
        moved.path = "pool/updates/main/s/sudo/sudo_1.0_arm64.deb".to_owned();
        let moved = PackageSet::new([("sudo".to_owned(), moved)]).unwrap();

        assert_eq!(one.digest(), moved.digest());
        assert_ne!(one.digest(), set(&[("sudo", "1.1")]).digest());
        assert_ne!(one.digest(), set(&[("sudo2", "1.0")]).digest());
    }

    #[test]
    fn what_no_archive_has_is_refused_with_the_value() {
        let broken = |change: fn(&mut Package)| {
            let mut package = package("1.0");
            change(&mut package);
            PackageSet::new([("sudo".to_owned(), package)])
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            broken(|p| p.path = "pool/../../etc/passwd".to_owned()),
            r#"package "sudo": "pool/../../etc/passwd" can't be its path"#
        );
        assert_eq!(
            broken(|p| p.sha256 = "../x".to_owned()),
            r#"package "sudo": "../x" can't be its sha256"#
        );
        assert_eq!(
            broken(|p| p.version = "1.0 -o x".to_owned()),
            r#"package "sudo": "1.0 -o x" can't be its version"#
        );
        let named = PackageSet::new([("-x".to_owned(), package("1.0"))]).unwrap_err();
        assert_eq!(named.field, "name");
    }
}
