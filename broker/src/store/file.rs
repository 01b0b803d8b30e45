//! The file of the snapshot: put in place as a whole, set aside when it can't be read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use thiserror::Error;

use super::format::{Context, FormatError};
use super::snapshot::Snapshot;

/// Why the state could not be saved or read.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file or its folder can't be written.
    #[error("cannot save the state to {path}")]
    Save {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is there but can't be read.
    #[error("cannot read the state from {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is whole, and of a later broker: moving it out of the way would lose what is in it.
    #[error(
        "cannot read the state from {path}: {why}; start that later version, or move the file away"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Which format it has.
        why: FormatError,
    },
}

/// What was found of the state from before.
#[derive(Debug)]
pub enum Loaded {
    /// Nothing: it is the first start.
    Absent,
    /// All of it.
    Whole(Snapshot),
    /// A file that can't be understood. It was moved out of the way, if that was possible.
    Damaged {
        /// What is wrong with it.
        why: FormatError,
        /// Where it is now.
        aside: Result<PathBuf, io::Error>,
    },
    /// A database of Mosquitto's, with whatever is in it. It was moved out of the way, if that was possible.
    Mosquitto {
        /// Where it is now.
        aside: Result<PathBuf, io::Error>,
    },
}

/// How Mosquitto's databases begin, of all its versions.
const MOSQUITTO: &[u8] = b"\x00\xb5\x00mosquitto db";

/// Reads the state from `path`.
///
/// # Errors
///
/// The file is there but can't be read at all, or a later broker wrote it. One that is damaged is no error.
pub fn load(path: &Path, context: &Context) -> Result<Loaded, StoreError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Loaded::Absent),
        Err(source) => {
            return Err(StoreError::Read {
                path: path.to_owned(),
                source,
            });
        }
    }
    if bytes.starts_with(MOSQUITTO) {
        return Ok(Loaded::Mosquitto {
            aside: set_aside(path, ".mosquitto"),
        });
    }
    Ok(match Snapshot::decode(Bytes::from(bytes), context) {
        Ok(snapshot) => Loaded::Whole(snapshot),
        Err(why @ FormatError::Version(_)) => {
            return Err(StoreError::Newer {
                path: path.to_owned(),
                why,
            });
        }
        Err(why) => Loaded::Damaged {
            why,
            aside: set_aside(path, ".damaged"),
        },
    })
}

/// Writes `snapshot` to `path`: beside the old file, to the medium, then in its place.
///
/// # Errors
///
/// It could not be written. The old file is then as it was.
pub fn save(snapshot: &Snapshot, path: &Path, context: &Context) -> Result<(), StoreError> {
    write_atomic(path, &snapshot.encode(context)).map_err(|source| StoreError::Save {
        path: path.to_owned(),
        source,
    })
}

/// Moves a file that can't be read to a free name beside it: it may be the only copy of something dear.
fn set_aside(path: &Path, suffix: &str) -> Result<PathBuf, io::Error> {
    let mut aside = with_suffix(path, suffix);
    for number in 2..100 {
        if !aside.exists() {
            break;
        }
        aside = with_suffix(path, &format!("{suffix}-{number}"));
    }
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = with_suffix(path, ".new");
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    if let Err(error) = write() {
        // Half a file is of no use; that it can't be removed is not the news.
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    fs::rename(&new, path)?;
    // The rename itself is durable when the folder is.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context::now(Vec::new())
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mqtt-broker.db");
        assert!(matches!(load(&path, &context()).unwrap(), Loaded::Absent));
        for name in ["mqtt-broker.db.damaged", "mqtt-broker.db.damaged-2"] {
            write_atomic(&path, name.as_bytes()).unwrap();
            let Loaded::Damaged {
                why: FormatError::Magic,
                aside: Ok(aside),
            } = load(&path, &context()).unwrap()
            else {
                panic!("not noticed")
            };
            assert_eq!(aside, folder.path().join(name));
            assert_eq!(fs::read(&aside).unwrap(), name.as_bytes());
        }
        save(&Snapshot::default(), &path, &context()).unwrap();
        assert!(
            matches!(load(&path, &context()).unwrap(), Loaded::Whole(snapshot) if snapshot == Snapshot::default())
        );
    }

    #[test]
    fn a_file_of_a_later_broker_stays_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mqtt-broker.db");
        let mut later = bytes::BytesMut::from(&Snapshot::default().encode(&context())[..]);
        later.truncate(later.len() - 32);
        // The format stands behind the first line.
        later[20] = u8::MAX;
        let later = super::super::snapshot::sealed(later);
        write_atomic(&path, &later).unwrap();
        assert!(matches!(
            load(&path, &context()),
            Err(StoreError::Newer {
                why: FormatError::Version(_),
                ..
            })
        ));
        assert_eq!(fs::read(&path).unwrap(), later);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_that_names_the_file() {
        let error = save(
            &Snapshot::default(),
            Path::new("/nonexistent/x.db"),
            &context(),
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot save the state to /nonexistent/x.db"
        );
    }
}
