//! What was written onto a card: for people, for `verify`, and for the next build.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ext4::{Change, Planned};
use crate::mbr::Partition;
use crate::overlay::{Entry, EntryPath, Kind};

/// The result of [`assemble`](fn@crate::assemble).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this format.
    pub version: u32,
    /// The size of the image in bytes.
    pub size: u64,
    /// By how many bytes it is larger than its base.
    pub grown: u64,
    /// The disk signature in eight hexadecimal digits, the first half of every `PARTUUID`.
    pub disk_id: String,
    /// The partitions.
    pub partitions: Vec<Partition>,
    /// Bytes that are free on the root file system.
    pub free: u64,
    /// Every path that was written, sorted.
    pub written: Vec<Written>,
}

/// One path that was written and read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Where it is on the Pi, links in its parent resolved.
    pub path: String,
    /// What it is.
    #[serde(flatten)]
    pub content: Content,
    /// Permission bits in octal; FAT has none, and those of links mean nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `uid:gid`; FAT has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Where it came from.
    pub origin: String,
}

/// What was written at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Content {
    /// A file.
    File {
        /// Its size in bytes; none for a secret, since the length of a password helps to guess it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
        /// Its sha256, or `secret`: the digest of a short secret gives it away.
        sha256: String,
    },
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// Its target.
        target: String,
    },
    /// Nothing: what the base had there is gone.
    Absent,
}

impl Written {
    pub(crate) fn on_root(step: &Planned<'_>) -> Self {
        let content = match step.change {
            Change::Write(bytes) => file(bytes, step.secret),
            Change::MakeDirectory | Change::SetDirectory => Content::Directory,
            Change::Link(target) => Content::Symlink {
                target: target.to_owned(),
            },
            Change::Remove => Content::Absent,
        };
        let has_mode = matches!(content, Content::File { .. } | Content::Directory);
        let has_owner = content != Content::Absent;
        Self {
            path: step.target.path(),
            content,
            mode: has_mode.then(|| format!("{:04o}", step.mode)),
            owner: has_owner.then(|| format!("{}:{}", step.owner.uid, step.owner.gid)),
            origin: step.origin.clone(),
        }
    }

    pub(crate) fn on_boot(path: &EntryPath, entry: &Entry) -> Self {
        let content = match &entry.kind {
            Kind::File(bytes) => file(bytes, entry.secret),
            Kind::Directory => Content::Directory,
            Kind::Symlink(target) => Content::Symlink {
                target: target.clone(),
            },
            Kind::Absent => Content::Absent,
        };
        Self {
            path: path.to_string(),
            content,
            mode: None,
            owner: None,
            origin: entry.origin.clone(),
        }
    }
}

fn file(bytes: &[u8], secret: bool) -> Content {
    Content::File {
        size: (!secret).then_some(bytes.len() as u64),
        sha256: if secret {
            "secret".to_owned()
        } else {
            hex(&Sha256::digest(bytes))
        },
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xF])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}
