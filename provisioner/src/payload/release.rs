//! The broker's own files: a release folder that is switched to as a whole.

use image::{Entry, EntryPath, Kind, Overlay};
use sha2::{Digest, Sha256};

/// Where people look for the broker's configuration; a link into the current release.
pub const ETC: &str = "/etc/mqtt-broker";

/// The program as it is called.
const PROGRAM: &str = "/usr/local/bin/mqtt-broker";

/// Everything that belongs to the broker and is not configuration of the operating system.
const HOME: &str = "/usr/local/lib/mqtt-broker";

/// The link that leads to the release in use: the one switch.
pub const CURRENT: &str = "/usr/local/lib/mqtt-broker/current";

/// The path by which people know what lies at `path` once the release `id` is in use: its
/// configuration is in [`ETC`], all else behind [`CURRENT`].
pub fn known_path(path: &str, id: &str) -> String {
    let inside = path
        .strip_prefix(HOME)
        .and_then(|path| path.strip_prefix("/releases/"))
        .and_then(|path| path.strip_prefix(id));
    match inside {
        None => path.to_owned(),
        Some(inside) => match inside.strip_prefix("/etc") {
            Some(below) => format!("{ETC}{below}"),
            None => format!("{CURRENT}{inside}"),
        },
    }
}

/// The files of a release, under the paths that people know.
#[derive(Debug)]
pub struct Release {
    id: String,
    files: Overlay,
}

impl Release {
    /// Takes the entries below [`ETC`] and the program out of `all`, and lays them into
    /// `/usr/local/lib/mqtt-broker/releases/<id>`, with the links that lead there.
    ///
    /// The id is a digest of the release's contents: the same contents are the same release.
    pub(super) fn split(all: &Overlay) -> anyhow::Result<(Self, Overlay)> {
        let (mut own, mut rest) = (Vec::new(), Overlay::new());
        for (path, entry) in all.iter() {
            match inside(path.as_str()) {
                Some(inside) => own.push((inside, entry.clone())),
                None => drop(rest.insert(path.clone(), entry.clone())?),
            }
        }
        let id = digest(&own);
        let mut files = Overlay::new();
        let folder = format!("{HOME}/releases/{id}");
        for (inside, entry) in own {
            files.insert(EntryPath::new(format!("{folder}/{inside}"))?, entry)?;
        }
        let origin = "release";
        let links = [
            (CURRENT.to_owned(), format!("releases/{id}")),
            (
                ETC.to_owned(),
                "../usr/local/lib/mqtt-broker/current/etc".to_owned(),
            ),
            (
                PROGRAM.to_owned(),
                "../lib/mqtt-broker/current/bin/mqtt-broker".to_owned(),
            ),
        ];
        for (path, target) in links {
            files.insert(EntryPath::new(path)?, Entry::symlink(target, origin))?;
        }
        for directory in [
            HOME.to_owned(),
            format!("{HOME}/releases"),
            folder.clone(),
            format!("{folder}/etc"),
        ] {
            files.insert(EntryPath::new(directory)?, Entry::directory(0o755, origin))?;
        }
        Ok((Self { id, files }, rest))
    }

    /// Twelve hexadecimal digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The files and links, under their final paths.
    pub fn files(&self) -> &Overlay {
        &self.files
    }
}

/// The path inside a release of what people know as `path`.
fn inside(path: &str) -> Option<String> {
    if path == PROGRAM {
        return Some("bin/mqtt-broker".to_owned());
    }
    let below = path.strip_prefix(ETC)?.strip_prefix('/')?;
    Some(format!("etc/{below}"))
}

/// The id of a release with these entries: paths inside it, sorted as the paths that people know are.
pub(crate) fn digest(entries: &[(String, Entry)]) -> String {
    let mut hash = Sha256::new();
    for (path, entry) in entries {
        let bytes: &[u8] = match &entry.kind {
            Kind::File(bytes) => bytes,
            Kind::Symlink(target) => target.as_bytes(),
            Kind::Directory | Kind::Absent => b"",
        };
        for part in [path.as_bytes(), &entry.mode.to_le_bytes(), bytes] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    data_encoding::HEXLOWER.encode(&hash.finalize()[..6])
}
