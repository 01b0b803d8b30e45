//! The files that go onto a card: the one vocabulary shared by everything that makes files and
//! everything that writes them.

use std::collections::BTreeMap;
use std::fmt;

/// Numeric owner and group of an entry. Names are not known when a card is baked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Owner {
    /// `root:root`.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };
}

/// An absolute, normalized path on the Pi: `/etc/hostname`.
///
/// Never empty, never `/` itself, no `.`, `..` or empty component, so that it can be joined to a folder
/// without leading out of it. No control character: a line break would end a command of the tool that
/// writes it, and no terminal, log or report could show such a name as what it is. Whatever else ext4
/// allows is fine: spaces, quotes, backslashes, leading hyphens. Below the FAT partition's mount point,
/// what FAT doesn't allow is refused too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryPath(String);

impl EntryPath {
    /// Where the FAT partition is mounted; entries below it go there.
    pub const BOOT: &'static str = "/boot/firmware";
    /// `PATH_MAX` of Linux without the zero at the end.
    const LONGEST: usize = 4095;

    /// Checks `path`.
    ///
    /// # Errors
    ///
    /// [`OverlayError::Path`] says which rule is broken.
    pub fn new(path: impl Into<String>) -> Result<Self, OverlayError> {
        let path = path.into();
        let rule = if !path.starts_with('/') {
            Some("it does not begin with /")
        } else if path[1..]
            .split('/')
            .any(|part| matches!(part, "" | "." | ".."))
        {
            Some("it has an empty, `.` or `..` component")
        } else if path.chars().any(char::is_control) {
            Some("it has a control character, such as a line break or a tab")
        } else if path.len() > Self::LONGEST {
            Some("it is longer than 4095 bytes, and no program could open it")
        } else if on_boot(&path).is_some_and(|inner| inner.split('/').any(breaks_fat)) {
            Some(
                "FAT has no names with \" * : < > ? | \\ in them, or a dot or a space at their end",
            )
        } else {
            None
        };
        match rule {
            Some(rule) => Err(OverlayError::Path { path, rule }),
            None => Ok(Self(path)),
        }
    }

    /// The path as text, beginning with `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path below the FAT partition's mount point, without a leading slash, if it lies there.
    pub fn on_boot(&self) -> Option<&str> {
        on_boot(&self.0)
    }

    /// The directory above, or `None` for a path directly below `/`.
    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.0.rsplit_once('/')?;
        (!parent.is_empty()).then(|| Self(parent.to_owned()))
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0
            .rsplit_once('/')
            .map_or(self.as_str(), |(_, name)| name)
    }
}

fn on_boot(path: &str) -> Option<&str> {
    path.strip_prefix(EntryPath::BOOT)?.strip_prefix('/')
}

/// Whether FAT's long names can't express `name`, or would drop its end.
fn breaks_fat(name: &str) -> bool {
    name.ends_with(['.', ' ']) || name.contains(['"', '*', ':', '<', '>', '?', '|', '\\'])
}

impl fmt::Display for EntryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an entry is.
#[derive(Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file with these bytes.
    File(Vec<u8>),
    /// A directory.
    Directory,
    /// A symbolic link with this target, as it is stored.
    Symlink(String),
    /// Nothing may be at this path: what the base has there is removed, a directory with all that is in
    /// it. On the FAT partition a directory must be empty.
    Absent,
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The bytes may be a key.
            Self::File(bytes) => write!(f, "File({} bytes)", bytes.len()),
            Self::Directory => f.write_str("Directory"),
            Self::Symlink(target) => write!(f, "Symlink({target})"),
            Self::Absent => f.write_str("Absent"),
        }
    }
}

/// One file, directory or link as it shall be on the Pi.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Permission bits, 0 to 0o7777; without meaning for links and absent paths.
    pub mode: u32,
    /// Who owns it.
    pub owner: Owner,
    /// Where it came from, for people: `overlays/broker/etc/…`, `site/passwd`, `recipe`.
    pub origin: String,
    /// Secret entries are never shown, never digested in a report, and refused on the FAT partition.
    pub secret: bool,
}

impl Entry {
    /// A public file owned by root.
    pub fn file(bytes: impl Into<Vec<u8>>, mode: u32, origin: impl Into<String>) -> Self {
        Self {
            kind: Kind::File(bytes.into()),
            mode,
            owner: Owner::ROOT,
            origin: origin.into(),
            secret: false,
        }
    }

    /// A directory owned by root.
    pub fn directory(mode: u32, origin: impl Into<String>) -> Self {
        Self {
            kind: Kind::Directory,
            mode,
            owner: Owner::ROOT,
            origin: origin.into(),
            secret: false,
        }
    }

    /// A symbolic link owned by root.
    pub fn symlink(target: impl Into<String>, origin: impl Into<String>) -> Self {
        Self {
            kind: Kind::Symlink(target.into()),
            mode: 0o777,
            owner: Owner::ROOT,
            origin: origin.into(),
            secret: false,
        }
    }

    /// The promise that nothing is at a path.
    pub fn absent(origin: impl Into<String>) -> Self {
        Self {
            kind: Kind::Absent,
            mode: 0,
            owner: Owner::ROOT,
            origin: origin.into(),
            secret: false,
        }
    }

    /// The same entry with another owner.
    #[must_use]
    pub fn owned_by(self, owner: Owner) -> Self {
        Self { owner, ..self }
    }

    /// The same entry, marked secret.
    #[must_use]
    pub fn secret(self) -> Self {
        Self {
            secret: true,
            ..self
        }
    }
}

/// A sorted set of entries, at most one a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overlay {
    entries: BTreeMap<EntryPath, Entry>,
}

impl Overlay {
    /// An overlay without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `entry` at `path`; an entry that was there is replaced and returned.
    ///
    /// # Errors
    ///
    /// [`OverlayError::SecretOnBoot`] if a secret entry would land on the FAT partition, which has
    /// no permissions and is read by every computer the card is put into.
    pub fn insert(&mut self, path: EntryPath, entry: Entry) -> Result<Option<Entry>, OverlayError> {
        if entry.secret && path.on_boot().is_some() {
            return Err(OverlayError::SecretOnBoot { path: path.0 });
        }
        Ok(self.entries.insert(path, entry))
    }

    /// The entry at `path`.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(&EntryPath(path.to_owned()))
    }

    /// All entries, sorted by path: a directory comes before what is in it.
    pub fn iter(&self) -> impl Iterator<Item = (&EntryPath, &Entry)> {
        self.entries.iter()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Why an entry was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverlayError {
    /// The path breaks a rule.
    #[error("{path:?} can't be a path on the Pi: {rule}")]
    Path {
        /// The path as given.
        path: String,
        /// The broken rule, as a clause.
        rule: &'static str,
    },
    /// A secret on the FAT partition.
    #[error("{path} is secret and would lie on the FAT partition, which everybody can read")]
    SecretOnBoot {
        /// Where it would have been written.
        path: String,
    },
}
