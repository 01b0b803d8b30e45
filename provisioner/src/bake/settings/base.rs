//! The base as the settings find it, with what was put over it already.

use image::ext4::{Found, FoundKind};
use image::{Card, Entry, EntryPath, Kind, Overlay, Owner, Progress};

/// A base that is being changed.
pub(super) struct Base<'a> {
    overlay: &'a mut Overlay,
    card: &'a Card,
    progress: &'a mut dyn Progress,
}

/// Where what is written here comes from.
pub(super) const ORIGIN: &str = "recipe";

impl<'a> Base<'a> {
    pub(super) fn new(
        overlay: &'a mut Overlay,
        card: &'a Card,
        progress: &'a mut dyn Progress,
    ) -> Self {
        Self {
            overlay,
            card,
            progress,
        }
    }

    pub(super) fn parts(&mut self) -> (&mut Overlay, &Card) {
        (self.overlay, self.card)
    }

    /// Tells something that the user should know.
    pub(super) fn warn(&mut self, text: &str) {
        self.progress.warn(text);
    }

    /// The text of a file, links followed: what was put over the base, else the base's; `None` without one.
    pub(super) fn text(&self, path: &str) -> anyhow::Result<Option<String>> {
        let bytes = match self.overlay.get(path).map(|entry| &entry.kind) {
            Some(Kind::File(bytes)) => Some(bytes.clone()),
            Some(_) => None,
            None => self.card.read(path).map_err(image::Error::from)?,
        };
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// What the base has at `path`.
    pub(super) fn find(&self, path: &str) -> anyhow::Result<Option<Found>> {
        Ok(self.card.find(path).map_err(image::Error::from)?)
    }

    /// Whether the base, or what was put over it, has anything at `path`.
    pub(super) fn has(&self, path: &str) -> anyhow::Result<bool> {
        match self.overlay.get(path).map(|entry| &entry.kind) {
            Some(Kind::Absent) => Ok(false),
            Some(_) => Ok(true),
            None => Ok(self.find(path)?.is_some()),
        }
    }

    /// Whether the base has one of the programs or units at `paths`.
    pub(super) fn has_any(&self, paths: &[&str]) -> anyhow::Result<bool> {
        for path in paths {
            if self.has(path)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The names in a directory of the base; none without one.
    pub(super) fn list(&self, path: &str) -> anyhow::Result<Vec<String>> {
        let names = self.card.list(path).map_err(image::Error::from)?;
        Ok(names.unwrap_or_default())
    }

    /// Writes a file; mode and owner stay, where the base has one.
    pub(super) fn write(&mut self, path: &str, text: impl Into<Vec<u8>>) -> anyhow::Result<()> {
        let found = self
            .find(path)?
            .filter(|found| matches!(found.kind, FoundKind::File(_)));
        let (mode, owner) = found.map_or((0o644, Owner::ROOT), |found| {
            (found.mode & 0o7777, found.owner)
        });
        let entry = Entry::file(text, mode, ORIGIN).owned_by(owner);
        self.put(path, entry)
    }

    pub(super) fn put(&mut self, path: &str, entry: Entry) -> anyhow::Result<()> {
        self.overlay.insert(EntryPath::new(path)?, entry)?;
        Ok(())
    }
}
