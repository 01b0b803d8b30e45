//! One path that differs, as a value.

use serde::Serialize;

use crate::ext4::{Found, FoundKind};

/// A path that is not the same on both cards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where it is on the Pi; bytes that are no UTF-8 are replaced.
    pub path: String,
    /// Whether it came, went or changed.
    pub change: ChangeKind,
    /// What it was, unless it was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Side>,
    /// What it is, unless it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Side>,
    /// In what the two differ; empty if it was added or removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// How the contents differ, if that was asked for and they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
}

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is on the second card only.
    Added,
    /// It is on the first card only.
    Removed,
    /// It is on both and not the same.
    Changed,
}

impl ChangeKind {
    /// The word for it, the same for people and in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// What lies at a path on one card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Side {
    /// What it is.
    pub kind: SideKind,
    /// Permission bits in octal; those of links mean nothing, and FAT's are as the Pi mounts it.
    pub mode: String,
    /// `uid:gid`.
    pub owner: String,
    /// A file's size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// A link's target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// When it was last modified, in seconds since 1970; 0 on FAT.
    pub modified: i64,
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SideKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, a socket or a pipe.
    Special,
}

impl SideKind {
    /// The word for it, the same for people and in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Special => "special",
        }
    }
}

impl Side {
    pub(super) fn of(found: &Found) -> Self {
        let (kind, size, target) = match &found.kind {
            FoundKind::File(size) => (SideKind::File, Some(*size), None),
            FoundKind::Directory => (SideKind::Directory, None, None),
            FoundKind::Symlink(target) => (SideKind::Symlink, None, Some(target.clone())),
            FoundKind::Special => (SideKind::Special, None, None),
        };
        Self {
            kind,
            mode: format!("{:04o}", found.mode),
            owner: format!("{}:{}", found.owner.uid, found.owner.gid),
            size,
            target,
            modified: found.modified,
        }
    }
}

/// In what two things at one path differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// One is a file, say, and the other a link.
    Kind,
    /// The permission bits.
    Mode,
    /// User or group.
    Owner,
    /// The number of bytes.
    Size,
    /// The bytes.
    Content,
    /// Where the links lead.
    Target,
    /// When they were last modified.
    Modified,
}

/// How the contents of a file differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Text {
    /// The lines that differ, in the unified form.
    Lines(String),
    /// Not everybody may read it, or it has a secret in it: not shown.
    Secret,
    /// It is no text.
    Binary,
    /// It is too long to be shown.
    Long,
}
