//! Whole directories and files of any size, for who walks over everything.
//!
//! Names are bytes here: ext4 takes all but `/` and NUL, and a name that is no UTF-8 shall be found too.

use std::io::{self, Read};

use ext4_view::{Ext4Error as ViewError, File as ViewFile, Metadata};

use super::read::{Ext4, Ext4Error, Found, FoundKind};
use crate::overlay::Owner;

/// A name in a directory, and what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: Vec<u8>,
    pub(crate) found: Found,
}

/// A file that is read bit by bit.
#[derive(Debug)]
pub(crate) struct Ext4File(ViewFile);

impl Read for Ext4File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_bytes(buffer).map_err(io::Error::other)
    }
}

impl Ext4 {
    /// What is in the directory at `path`, sorted by name; `None` if there is no such directory.
    pub(crate) fn entries(&self, path: &[u8]) -> Result<Option<Vec<Listed>>, Ext4Error> {
        let shown = String::from_utf8_lossy(path).into_owned();
        let failed = |error| self.at(&shown, error);
        let entries = match self.view.read_dir(path) {
            Ok(entries) => entries,
            Err(ViewError::NotFound | ViewError::NotADirectory) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut listed = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().as_ref().to_vec();
            if name == b"." || name == b".." {
                continue;
            }
            let metadata = entry.metadata().map_err(failed)?;
            let found = self.found(&joined(path, &name), &metadata)?;
            listed.push(Listed { name, found });
        }
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(listed))
    }

    /// The UUID, as in `/dev/disk/by-uuid`.
    pub fn uuid(&self) -> String {
        self.view.uuid().to_string()
    }

    /// The file at `path` to read bit by bit.
    pub(crate) fn reader(&self, path: &[u8]) -> Result<Ext4File, Ext4Error> {
        let opened = self.view.open(path);
        opened
            .map(Ext4File)
            .map_err(|error| self.at(&String::from_utf8_lossy(path), error))
    }

    pub(super) fn found(&self, path: &[u8], metadata: &Metadata) -> Result<Found, Ext4Error> {
        let kind = if metadata.is_dir() {
            FoundKind::Directory
        } else if metadata.is_symlink() {
            let target = self.view.read_link(path);
            let target = target.map_err(|error| self.at(&String::from_utf8_lossy(path), error))?;
            FoundKind::Symlink(target.display().to_string())
        } else if metadata.file_type().is_regular_file() {
            FoundKind::File(metadata.len())
        } else {
            FoundKind::Special
        };
        Ok(Found {
            kind,
            mode: metadata.mode().into(),
            owner: Owner {
                uid: metadata.uid(),
                gid: metadata.gid(),
            },
            modified: metadata.modified().seconds(),
        })
    }
}

/// `name` in the directory at `path`.
pub(crate) fn joined(path: &[u8], name: &[u8]) -> Vec<u8> {
    let mut whole = path.to_vec();
    if !whole.ends_with(b"/") {
        whole.push(b'/');
    }
    whole.extend_from_slice(name);
    whole
}
