//! What lies on the FAT partition and should not lie there.

use serde::Serialize;

use super::finding::Finding;
use crate::card::{Card, CardError};
use crate::fat::FatKind;
use crate::secrets::{SecretKind, secrets};
use crate::system::{Fate, SeedFile};

/// Texts for people and first-boot programs are shorter.
const LARGEST: u64 = 1 << 20;
/// No card has more; a damaged directory may.
const MOST: usize = 10_000;
const DEEPEST: usize = 8;

/// Where a secret lies that everybody can read who has the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretOnBoot {
    /// The file.
    pub path: String,
    /// The line in it.
    pub line: usize,
    /// What it looks like.
    pub kind: SecretKind,
}

/// Looks through all texts on the FAT partition.
pub(super) fn secrets_on_boot(card: &Card) -> Result<Vec<SecretOnBoot>, CardError> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = folders.pop() {
        for entry in card.boot().list(&folder)? {
            seen += 1;
            if seen > MOST {
                return Ok(found);
            }
            let path = if folder.is_empty() {
                entry.name
            } else {
                format!("{folder}/{}", entry.name)
            };
            match entry.kind {
                FatKind::Directory if depth < DEEPEST => folders.push((path, depth + 1)),
                FatKind::File(size) if size <= LARGEST => {
                    let bytes = card.boot().read(&path)?.unwrap_or_default();
                    found.extend(secrets(&bytes).into_iter().map(|secret| SecretOnBoot {
                        path: format!("/boot/firmware/{path}"),
                        line: secret.line,
                        kind: secret.kind,
                    }));
                }
                FatKind::Directory | FatKind::File(_) => {}
            }
        }
    }
    found.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    Ok(found)
}

pub(super) fn findings(files: &[SeedFile], secrets: &[SecretOnBoot]) -> Vec<Finding> {
    let ignored = files.iter().filter(|file| file.fate == Fate::Ignored);
    let ignored = ignored.map(|file| {
        let what = format!(
            "nothing reads it on this system: {}",
            file.settings.join(", ")
        );
        Finding::new(&file.path, what)
    });
    let open = secrets.iter().map(|secret| {
        let what = format!(
            "line {} has {}, and everybody with the card can read it",
            secret.line, secret.kind
        );
        Finding::new(&secret.path, what)
    });
    ignored.chain(open).collect()
}
