//! What must be removed so that nothing is left at a path: a file, a link, or a whole tree.

use super::plan_error::PlanError;
use super::read::{Ext4, FoundKind};
use crate::overlay::EntryPath;

/// One name that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Removal {
    pub(crate) path: String,
    /// A directory, empty by the time that its turn comes.
    pub(crate) directory: bool,
}

/// All names to be removed so that nothing is at `path`, where `base` has a `kind`: what is in a directory
/// before the directory.
///
/// Links aren't followed, and of a file with several names only these go.
///
/// # Errors
///
/// [`PlanError::Needed`] for a tree that the FAT partition is mounted in, [`PlanError::Unspeakable`] for
/// one with a name that can't be written into a script.
pub(super) fn removals(
    base: &Ext4,
    path: &str,
    kind: &FoundKind,
) -> Result<Vec<Removal>, PlanError> {
    let removal = |path: String, directory| Removal { path, directory };
    if *kind != FoundKind::Directory {
        return Ok(vec![removal(path.to_owned(), false)]);
    }
    if EntryPath::BOOT
        .strip_prefix(path)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    {
        return Err(PlanError::Needed {
            path: path.to_owned(),
        });
    }
    let mut directories = vec![path.to_owned()];
    let mut removals = Vec::new();
    let mut next = 0;
    while let Some(folder) = directories.get(next).cloned() {
        next += 1;
        for (name, directory) in base.names_in(&folder)? {
            let Some(name) = name else {
                return Err(PlanError::Unspeakable { path: folder });
            };
            let inner = format!("{folder}/{name}");
            if directory {
                directories.push(inner);
            } else {
                removals.push(removal(inner, false));
            }
        }
        // A sound file system has no more directories than inodes.
        if directories.len() > base.superblock().inodes as usize {
            return Err(PlanError::Endless {
                path: path.to_owned(),
            });
        }
    }
    let directories = directories.into_iter().rev();
    removals.extend(directories.map(|path| removal(path, true)));
    Ok(removals)
}
