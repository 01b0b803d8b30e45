//! The broker's source code, found beside the program or named by the user.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::hint::Fault;

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

    /// The workspace's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A digest of everything that the broker is made of: its sources, the manifests, the lock file.
    pub fn digest(&self) -> anyhow::Result<String> {
        let mut files = vec![
            self.root.join("Cargo.toml"),
            self.root.join("Cargo.lock"),
            self.root.join("broker/Cargo.toml"),
        ];
        collect(&self.root.join("broker/src"), &mut files)?;
        files.sort();
        let mut hash = Sha256::new();
        for file in &files {
            let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
            let name = file
                .strip_prefix(&self.root)
                .unwrap_or(file)
                .as_os_str()
                .as_encoded_bytes();
            for part in [name, &bytes] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        Ok(HEXLOWER.encode(&hash.finalize()))
    }
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
