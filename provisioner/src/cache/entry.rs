//! One thing in the cache.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

/// What something in the cache is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A raw image that cards are made from.
    Base,
    /// An archive that was downloaded, or the beginning of one.
    Archive,
    /// A copy of an index of images.
    Index,
    /// Packages of Debian that bases are built from.
    Packages,
    /// A compiled broker.
    Broker,
    /// What the compiler keeps, to compile the next broker faster.
    CompileTree,
    /// How far a card was written, to go on from there.
    Journal,
    /// What an ended process has left.
    Leftover,
    /// Programs that `ci/setup` has installed.
    Tools,
    /// What this project's own tests keep.
    Tests,
    /// Something that this program did not put there.
    Other,
}

impl Kind {
    /// A word for people and programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Archive => "archive",
            Self::Index => "index",
            Self::Packages => "packages",
            Self::Broker => "broker",
            Self::CompileTree => "compile-tree",
            Self::Journal => "journal",
            Self::Leftover => "leftover",
            Self::Tools => "tools",
            Self::Tests => "tests",
            Self::Other => "other",
        }
    }

    /// Whether it is removed only with everything.
    pub const fn is_kept(self) -> bool {
        matches!(self, Self::Tools | Self::Tests | Self::Other)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What keeps others from using something while it is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// The lock beside an image, which is shared by those who use it.
    Image(PathBuf),
    /// A lock file.
    File(PathBuf),
    /// The file itself, which is locked while it is made.
    Draft(PathBuf),
}

/// One thing in the cache: a file with what belongs to it, or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is for.
    pub kind: Kind,
    /// Where it is, relative to the cache.
    pub name: String,
    /// What it is, in a few words; may be empty.
    pub what: String,
    /// Bytes that it takes on the disk.
    pub size: u64,
    /// When it was used last, as far as that is known.
    pub used: Option<SystemTime>,
    /// The files and folders that it consists of.
    pub paths: Vec<PathBuf>,
    /// What must be held to remove it.
    pub guards: Vec<Guard>,
}
