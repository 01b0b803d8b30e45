//! Downloads that go on where they were cut, also in a later run, and are compared with what was promised.
//!
//! What has come lies in `NAME.part`; `NAME.note` says of what it is the beginning. Both go when the download is
//! whole, and when it turns out to be another file than the one that was promised.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::client::Client;
use super::error::NetError;
use super::transfer::{Head, Message};
use super::url::shown;
use crate::copy::{CopyError, Draft, check_room, folder_of, write_error};
use crate::hex;
use crate::progress::Progress;

/// Tries without a single new byte before it is given up.
const TRIES: u32 = 4;
/// Tries in all, each with some progress.
const MOST_TRIES: u32 = 100;
/// Between two looks at whether the user wants it to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What to download.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its address.
    pub url: &'a str,
    /// How many bytes it has, if that is known.
    pub size: Option<u64>,
    /// Its sha256 in hexadecimal digits, if that is known.
    pub sha256: Option<&'a str>,
}

/// Of what a partial file is the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Note {
    url: String,
    size: Option<u64>,
    sha256: Option<String>,
    etag: Option<String>,
    last_modified: Option<String>,
}

impl Note {
    /// What the server shall compare before it sends the rest: a strong `ETag`, else a date.
    fn validator(&self) -> Option<&String> {
        let strong = self.etag.as_ref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.last_modified.as_ref())
    }

    /// Whether this is a note on the beginning of what `other` wants.
    fn fits(&self, other: &Self) -> bool {
        let same = |a: &Self| (a.url.clone(), a.size, a.sha256.clone());
        // With a digest at the end, nothing can go wrong unnoticed; without, the server must compare.
        same(self) == same(other) && (self.sha256.is_some() || self.validator().is_some())
    }
}

/// Downloads `source` to `target`. Whoever calls holds a lock, so that two don't write to one file.
pub fn download(
    client: &Client,
    source: Source<'_>,
    target: &Path,
    progress: &mut dyn Progress,
) -> Result<(), DownloadError> {
    let mut job = Job::open(source, target)?;
    progress.begin("Downloading base image", source.size);
    progress.advance(job.have);
    let (mut without_progress, mut tries) = (0, 0);
    loop {
        let before = job.have;
        match job.attempt(client, progress) {
            Ok(()) => break,
            Err(DownloadError::Net(error)) if error.is_transient() => {
                tries += 1;
                without_progress = if job.have > before {
                    1
                } else {
                    without_progress + 1
                };
                if without_progress == TRIES || tries == MOST_TRIES {
                    return Err(error.into());
                }
                progress.detail(&format!("{error}; trying again"));
                pause(
                    client.first_pause() * (1 << (without_progress - 1)),
                    source.url,
                    progress,
                )?;
            }
            Err(error) => return Err(error),
        }
    }
    job.finish(target)?;
    progress.end("Downloaded base image");
    Ok(())
}

fn pause(time: Duration, url: &str, progress: &dyn Progress) -> Result<(), NetError> {
    let mut left = time;
    while !left.is_zero() {
        if progress.cancelled() {
            return Err(NetError::Interrupted { url: shown(url) });
        }
        let step = left.min(LOOK_EVERY);
        thread::sleep(step);
        left -= step;
    }
    Ok(())
}

/// A download on its way.
struct Job<'a> {
    source: Source<'a>,
    part: PathBuf,
    note_path: PathBuf,
    note: Note,
    file: File,
    /// Bytes that are there, and their digest.
    have: u64,
    hash: Sha256,
}

impl<'a> Job<'a> {
    /// Takes up what an earlier run has left, if it is of the same.
    fn open(source: Source<'a>, target: &Path) -> Result<Self, CopyError> {
        let with = |suffix: &str| {
            let mut name = target.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        let (part, note_path) = (with(".part"), with(".note"));
        let wanted = Note {
            url: source.url.to_owned(),
            size: source.size,
            sha256: source.sha256.map(str::to_owned),
            ..Note::default()
        };
        let left = fs::read(&note_path)
            .ok()
            .and_then(|text| serde_json::from_slice::<Note>(&text).ok());
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&part)
            .map_err(|error| write_error(&part, error))?;
        let usable = left.filter(|left| left.fits(&wanted));
        let mut job = Self {
            source,
            part,
            note_path,
            note: usable.clone().unwrap_or(wanted),
            file,
            have: 0,
            hash: Sha256::new(),
        };
        let taken = if usable.is_some() {
            job.take_up()
        } else {
            job.reset()
        };
        taken.map_err(|error| write_error(&job.part, error))?;
        Ok(job)
    }

    /// Reads what is there.
    fn take_up(&mut self) -> io::Result<()> {
        let size = self.file.metadata()?.len();
        if self.source.size.is_some_and(|whole| size > whole) {
            return self.reset();
        }
        let mut buffer = vec![0; 1 << 20];
        loop {
            match self.file.read(&mut buffer)? {
                0 => return Ok(()),
                count => {
                    self.hash.update(&buffer[..count]);
                    self.have += count as u64;
                }
            }
        }
    }

    /// Forgets what is there.
    fn reset(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        (self.have, self.hash) = (0, Sha256::new());
        Ok(())
    }

    /// Asks for what is missing, and takes what comes.
    fn attempt(
        &mut self,
        client: &Client,
        progress: &mut dyn Progress,
    ) -> Result<(), DownloadError> {
        if self.source.size == Some(self.have) {
            return Ok(());
        }
        let missing = self
            .source
            .size
            .map_or(0, |size| size.saturating_sub(self.have));
        check_room(&self.part, missing)?;
        let transfer = client.start(self.source.url, self.range());
        let head = transfer.head(progress)?;
        match head.status {
            206 if self.continues(&head) => {}
            // There is nothing more: it is whole, or another file.
            416 if self.have > 0 && total(&head) == Some(self.have) => return Ok(()),
            200 => self.begin_again(progress)?,
            // A part that wasn't asked for, or none of what was: from the beginning, then.
            206 | 416 if self.have > 0 => {
                self.begin_again(progress)?;
                return self.attempt(client, progress);
            }
            status => {
                return Err(DownloadError::Net(NetError::Status {
                    url: shown(self.source.url),
                    status,
                }));
            }
        }
        self.take_note(head)?;
        loop {
            match transfer.next(progress)? {
                Message::Piece(bytes) => {
                    self.append(&bytes)?;
                    progress.advance(bytes.len() as u64);
                }
                Message::Head(_) => {}
                Message::End => return Ok(()),
            }
        }
    }

    /// The headers that ask for the rest.
    fn range(&self) -> Vec<(&'static str, String)> {
        if self.have == 0 {
            return Vec::new();
        }
        let mut headers = vec![("range", format!("bytes={}-", self.have))];
        if let Some(validator) = self.note.validator() {
            headers.push(("if-range", validator.clone()));
        }
        headers
    }

    /// Whether a partial answer begins where this one ends.
    fn continues(&self, head: &Head) -> bool {
        let start = head
            .content_range
            .as_deref()
            .and_then(|range| range.strip_prefix("bytes "))
            .and_then(|range| range.split('-').next());
        let same_size = match (self.source.size, total(head)) {
            (Some(wanted), Some(total)) => wanted == total,
            _ => true,
        };
        let same_file = match (&self.note.etag, &head.etag) {
            (Some(before), Some(now)) => before == now,
            _ => true,
        };
        start.and_then(|start| start.trim().parse().ok()) == Some(self.have)
            && same_size
            && same_file
    }

    fn begin_again(&mut self, progress: &mut dyn Progress) -> Result<(), CopyError> {
        if self.have > 0 {
            progress.warn("the server doesn't send the rest alone; the download begins again");
            progress.begin("Downloading base image", self.source.size);
        }
        self.reset().map_err(|error| write_error(&self.part, error))
    }

    /// Writes down what it is that comes, before any of it.
    fn take_note(&mut self, head: Head) -> Result<(), CopyError> {
        let mut note = self.note.clone();
        (note.etag, note.last_modified) = (head.etag, head.last_modified);
        if note == self.note && self.note_path.exists() {
            return Ok(());
        }
        let failed = |error| write_error(&self.note_path, error);
        let text = serde_json::to_vec(&note).map_err(|error| failed(error.into()))?;
        let mut draft = Draft::beside(&self.note_path)?;
        draft.file().write_all(&text).map_err(failed)?;
        draft.commit()?;
        self.note = note;
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), DownloadError> {
        self.file
            .write_all(bytes)
            .map_err(|error| write_error(&self.part, error))?;
        self.hash.update(bytes);
        self.have += bytes.len() as u64;
        match self.source.size {
            Some(most) if self.have > most => {
                self.forget();
                let url = shown(self.source.url);
                Err(DownloadError::Net(NetError::TooLarge { url, most }))
            }
            _ => Ok(()),
        }
    }

    /// Compares what came with what was promised, and gives it its name.
    fn finish(self, target: &Path) -> Result<(), DownloadError> {
        let url = shown(self.source.url);
        if let Some(expected) = self.source.size
            && expected != self.have
        {
            self.forget();
            return Err(DownloadError::Short {
                url,
                actual: self.have,
                expected,
            });
        }
        let actual = hex(&self.hash.clone().finalize());
        if let Some(expected) = self.source.sha256
            && expected != actual
        {
            self.forget();
            return Err(DownloadError::Digest {
                url,
                actual,
                expected: expected.to_owned(),
            });
        }
        let failed = |error| write_error(target, error);
        self.file.sync_all().map_err(failed)?;
        fs::rename(&self.part, target).map_err(failed)?;
        // Without it there is nothing to go on with, which is right.
        let _ = fs::remove_file(&self.note_path);
        File::open(folder_of(target))
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
        Ok(())
    }

    /// Removes what came: it is another file than the one that was promised.
    fn forget(&self) {
        // If that fails too, the next run finds the same fault.
        let _ = fs::remove_file(&self.part);
        let _ = fs::remove_file(&self.note_path);
    }
}

/// The size of the whole, as `Content-Range` says it.
fn total(head: &Head) -> Option<u64> {
    let range = head.content_range.as_deref()?;
    range.rsplit_once('/')?.1.trim().parse().ok()
}

/// Why a download came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// It could not be fetched.
    #[error(transparent)]
    Net(#[from] NetError),
    /// It could not be written.
    #[error(transparent)]
    Store(#[from] CopyError),
    /// There is less of it than promised.
    #[error(
        "{url} is truncated: the server sent {actual} bytes of {expected}, and called that all"
    )]
    Short {
        /// What was fetched.
        url: String,
        /// The bytes that came.
        actual: u64,
        /// The bytes that should have.
        expected: u64,
    },
    /// It is another file than promised.
    #[error("{url} has sha256 {actual}, and {expected} was promised; it was removed")]
    Digest {
        /// What was fetched.
        url: String,
        /// The sha256 that it has.
        actual: String,
        /// The sha256 that it should have.
        expected: String,
    },
}
