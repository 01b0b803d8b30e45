//! The way through the image.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};

use super::consumers;
use super::reader::{self, Piece};
use crate::allocation::Allocation;
use crate::bmap::Bmap;
use crate::compress::Compression;
use crate::copy::{CopyError, go_on, write_error};
use crate::error::Error;
use crate::progress::Progress;

/// Pieces that wait for one consumer; what is read is shared among them.
const QUEUE: usize = 16;

/// What is wanted of [`survey`].
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// The sha256 of the image.
    pub sha256: bool,
    /// Its block map.
    pub bmap: bool,
    /// How to pack it, the empty file that it shall be packed into, and what to call that in an error.
    pub packed: Option<(Compression, &'a File, &'a Path)>,
}

/// What was found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// The sha256 of the image, in hexadecimal digits.
    pub sha256: Option<String>,
    /// Its block map.
    pub bmap: Option<Bmap>,
    /// The packed image.
    pub packed: Option<Packed>,
}

/// A packed image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Its size in bytes.
    pub size: u64,
    /// Its sha256, in hexadecimal digits.
    pub sha256: String,
}

/// Goes through `image` once and finds out what is `wanted`, each in a thread of its own.
///
/// What doesn't matter according to `allocation` must be zeros, as it is in an image that was
/// [prepared](fn@crate::prepare); it isn't read. In errors the image is called `name`.
///
/// # Errors
///
/// If the image can't be read or the packed one not be written, or the user wants it to end.
pub fn survey(
    image: &Path,
    name: &Path,
    allocation: &Allocation,
    wanted: &Wanted<'_>,
    progress: &mut dyn Progress,
) -> Result<Survey, Error> {
    let mut survey = Survey::default();
    if !wanted.sha256 && !wanted.bmap && wanted.packed.is_none() {
        return Ok(survey);
    }
    let read_error = |source| CopyError::Read {
        path: name.to_owned(),
        source,
    };
    let file = File::open(image).map_err(read_error)?;
    let with_free = wanted.sha256 || wanted.packed.is_some();
    thread::scope(|scope| {
        let mut senders = Vec::new();
        let mut channel = || {
            let (sender, receiver) = sync_channel(QUEUE);
            senders.push(sender);
            receiver
        };
        let sha256 = wanted.sha256.then(|| {
            let pieces = channel();
            scope.spawn(move || consumers::whole(&pieces))
        });
        let digests = wanted.bmap.then(|| {
            let pieces = channel();
            scope.spawn(move || consumers::each_range(&pieces))
        });
        let packed = wanted.packed.map(|(method, target, path)| {
            let (pieces, size) = (channel(), allocation.size());
            let handle = scope.spawn(move || consumers::pack(&pieces, method, size, target));
            (handle, path)
        });
        let read = hand_out(&file, allocation, with_free, &senders, progress);
        // Which is what ends the consumers.
        drop(senders);
        match read {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return Err(write_error(name, error).into());
            }
            // A consumer has stopped taking pieces; its own error says more than that.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            read => read.map_err(read_error)?,
        }
        if let Some((handle, path)) = packed {
            let packed = join(handle).and_then(|packed| packed);
            survey.packed = Some(packed.map_err(|source| write_error(path, source))?);
        }
        survey.sha256 = sha256.map(join).transpose().map_err(read_error)?;
        if let Some(digests) = digests {
            let digests = join(digests).map_err(read_error)?;
            survey.bmap = Some(block_map(allocation, digests)?);
        }
        Ok(survey)
    })
}

/// Reads the image and hands each piece to everybody.
fn hand_out(
    file: &File,
    allocation: &Allocation,
    with_free: bool,
    senders: &[SyncSender<Piece>],
    progress: &mut dyn Progress,
) -> io::Result<()> {
    reader::read(file, allocation, with_free, &mut |piece| {
        go_on(progress)?;
        progress.advance(piece.bytes().len() as u64);
        for sender in senders {
            let sent = sender.send(piece.clone());
            sent.map_err(|_gone| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
        Ok(())
    })
}

fn block_map(allocation: &Allocation, digests: Vec<[u8; 32]>) -> Result<Bmap, Error> {
    let ranges = reader::ranges(allocation);
    let ranges = ranges.iter().zip(digests);
    let ranges = ranges.map(|(range, sha256)| reader::in_blocks(range, sha256));
    Ok(Bmap::new(
        allocation.size(),
        Allocation::BLOCK,
        ranges.collect(),
    )?)
}

fn join<T>(handle: ScopedJoinHandle<'_, T>) -> io::Result<T> {
    handle
        .join()
        .map_err(|_panic| io::Error::other("a thread has panicked"))
}
