//! What must happen to a root file system so that it holds an overlay: decided before anything is
//! written, against the base as it is.

use std::collections::BTreeMap;

use super::plan_error::{DEEPEST, NAME_MAX, PlanError};
use super::read::{Ext4, FoundKind};
use super::removal::{Removal, removals};
use crate::overlay::{Entry, EntryPath, Kind, Overlay, Owner};

/// Mode of directories that are made because something lies below them.
const PARENT_MODE: u32 = 0o755;

/// What happens at one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    /// A file is written.
    Write(&'a [u8]),
    /// A directory is made.
    MakeDirectory,
    /// A directory that is there gets its mode and owner.
    SetDirectory,
    /// A symbolic link is made.
    Link(&'a str),
    /// Nothing is to be there.
    Remove,
}

/// One step: a change, and the place in the file system where it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned<'a> {
    /// The entry's path with all links of the base resolved in its parent.
    pub(crate) target: Target,
    pub(crate) change: Change<'a>,
    /// What must be removed first, in this order.
    pub(crate) removes: Vec<Removal>,
    pub(crate) mode: u32,
    pub(crate) owner: Owner,
    /// Where the entry came from, or why its directory is made.
    pub(crate) origin: String,
    pub(crate) secret: bool,
    /// The path as it was asked for; none if nobody did, but something lies below it.
    asked: Option<&'a EntryPath>,
}

/// A resolved path: a directory without links, and a name in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    /// `/usr/lib`, or the empty string for the root.
    parent: String,
    name: String,
}

impl Target {
    /// The directory, never empty.
    pub(crate) fn parent(&self) -> &str {
        if self.parent.is_empty() {
            "/"
        } else {
            &self.parent
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.parent, self.name)
    }
}

/// All steps, in an order in which they can be done: directories before what is in them.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    steps: Vec<Planned<'a>>,
}

/// What the steps of a plan use up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    pub(crate) bytes: u64,
    pub(crate) inodes: u64,
}

impl<'a> Plan<'a> {
    /// Plans everything in `overlay` that doesn't belong to the FAT partition.
    pub(crate) fn new(overlay: &'a Overlay, base: &Ext4) -> Result<Self, PlanError> {
        let mut planner = Planner {
            base,
            steps: Vec::new(),
            places: BTreeMap::new(),
            directories: BTreeMap::new(),
        };
        for (path, entry) in overlay.iter().filter(|(path, _)| path.on_boot().is_none()) {
            planner.add(path, entry)?;
        }
        planner.check_nothing_below_removed()?;
        Ok(Self {
            steps: planner.steps,
        })
    }

    pub(crate) fn steps(&self) -> &[Planned<'a>] {
        &self.steps
    }

    /// An upper bound of the room that the steps need in blocks of `block_size` bytes. What replaced
    /// files give back isn't counted.
    pub(crate) fn demand(&self, block_size: u64) -> Demand {
        self.steps.iter().fold(Demand::default(), |sum, step| {
            let (bytes, inodes) = match step.change {
                Change::Write(bytes) => (bytes.len() as u64, 1),
                Change::MakeDirectory | Change::Link(_) => (block_size, 1),
                Change::SetDirectory | Change::Remove => return sum,
            };
            // One block more for each: its directory, or the tree of its extents, may grow.
            let blocks = bytes.div_ceil(block_size) + 1;
            Demand {
                bytes: sum.bytes + blocks * block_size,
                inodes: sum.inodes + inodes,
            }
        })
    }
}

struct Planner<'a, 'b> {
    base: &'b Ext4,
    steps: Vec<Planned<'a>>,
    /// Which step is about which place.
    places: BTreeMap<String, usize>,
    /// Parents as written in the overlay, and what they are without links.
    directories: BTreeMap<EntryPath, String>,
}

impl<'a> Planner<'a, '_> {
    fn add(&mut self, path: &'a EntryPath, entry: &'a Entry) -> Result<(), PlanError> {
        if let Some(name) = path.as_str().split('/').find(|name| name.len() > NAME_MAX) {
            return Err(PlanError::Name {
                path: path.to_string(),
                length: name.len(),
            });
        }
        if path.as_str().matches('/').count() > DEEPEST {
            return Err(PlanError::Deep {
                path: path.to_string(),
            });
        }
        let parent = match (&entry.kind, path.parent()) {
            (Kind::Absent, Some(parent)) => self.seen(&parent)?,
            _ => Some(self.directory(path)?),
        };
        let nowhere = parent.is_none();
        let target = Target {
            parent: parent
                .or_else(|| Some(path.parent()?.as_str().to_owned()))
                .unwrap_or_default(),
            name: path.file_name().to_owned(),
        };
        let place = target.path();
        if let Some(earlier) = self.places.get(&place).map(|index| &mut self.steps[*index]) {
            return adopt(earlier, path, entry);
        }
        let found = if nowhere {
            None
        } else {
            self.base.find(&place)?
        };
        let found = found.map(|found| found.kind);
        let (change, removes) = self.change(path, &place, entry, found.as_ref())?;
        self.push(Planned {
            target,
            change,
            removes,
            mode: entry.mode,
            owner: entry.owner,
            origin: entry.origin.clone(),
            secret: entry.secret,
            asked: Some(path),
        });
        Ok(())
    }

    fn push(&mut self, step: Planned<'a>) {
        self.places.insert(step.target.path(), self.steps.len());
        self.steps.push(step);
    }

    fn change(
        &self,
        path: &EntryPath,
        place: &str,
        entry: &'a Entry,
        found: Option<&FoundKind>,
    ) -> Result<(Change<'a>, Vec<Removal>), PlanError> {
        let (change, wanted) = match &entry.kind {
            Kind::File(bytes) => (Change::Write(bytes), "a file"),
            Kind::Directory => (Change::MakeDirectory, "a directory"),
            Kind::Symlink(link) => {
                self.check_link(path, link)?;
                (Change::Link(link), "a link")
            }
            Kind::Absent => (Change::Remove, "nothing"),
        };
        match (&entry.kind, found) {
            (_, None) => Ok((change, Vec::new())),
            (Kind::Directory, Some(FoundKind::Directory)) => Ok((Change::SetDirectory, Vec::new())),
            (Kind::Absent, Some(kind)) => Ok((change, removals(self.base, place, kind)?)),
            (Kind::Directory, Some(kind)) | (_, Some(kind @ FoundKind::Directory)) => {
                Err(PlanError::Clash {
                    path: path.to_string(),
                    wanted,
                    found: kind.to_string(),
                    origin: entry.origin.clone(),
                })
            }
            (_, Some(kind)) => Ok((change, removals(self.base, place, kind)?)),
        }
    }

    fn check_link(&self, path: &EntryPath, link: &str) -> Result<(), PlanError> {
        // The kernel stores a target with a terminating zero in one block at most.
        let longest = usize::try_from(self.base.superblock().block_size - 1).unwrap_or(usize::MAX);
        let longest = longest.min(4095);
        let no_name = |name: &str| name.len() > NAME_MAX;
        if link.is_empty()
            || link.len() > longest
            || link.chars().any(char::is_control)
            || link.split('/').any(no_name)
        {
            return Err(PlanError::Link {
                path: path.to_string(),
                longest,
            });
        }
        Ok(())
    }

    /// The directory at `path` in the base, with links resolved; `None` if there is none, or none will be.
    /// What shall not be there needs no directory made for it.
    fn seen(&self, path: &EntryPath) -> Result<Option<String>, PlanError> {
        let planned = std::iter::successors(Some(path.clone()), EntryPath::parent)
            .filter_map(|above| self.places.get(above.as_str()))
            .all(|index| {
                let change = self.steps[*index].change;
                matches!(change, Change::SetDirectory | Change::MakeDirectory)
            });
        if !planned {
            return Ok(None);
        }
        match self.base.resolve(path.as_str())? {
            Some(resolved) if resolved == "/" => Ok(Some(String::new())),
            Some(resolved) if resolved.chars().any(char::is_control) => Ok(None),
            Some(resolved) if self.is_directory(&resolved)? => Ok(Some(resolved)),
            _ => Ok(None),
        }
    }

    /// Refuses what would be written into a tree that goes: by way of a link of the base this is seen only
    /// when all steps are known.
    fn check_nothing_below_removed(&self) -> Result<(), PlanError> {
        for step in self.steps.iter().filter(|s| s.change != Change::Remove) {
            let mut above = step.target.parent.as_str();
            while let Some((higher, _)) = above.rsplit_once('/') {
                let gone = self.places.get(above);
                if gone.is_some_and(|index| self.steps[*index].change == Change::Remove) {
                    return Err(PlanError::Below {
                        path: step.target.path(),
                        place: above.to_owned(),
                        found: "nothing".to_owned(),
                    });
                }
                above = higher;
            }
        }
        Ok(())
    }

    /// The directory that `path` lies in, with links resolved; it is planned where it is missing.
    fn directory(&mut self, path: &EntryPath) -> Result<String, PlanError> {
        let Some(parent) = path.parent() else {
            return Ok(String::new());
        };
        if let Some(known) = self.directories.get(&parent) {
            return Ok(known.clone());
        }
        let mut current = String::new();
        for name in parent.as_str().split('/').skip(1) {
            current = self.enter(current, name, path)?;
        }
        self.directories.insert(parent, current.clone());
        Ok(current)
    }

    /// The directory `name` in `parent`, on the way to `path`.
    fn enter(&mut self, parent: String, name: &str, path: &EntryPath) -> Result<String, PlanError> {
        let place = format!("{parent}/{name}");
        if let Some(index) = self.places.get(&place) {
            return match self.steps[*index].change {
                Change::MakeDirectory | Change::SetDirectory => Ok(place),
                Change::Write(_) => Err(below(path, place, "a file")),
                Change::Link(to) => Err(below(path, place, &format!("a link to {to}"))),
                Change::Remove => Err(below(path, place, "nothing")),
            };
        }
        let found = self.found(&parent, &place)?;
        match found {
            Some(FoundKind::Directory) => Ok(place),
            Some(kind @ FoundKind::Symlink(_)) => match self.base.resolve(&place)? {
                // It would be part of a command.
                Some(resolved) if resolved.chars().any(char::is_control) => Err(below(
                    path,
                    place,
                    "a link to a name with a control character",
                )),
                Some(resolved) if self.is_directory(&resolved)? => Ok(if resolved == "/" {
                    String::new()
                } else {
                    resolved
                }),
                _ => Err(below(
                    path,
                    place,
                    &format!("{kind}, which is no directory"),
                )),
            },
            Some(kind) => Err(below(path, place, &kind.to_string())),
            None => {
                self.push(Planned {
                    target: Target {
                        parent,
                        name: name.to_owned(),
                    },
                    change: Change::MakeDirectory,
                    removes: Vec::new(),
                    mode: PARENT_MODE,
                    owner: Owner::ROOT,
                    origin: format!("parent of {path}"),
                    secret: false,
                    asked: None,
                });
                Ok(place)
            }
        }
    }

    /// What the base has at `place` in `parent`. In a directory that is new there is nothing to look for.
    fn found(&self, parent: &str, place: &str) -> Result<Option<FoundKind>, PlanError> {
        let is_new = self
            .places
            .get(parent)
            .is_some_and(|index| self.steps[*index].change == Change::MakeDirectory);
        if is_new {
            return Ok(None);
        }
        Ok(self.base.find(place)?.map(|found| found.kind))
    }

    fn is_directory(&self, path: &str) -> Result<bool, PlanError> {
        if let Some(index) = self.places.get(path) {
            return Ok(self.steps[*index].change == Change::SetDirectory);
        }
        let found = self.base.find(path)?;
        Ok(found.is_some_and(|found| found.kind == FoundKind::Directory))
    }
}

/// An entry for a place that has a step already: fine if that was only implied.
fn adopt<'a>(
    earlier: &mut Planned<'a>,
    path: &'a EntryPath,
    entry: &Entry,
) -> Result<(), PlanError> {
    match earlier.asked {
        None if entry.kind == Kind::Directory => {
            earlier.asked = Some(path);
            earlier.mode = entry.mode;
            earlier.owner = entry.owner;
            earlier.origin.clone_from(&entry.origin);
            Ok(())
        }
        None => Err(PlanError::Parent {
            path: path.to_string(),
            origin: entry.origin.clone(),
            reason: earlier.origin.clone(),
        }),
        Some(first) => Err(PlanError::Twice {
            path: path.to_string(),
            origin: entry.origin.clone(),
            first: first.to_string(),
            first_origin: earlier.origin.clone(),
        }),
    }
}

fn below(path: &EntryPath, place: String, found: &str) -> PlanError {
    PlanError::Below {
        path: path.to_string(),
        place,
        found: found.to_owned(),
    }
}
