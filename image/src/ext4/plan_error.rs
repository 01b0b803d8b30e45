//! Why an overlay doesn't fit a base.

use super::read::Ext4Error;

/// The longest name in a directory, in bytes.
pub(super) const NAME_MAX: usize = 255;

/// The most names in a path: the reader that proves what was written gives up behind 1000.
pub(super) const DEEPEST: usize = 1000;

/// Why an overlay can't be put onto a base.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The base could not be read.
    #[error("cannot look at what the base has")]
    Base(#[from] Ext4Error),
    /// What is there can't be replaced by what is wanted.
    #[error("{path} is {found} in the base, and {origin} wants {wanted} there")]
    Clash {
        /// The entry's path.
        path: String,
        /// What the entry is.
        wanted: &'static str,
        /// What the base has.
        found: String,
        /// Where the entry comes from.
        origin: String,
    },
    /// A tree that holds the mount point of the FAT partition would go.
    #[error("{path} can't be removed: the FAT partition is mounted there")]
    Needed {
        /// The tree.
        path: String,
    },
    /// A name in a tree that shall go can't be written into a script.
    #[error("{path} can't be removed: a name in it isn't UTF-8 or has a control character")]
    Unspeakable {
        /// The directory with that name.
        path: String,
    },
    /// A directory is in itself.
    #[error("{path} can't be removed: it has more directories than the file system")]
    Endless {
        /// The tree.
        path: String,
    },
    /// Something on the way to an entry is no directory.
    #[error("{path} can't be written: {place} is {found}")]
    Below {
        /// The entry's path.
        path: String,
        /// The part of it that is in the way.
        place: String,
        /// What is there.
        found: String,
    },
    /// Two entries have different paths but, through links of the base, the same place.
    #[error("{first} ({first_origin}) and {path} ({origin}) are the same place in the base")]
    Twice {
        /// The second entry's path.
        path: String,
        /// Where that comes from.
        origin: String,
        /// The first entry's path.
        first: String,
        /// Where that comes from.
        first_origin: String,
    },
    /// Something that isn't a directory, where a directory is needed.
    #[error("{path} ({origin}) must be a directory: it is the {reason}")]
    Parent {
        /// The entry's path.
        path: String,
        /// Where it comes from.
        origin: String,
        /// What needs the directory.
        reason: String,
    },
    /// A name is too long for ext4.
    #[error("{path} has a name of {length} bytes, ext4 allows {NAME_MAX}")]
    Name {
        /// The entry's path.
        path: String,
        /// The length of the name.
        length: usize,
    },
    /// A path has too many names.
    #[error("{path} has more than {DEEPEST} names")]
    Deep {
        /// The entry's path.
        path: String,
    },
    /// A link's target can't be stored.
    #[error(
        "the target of link {path} must be 1 to {longest} bytes without control characters, and no name in it longer than {NAME_MAX}"
    )]
    Link {
        /// The entry's path.
        path: String,
        /// The most bytes this file system stores.
        longest: usize,
    },
}

impl PlanError {
    /// What to do about it, if anything is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Base(Ext4Error::Superblock { source, .. }) => source.hint(),
            Self::Base(_) => None,
            Self::Clash { .. } => Some("give the entry another path, or leave it out"),
            Self::Needed { .. } => Some("name what shall go from it, one by one"),
            Self::Unspeakable { .. } => {
                Some("rename it on the base first, or leave the tree where it is")
            }
            Self::Endless { .. } => Some("the base is damaged: take another copy of it"),
            Self::Below { .. } => {
                Some("give the entry a path with nothing but directories above it")
            }
            Self::Twice { .. } => Some("leave one of them out, or give both the same path"),
            Self::Parent { .. } => {
                Some("make a directory of it, or take what lies below it out of its overlay")
            }
            Self::Name { .. } | Self::Deep { .. } => Some("choose a shorter name"),
            Self::Link { .. } => Some("choose another target, or leave the link out"),
        }
    }
}
