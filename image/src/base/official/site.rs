//! Where the index and the images come from, and the copy of the index that is kept.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::OfficialError;
use super::index::Index;
use crate::base::net::{Client, Message, NetError, shown};
use crate::copy::{CopyError, Draft, write_error};
use crate::hex;
use crate::progress::Progress;

/// The index of Raspberry Pi Imager.
pub const INDEX_URL: &str = "https://downloads.raspberrypi.com/os_list_imagingutility_v4.json";

/// The largest index that is read; the official one has less than 1 MiB.
const LARGEST: u64 = 16 << 20;

/// A site that has Raspberry Pi OS.
#[derive(Debug, Clone)]
pub struct Site {
    client: Client,
    index_url: String,
    mirror: Option<String>,
}

/// How new an index must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// As new as it gets: the site is asked.
    Newest,
    /// A copy will do if it was fetched less than so long before that moment.
    Within(Duration, SystemTime),
}

/// An index, and where it comes from.
#[derive(Debug)]
pub struct Loaded {
    /// The index.
    pub index: Index,
    /// When the copy was fetched that it is, if the site was not asked or did not answer.
    pub fetched: Option<SystemTime>,
    /// Why the site's own could not be had.
    pub unreached: Option<NetError>,
}

/// What is kept beside a copy of an index.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Note {
    url: String,
    etag: Option<String>,
    last_modified: Option<String>,
}

impl Site {
    /// The site with the index at `index_url`. A `mirror` stands for scheme and host of every image's address.
    pub fn new(client: Client, index_url: impl Into<String>, mirror: Option<String>) -> Self {
        Self {
            client,
            index_url: index_url.into(),
            mirror,
        }
    }

    /// Where the index is, without what is secret.
    pub fn shown(&self) -> String {
        shown(&self.index_url)
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Where an image is fetched from.
    pub(super) fn address(&self, url: &str) -> String {
        let Some(mirror) = &self.mirror else {
            return url.to_owned();
        };
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = rest.find('/').map_or("", |at| &rest[at..]);
        format!("{}{path}", mirror.trim_end_matches('/'))
    }

    /// The copy of the index in `cache`, if there is one that can be read.
    pub fn copy(&self, cache: &Path) -> Option<Loaded> {
        let path = self.copy_path(cache);
        let index = Index::parse(&fs::read(&path).ok()?).ok()?;
        let fetched = fs::metadata(&path).and_then(|about| about.modified());
        Some(Loaded {
            index,
            fetched: Some(fetched.unwrap_or(SystemTime::UNIX_EPOCH)),
            unreached: None,
        })
    }

    /// The index: the site's own, or the copy in `cache` if that is new enough or the site is out of reach.
    pub fn index(
        &self,
        cache: &Path,
        age: Age,
        progress: &mut dyn Progress,
    ) -> Result<Loaded, OfficialError> {
        let copy = self.copy(cache);
        if let (Some(copy), Age::Within(most, now)) = (&copy, age) {
            let fetched = copy.fetched.unwrap_or(SystemTime::UNIX_EPOCH);
            // Clocks of file servers differ a little.
            let age = now
                .duration_since(fetched)
                .unwrap_or_else(|ahead| ahead.duration());
            if age < most {
                return Ok(copy_of(copy));
            }
        }
        match (self.fetch(cache, copy.is_some(), progress), copy) {
            (Ok(Some(index)), _) => Ok(Loaded {
                index,
                fetched: None,
                unreached: None,
            }),
            // It has not changed.
            (Ok(None), Some(copy)) => Ok(Loaded {
                fetched: None,
                ..copy
            }),
            (Err(OfficialError::Net(error)), Some(copy)) if error.is_out_of_reach() => Ok(Loaded {
                unreached: Some(error),
                ..copy
            }),
            (Err(error), _) => Err(error),
            (Ok(None), None) => Err(OfficialError::Net(NetError::Status {
                url: self.shown(),
                status: 304,
            })),
        }
    }

    /// Asks the site. `None` if the copy is still what it has.
    fn fetch(
        &self,
        cache: &Path,
        has_copy: bool,
        progress: &mut dyn Progress,
    ) -> Result<Option<Index>, OfficialError> {
        let path = self.copy_path(cache);
        let mut headers = Vec::new();
        if has_copy && let Some(note) = self.note(&path) {
            headers.extend(note.etag.map(|etag| ("if-none-match", etag)));
            headers.extend(note.last_modified.map(|date| ("if-modified-since", date)));
        }
        progress.begin("Fetching index", None);
        let transfer = self.client.start(&self.index_url, headers);
        let head = transfer.head(progress)?;
        if head.status == 304 {
            touch(&path).map_err(|error| write_error(&path, error))?;
            progress.end("Fetched index (unchanged)");
            return Ok(None);
        }
        if head.status != 200 {
            return Err(OfficialError::Net(NetError::Status {
                url: self.shown(),
                status: head.status,
            }));
        }
        let mut text = Vec::new();
        loop {
            match transfer.next(progress)? {
                Message::Piece(bytes) => text.extend(bytes),
                Message::Head(_) => {}
                Message::End => break,
            }
            if text.len() as u64 > LARGEST {
                return Err(OfficialError::Net(NetError::TooLarge {
                    url: self.shown(),
                    most: LARGEST,
                }));
            }
        }
        let index = Index::parse(&text).map_err(|source| OfficialError::Index {
            url: self.shown(),
            source,
        })?;
        let note = Note {
            url: self.index_url.clone(),
            etag: head.etag,
            last_modified: head.last_modified,
        };
        keep(&path, &text, &note)?;
        progress.end("Fetched index");
        Ok(Some(index))
    }

    fn note(&self, copy: &Path) -> Option<Note> {
        let text = fs::read(copy.with_extension("note")).ok()?;
        let note: Note = serde_json::from_slice(&text).ok()?;
        (note.url == self.index_url).then_some(note)
    }

    fn copy_path(&self, cache: &Path) -> PathBuf {
        let digest = hex(&Sha256::digest(&self.index_url));
        cache
            .join("indexes")
            .join(format!("{}.json", &digest[..16]))
    }
}

fn copy_of(copy: &Loaded) -> Loaded {
    Loaded {
        index: copy.index.clone(),
        fetched: copy.fetched,
        unreached: None,
    }
}

/// Writes a copy, and then what says how new it is: a copy with an older note is fetched once more.
fn keep(path: &Path, text: &[u8], note: &Note) -> Result<(), CopyError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| write_error(folder, error))?;
    let note = serde_json::to_vec(note).map_err(|error| write_error(path, error.into()))?;
    for (path, bytes) in [(path, text), (&*path.with_extension("note"), &*note)] {
        let mut draft = Draft::beside(path)?;
        let written = draft.file().write_all(bytes);
        written.map_err(|error| write_error(path, error))?;
        draft.commit()?;
    }
    Ok(())
}

/// Gives a file today's date, by the kernel's clock.
fn touch(path: &Path) -> std::io::Result<()> {
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    let times = Timestamps {
        last_access: now,
        last_modification: now,
    };
    Ok(futimens(File::open(path)?, &times)?)
}
