//! The broker's source code, found beside the program or named by the user.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::Target;
use crate::hint::Fault;
use crate::process;

/// A workspace that holds the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerSource {
    root: PathBuf,
}

impl BrokerSource {
    /// Looks for the workspace above the program itself, then above the working directory.
    pub fn find() -> anyhow::Result<Self> {
        let program = std::env::current_exe().ok();
        let directory = std::env::current_dir().ok();
        let places = [program.as_deref(), directory.as_deref()];
        let mut above = places.into_iter().flatten().flat_map(Path::ancestors);
        above
            .find(|folder| is_workspace(folder))
            .map(|folder| Self {
                root: folder.to_owned(),
            })
            .ok_or_else(|| {
                Fault::new(
                    "the broker's source was not found above the program or the working directory",
                )
                .hint("run in a checkout, or name a ready-made broker with --broker FILE")
                .into()
            })
    }

    #[cfg(test)]
    pub(super) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The workspace's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The crates that the broker is made of, itself left out: `NAME vVERSION FEATURE,FEATURE`, sorted.
    pub fn dependencies(&self, target: Target) -> anyhow::Result<BTreeSet<String>> {
        let mut command = Command::new("cargo");
        command
            .args(["tree", "--locked", "--package", "broker"])
            .args(["--edges", "normal,build", "--prefix", "none"])
            .args(["--format", "{p} {f}", "--target", target.triple()]);
        let tree = process::output(command.current_dir(&self.root))?;
        Ok(tree
            .lines()
            .map(|line| line.trim_end_matches("(*)").trim_end().to_owned())
            .filter(|line| !line.starts_with("broker v"))
            .collect())
    }

    /// The broker's own source, sorted.
    pub(super) fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut files = ["Cargo.toml", "build.rs"]
            .map(|name| self.root.join("broker").join(name))
            .to_vec();
        collect(&self.root.join("broker/src"), &mut files)?;
        files.sort();
        Ok(files)
    }

    /// A digest of everything that the broker is made of: its sources, the crates it is built from, the
    /// workspace's profiles. What only other packages of the workspace need doesn't count.
    pub fn digest(&self, target: Target) -> anyhow::Result<String> {
        let files = self.files()?;
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        for file in &files {
            let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
            let name = file.strip_prefix(&self.root).unwrap_or(file);
            add(name.as_os_str().as_encoded_bytes());
            add(&bytes);
        }
        for dependency in self.dependencies(target)? {
            add(dependency.as_bytes());
        }
        let manifest = self.root.join("Cargo.toml");
        let manifest = fs::read_to_string(&manifest)
            .with_context(|| format!("reading {}", manifest.display()))?;
        add(profiles(&manifest).as_bytes());
        Ok(HEXLOWER.encode(&hash.finalize()))
    }
}

/// The tables of a workspace's manifest that say how to compile for a Pi: the profile `pi`, and `release`, which it
/// inherits.
fn profiles(manifest: &str) -> String {
    let mut inside = false;
    let of_profiles = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            inside = ["[profile.pi", "[profile.release"]
                .iter()
                .any(|table| line.starts_with(table));
        }
        inside
    });
    of_profiles.collect::<Vec<_>>().join("\n")
}

fn is_workspace(folder: &Path) -> bool {
    folder.join("broker/Cargo.toml").is_file() && folder.join("Cargo.lock").is_file()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("reading folder {}", folder.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("reading folder {}", folder.display()))?
            .path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::profiles;

    #[test]
    fn of_a_manifest_only_the_profile_of_the_pi_counts() {
        let manifest = "[workspace]\nmembers = []\n[profile.dev]\nopt-level = 1\n[profile.pi]\nlto = true\n\
                        [profile.pi.package.ring]\nopt-level = 3\n";
        assert_eq!(
            profiles(manifest),
            "[profile.pi]\nlto = true\n[profile.pi.package.ring]\nopt-level = 3"
        );
    }
}
