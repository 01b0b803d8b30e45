//! The files that a configuration is made of: when they were written, and whether they have changed since.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{Mode, OFlags};

use crate::config::Config;

/// The most files of a folder that are looked at.
const MAX_ENTRIES: usize = 4096;

/// The state of all files of a configuration at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Files(Vec<(PathBuf, Option<Stamp>)>);

/// What changes when a file does: written to, replaced by another of that name, or behind a link that was
/// switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    written: (i64, i64),
    changed: (i64, i64),
}

impl Files {
    /// Looks at the files and folders that `config` was read from and those that it names. What can't be looked
    /// at counts as a file that is missing.
    pub(super) fn of(config: &Config) -> Self {
        let mut files = Vec::new();
        for path in named_by(config) {
            if path.is_dir() {
                files.extend(entries(&path).into_iter().map(stamped));
            }
            files.push(stamped(path));
        }
        Self(files)
    }

    /// The file that was written last, and when.
    pub(super) fn newest(&self) -> Option<(&Path, SystemTime)> {
        let written = self.0.iter().filter_map(|(path, _)| {
            let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
            Some((path.as_path(), metadata.modified().ok()?))
        });
        written.max_by_key(|(_, time)| *time)
    }
}

fn stamped(path: PathBuf) -> (PathBuf, Option<Stamp>) {
    let stamp = fs::metadata(&path).ok().map(|metadata| Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        written: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    });
    (path, stamp)
}

/// The files and folders that `config` was read from or names, and that this process may not read now.
pub(super) fn unreadable(config: &Config) -> Vec<(PathBuf, io::Error)> {
    let mut paths = named_by(config);
    let folders = config.listeners.iter().filter_map(|listener| {
        let tls = listener.tls.as_ref()?;
        tls.capath.as_deref()
    });
    paths.extend(folders.flat_map(entries));
    // A pipe would wait for whoever writes to it.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let tried = paths.into_iter().filter_map(|path| {
        let error = rustix::fs::open(&path, flags, Mode::empty()).err()?;
        Some((path, error.into()))
    });
    tried.collect()
}

fn named_by(config: &Config) -> BTreeSet<PathBuf> {
    let mut paths: BTreeSet<_> = config.sources.iter().cloned().collect();
    for listener in &config.listeners {
        let security = &listener.security;
        paths.extend(security.password_file.clone());
        paths.extend(security.acl_file.clone());
        if let Some(tls) = &listener.tls {
            paths.extend([tls.certfile.clone(), tls.keyfile.clone()]);
            paths.extend(tls.cafile.clone());
            paths.extend(tls.capath.clone());
            paths.extend(tls.crlfile.clone());
        }
    }
    paths
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(found) = folder.read_dir() else {
        return Vec::new();
    };
    let mut paths: Vec<_> = found
        .take(MAX_ENTRIES)
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// Decides when changed files are to be read again: once they have changed, and then stayed as they are from one
/// look to the next, so that a file that is being written is not read by halves.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// What the files were like when they were read.
    read: Files,
    /// What they were like at the last look.
    seen: Files,
}

impl Watch {
    /// The files were read, and were like this just before.
    pub(super) fn read(&mut self, files: Files) {
        self.seen = files.clone();
        self.read = files;
    }

    /// Takes another look; whether to read the files again.
    pub(super) fn look(&mut self, now: Files) -> bool {
        let settled = now == self.seen;
        self.seen = now;
        settled && self.seen != self.read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        use std::io::Write as _;
        fs::File::create(path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    #[test]
    fn files_are_read_again_when_they_have_changed_and_settled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passwd");
        write(&path, "1");
        let mut config = Config::local();
        config.sources.push(path.clone());
        let mut watch = Watch::default();
        watch.read(Files::of(&config));
        assert!(!watch.look(Files::of(&config)), "nothing has changed");
        write(&path, "12");
        assert!(!watch.look(Files::of(&config)), "more may come");
        write(&path, "123");
        assert!(!watch.look(Files::of(&config)), "more came");
        assert!(watch.look(Files::of(&config)));
        watch.read(Files::of(&config));
        assert!(!watch.look(Files::of(&config)), "read once is enough");
        fs::remove_file(&path).unwrap();
        assert!(!watch.look(Files::of(&config)));
        assert!(watch.look(Files::of(&config)), "a missing file is a change");
    }

    #[test]
    fn a_link_that_is_switched_and_a_new_file_in_a_folder_are_changes() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            write(&folder.path().join(name), "same");
        }
        let link = folder.path().join("current");
        std::os::unix::fs::symlink("a", &link).unwrap();
        let mut config = Config::local();
        config.sources.push(link.clone());
        let before = Files::of(&config);
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("b", &link).unwrap();
        assert_ne!(Files::of(&config), before);

        config.sources = vec![folder.path().to_owned()];
        let before = Files::of(&config);
        write(&folder.path().join("c.conf"), "");
        let after = Files::of(&config);
        assert_ne!(after, before);
        assert!(after.newest().unwrap().1 >= before.newest().unwrap().1);
    }
}
