//! The base as it will be: what it has, and what shall be laid over it.

use image::system::Detected;
use image::{Card, Entry, EntryPath, Kind, Overlay};

use crate::hint::Fault;

/// A base, looked at, and the entries that it gets.
#[derive(Debug)]
pub(super) struct Base<'a> {
    pub(super) card: &'a Card,
    pub(super) detected: Detected,
    pub(super) overlay: Overlay,
}

impl Base<'_> {
    /// Whether there will be something at `path`.
    pub(super) fn has(&self, path: &str) -> anyhow::Result<bool> {
        match self.overlay.get(path) {
            Some(entry) => Ok(entry.kind != Kind::Absent),
            None => self.had(path),
        }
    }

    /// Whether the base has something at `path`.
    pub(super) fn had(&self, path: &str) -> anyhow::Result<bool> {
        let found = self.card.find(path).map_err(image::Error::from)?;
        Ok(found.is_some())
    }

    /// The names in a directory of the base; none if there is no such one.
    pub(super) fn names(&self, path: &str) -> anyhow::Result<Vec<String>> {
        let names = self.card.list(path).map_err(image::Error::from)?;
        Ok(names.unwrap_or_default())
    }

    /// The bytes of the file that will be at `path`.
    pub(super) fn bytes(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        match self.overlay.get(path).map(|entry| &entry.kind) {
            Some(Kind::File(bytes)) => Ok(Some(bytes.clone())),
            Some(Kind::Absent) => Ok(None),
            _ => Ok(self.card.read(path).map_err(image::Error::from)?),
        }
    }

    /// The text of the file that will be at `path`.
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

    /// Changes a file of the base, with the mode and the owner that it has there.
    pub(super) fn rewrite(&mut self, path: &str, text: String, origin: &str) -> anyhow::Result<()> {
        let found = self.card.find(path).map_err(image::Error::from)?;
        let mut entry = Entry::file(text, 0o644, origin);
        if let Some(found) = found {
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
