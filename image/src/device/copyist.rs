//! One card: what is written onto it, and read back from it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::buffer::Buffer;
use super::error::TargetError;
use super::feed::{BLOCK, Body, Digests, HEAD, PIECE, Piece};
use super::target::Target;
use crate::pieces::is_zero;
use crate::progress::Progress;

/// How much is written between two words to the journal.
const CHECKPOINT: u64 = 64 << 20;
/// How the second copy of a GPT begins, in the last sector of a disk.
const GPT: &[u8] = b"EFI PART";

/// Told how far a card has been written, so that another run can go on there.
pub type Checkpoint<'a> = Box<dyn FnMut(u64) + Send + 'a>;

/// A card to be written, and whoever wants to know how that goes.
pub struct Destination<'a> {
    /// What it is called.
    pub path: PathBuf,
    /// What is written to.
    pub target: Box<dyn Target>,
    /// Told how far it is.
    pub progress: Box<dyn Progress + 'a>,
    /// Up to where an earlier run says that it has written. What lies before is compared, and written only
    /// where it differs.
    pub written_before: u64,
    /// Told now and then up to where it is written.
    pub checkpoint: Checkpoint<'a>,
}

impl fmt::Debug for Destination<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination")
            .field("path", &self.path)
            .field("written_before", &self.written_before)
            .finish_non_exhaustive()
    }
}

/// What was done to a card, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Written.
    pub written: u64,
    /// Made zero.
    pub zeroed: u64,
    /// Found as they should be, from an earlier run.
    pub found: u64,
    /// Read back and compared.
    pub checked: u64,
}

/// What reaches a copyist.
#[derive(Clone)]
pub(super) enum Message {
    Piece(Arc<Piece>),
    /// The image was read to its end, and it is what it should be.
    End,
}

/// What is remembered of a piece to prove it later.
struct Sealed {
    at: u64,
    length: u64,
    /// Nothing for zeros.
    digests: Option<Digests>,
}

impl Sealed {
    fn of(piece: &Piece) -> Self {
        Self {
            at: piece.at,
            length: piece.length,
            digests: match &piece.body {
                Body::Data(_, digests) => Some(Arc::clone(digests)),
                Body::Zero => None,
            },
        }
    }
}

/// A block that isn't what it should be.
struct Difference {
    at: u64,
    length: u64,
    zeros: bool,
}

/// Writes all pieces, proves them, and writes and proves the head of the card at last.
pub(super) fn copy(
    destination: Destination<'_>,
    pieces: &Receiver<Message>,
    total: Option<u64>,
) -> Result<Counts, TargetError> {
    let mut copyist = Copyist {
        destination,
        scratch: Buffer::new(PIECE),
        counts: Counts::default(),
        unproved: Vec::new(),
        said: 0,
    };
    copyist.blank_head()?;
    let head = copyist.body(pieces, total)?;
    copyist.prove(&head)?;
    copyist.head(&head)?;
    Ok(copyist.counts)
}

struct Copyist<'a> {
    destination: Destination<'a>,
    scratch: Buffer,
    counts: Counts,
    unproved: Vec<Sealed>,
    /// What the journal was told last.
    said: u64,
}

impl Copyist<'_> {
    /// Takes away what makes the old contents a card: what is written from here on must not be taken for
    /// something that boots.
    fn blank_head(&mut self) -> Result<(), TargetError> {
        let (size, sector) = (self.target().size(), self.target().sector().max(512));
        let head = HEAD.min(size / sector * sector);
        self.write(0, |target| target.zero_at(0, head))?;
        let Some(last) = size.checked_sub(sector).filter(|last| *last >= head) else {
            return Ok(());
        };
        // Another partition table, which some tools would find there and bring back.
        let (at, length) = (
            last / sector * sector,
            usize::try_from(sector).unwrap_or(PIECE),
        );
        self.fill(at, length)?;
        if self.scratch.bytes().starts_with(GPT) {
            self.write(at, |target| target.zero_at(at, sector))?;
        }
        Ok(())
    }

    /// Writes what comes, but the head, which is returned.
    fn body(
        &mut self,
        pieces: &Receiver<Message>,
        total: Option<u64>,
    ) -> Result<Vec<Arc<Piece>>, TargetError> {
        let step = format!("Writing {}", self.destination.path.display());
        self.destination.progress.begin(&step, total);
        let mut head = Vec::new();
        loop {
            self.go_on()?;
            let piece = match pieces.recv() {
                Ok(Message::Piece(piece)) => piece,
                Ok(Message::End) => break,
                Err(_hung_up) => {
                    let path = self.destination.path.clone();
                    return Err(TargetError::NoMore { path });
                }
            };
            if piece.at + piece.length > self.target().size() {
                return Err(TargetError::TooSmall {
                    path: self.destination.path.clone(),
                    size: self.target().size(),
                });
            }
            if piece.at < HEAD {
                head.push(Arc::clone(&piece));
            } else {
                self.place(&piece)?;
            }
            self.destination.progress.advance(piece.length);
        }
        self.write(0, |target| target.sync())?;
        let summary = format!("Wrote {}", self.destination.path.display());
        self.destination.progress.end(&summary);
        Ok(head)
    }

    /// Puts a piece where it belongs, unless it is there already.
    fn place(&mut self, piece: &Piece) -> Result<(), TargetError> {
        let end = piece.at + piece.length;
        if end <= self.destination.written_before && self.difference(&Sealed::of(piece))?.is_none()
        {
            self.counts.found += piece.length;
            self.counts.checked += piece.length;
        } else {
            self.put(piece)?;
            self.unproved.push(Sealed::of(piece));
        }
        if end >= self.said + CHECKPOINT {
            self.said = end;
            (self.destination.checkpoint)(end);
        }
        Ok(())
    }

    fn put(&mut self, piece: &Piece) -> Result<(), TargetError> {
        let padded = self.padded(piece.at, piece.length);
        match &piece.body {
            Body::Data(buffer, _) => {
                let bytes = &buffer.bytes()[..usize::try_from(padded).unwrap_or(PIECE)];
                self.write(piece.at, |target| target.write_at(bytes, piece.at))?;
                self.counts.written += piece.length;
            }
            Body::Zero => {
                self.write(piece.at, |target| target.zero_at(piece.at, padded))?;
                self.counts.zeroed += piece.length;
            }
        }
        Ok(())
    }

    /// Reads everything back that was written, but the head.
    fn prove(&mut self, head: &[Arc<Piece>]) -> Result<(), TargetError> {
        let sealed = std::mem::take(&mut self.unproved);
        let lengths = sealed.iter().map(|piece| piece.length);
        let total = lengths.chain(head.iter().map(|piece| piece.length)).sum();
        let step = format!("Checking {}", self.destination.path.display());
        self.destination.progress.begin(&step, Some(total));
        for piece in &sealed {
            self.go_on()?;
            self.prove_piece(piece)?;
        }
        Ok(())
    }

    /// Writes the head and reads it back: with it the card is what it should be.
    fn head(&mut self, head: &[Arc<Piece>]) -> Result<(), TargetError> {
        for piece in head {
            self.put(piece)?;
        }
        self.write(0, |target| target.sync())?;
        for piece in head {
            self.prove_piece(&Sealed::of(piece))?;
        }
        let summary = format!("Checked {}", self.destination.path.display());
        self.destination.progress.end(&summary);
        Ok(())
    }

    fn prove_piece(&mut self, piece: &Sealed) -> Result<(), TargetError> {
        if let Some(found) = self.difference(piece)? {
            return Err(TargetError::Differs {
                path: self.destination.path.clone(),
                at: found.at,
                length: found.length,
                zeros: found.zeros,
            });
        }
        self.counts.checked += piece.length;
        self.destination.progress.advance(piece.length);
        Ok(())
    }

    /// The first block that the card has otherwise.
    fn difference(&mut self, piece: &Sealed) -> Result<Option<Difference>, TargetError> {
        let end = piece.at + piece.length;
        let mut at = piece.at;
        while at < end {
            let length = (end - at).min(PIECE as u64);
            let count = usize::try_from(length).unwrap_or(PIECE);
            self.fill(at, count)?;
            let blocks = self.scratch.bytes()[..count].chunks(BLOCK);
            let wrong = match &piece.digests {
                Some(digests) => blocks
                    .zip(digests.iter())
                    .position(|(block, digest)| Sha256::digest(block)[..] != digest[..]),
                None => blocks.map(is_zero).position(|zero| !zero),
            };
            if let Some(index) = wrong {
                let start = index * BLOCK;
                let block = &self.scratch.bytes()[start..count.min(start + BLOCK)];
                return Ok(Some(Difference {
                    at: at + start as u64,
                    length: block.len() as u64,
                    zeros: is_zero(block),
                }));
            }
            at += length;
        }
        Ok(None)
    }

    /// Reads `count` bytes from `at` on.
    fn fill(&mut self, at: u64, count: usize) -> Result<(), TargetError> {
        let padded = self.padded(at, count as u64);
        let room = &mut self.scratch.bytes_mut()[..usize::try_from(padded).unwrap_or(PIECE)];
        let read = self.destination.target.read_at(room, at);
        read.map_err(|source| TargetError::Read {
            path: self.destination.path.clone(),
            at,
            source,
        })
    }

    fn write(
        &mut self,
        at: u64,
        write: impl FnOnce(&mut dyn Target) -> std::io::Result<()>,
    ) -> Result<(), TargetError> {
        write(&mut *self.destination.target).map_err(|source| TargetError::Write {
            path: self.destination.path.clone(),
            at,
            source,
        })
    }

    /// `length`, rounded up to whole sectors where the target wants that.
    fn padded(&self, at: u64, length: u64) -> u64 {
        let whole = length.next_multiple_of(self.target().sector());
        whole.min(self.target().size() - at)
    }

    fn target(&self) -> &dyn Target {
        &*self.destination.target
    }

    fn go_on(&self) -> Result<(), TargetError> {
        if self.destination.progress.cancelled() {
            let path = self.destination.path.clone();
            return Err(TargetError::Interrupted { path });
        }
        Ok(())
    }
}
