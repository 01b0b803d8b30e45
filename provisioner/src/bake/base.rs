//! The base as it will be: what it has, and what shall be laid over it.

use image::ext4::{Found, FoundKind};
use image::system::Detected;
use image::{Card, Entry, EntryPath, Kind, Overlay, Progress};

use crate::hint::Fault;

/// A base, looked at, and the entries that it gets.
pub(super) struct Base<'a> {
    pub(super) card: &'a Card,
    pub(super) detected: Detected,
    pub(super) overlay: Overlay,
    pub(super) progress: &'a mut dyn Progress,
}

impl Base<'_> {
    /// Tells something that the user should know.
    pub(super) fn warn(&mut self, text: &str) {
        self.progress.warn(text);
    }

    /// Whether there will be something at `path`.
    pub(super) fn has(&self, path: &str) -> anyhow::Result<bool> {
        match self.overlay.get(path) {
            Some(entry) => Ok(entry.kind != Kind::Absent),
            None => self.had(path),
        }
    }

    /// Whether there will be something at one of `paths`.
    pub(super) fn has_any(&self, paths: &[&str]) -> anyhow::Result<bool> {
        for path in paths {
            if self.has(path)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the base has something at `path`.
    pub(super) fn had(&self, path: &str) -> anyhow::Result<bool> {
        Ok(self.find(path)?.is_some())
    }

    /// What the base has at `path`.
    pub(super) fn find(&self, path: &str) -> anyhow::Result<Option<Found>> {
        Ok(self.card.find(path).map_err(image::Error::from)?)
    }

    /// The names in a directory of the base; none if there is no such one.
    pub(super) fn names(&self, path: &str) -> anyhow::Result<Vec<String>> {
        let names = self.card.list(path).map_err(image::Error::from)?;
        Ok(names.unwrap_or_default())
    }

    /// The bytes of the file that will be at `path`; `None` if there will be none.
    pub(super) fn bytes(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        match self.overlay.get(path).map(|entry| &entry.kind) {
            Some(Kind::File(bytes)) => Ok(Some(bytes.clone())),
            Some(_) => Ok(None),
            None => Ok(self.card.read(path).map_err(image::Error::from)?),
        }
    }

    /// The text of the file that will be at `path`. One that isn't UTF-8 is refused, since it would not be the
    /// same when it is written again.
    pub(super) fn text(&self, path: &str) -> anyhow::Result<Option<String>> {
        let bytes = self.bytes(path)?;
        let text = bytes.map(String::from_utf8).transpose();
        text.map_err(|error| {
            Fault::input(format!("{path} in the base is not UTF-8: {error}"))
                .hint("take another copy of the base, this one is damaged")
                .into()
        })
    }

    /// Puts `entry` at `path`.
    pub(super) fn put(&mut self, path: &str, entry: Entry) -> anyhow::Result<()> {
        self.overlay.insert(EntryPath::new(path)?, entry)?;
        Ok(())
    }

    /// Writes a file; mode and owner stay, where the base has one.
    pub(super) fn write(
        &mut self,
        path: &str,
        text: impl Into<Vec<u8>>,
        origin: &str,
    ) -> anyhow::Result<()> {
        let mut entry = Entry::file(text, 0o644, origin);
        if let Some(found) = self.find(path)?
            && matches!(found.kind, FoundKind::File(_))
        {
            entry.mode = found.mode & 0o7777;
            entry.owner = found.owner;
        }
        self.put(path, entry)
    }

    /// Sees to it that nothing will be at `path`, if the base has something there.
    pub(super) fn remove(&mut self, path: &str, origin: &str) -> anyhow::Result<()> {
        if self.had(path)? {
            self.put(path, Entry::absent(origin))?;
        }
        Ok(())
    }
}
