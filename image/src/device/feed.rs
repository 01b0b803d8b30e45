//! The image in pieces, read once for all cards.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::buffer::Buffer;
use super::error::SourceError;
use super::layout::{ExtentKind, Layout};
use super::source::Source;
use crate::packed::Stream;
use crate::pieces::{fill, is_zero};

/// What is withheld until everything else is on the card and proved: without it no board boots from it.
pub(super) const HEAD: u64 = 1 << 20;
/// The most bytes of a piece, and what its ends lie at multiples of: the erase blocks of cards.
pub(super) const PIECE: usize = 4 << 20;
/// The most bytes of a piece of zeros.
const ZEROS: u64 = 64 << 20;
/// What is compared at once, and named if it differs.
pub(super) const BLOCK: usize = 64 << 10;

/// Bytes of the image. None lies on both sides of [`HEAD`].
pub(super) struct Piece {
    pub(super) at: u64,
    pub(super) length: u64,
    pub(super) body: Body,
}

/// What the bytes are.
pub(super) enum Body {
    /// These: a buffer of [`PIECE`] bytes, zero after those that count.
    Data(Buffer, Digests),
    /// Zeros.
    Zero,
}

/// The sha256 of every [`BLOCK`] of a piece.
pub(super) type Digests = Arc<[[u8; 32]]>;

/// The digests of `bytes`.
pub(super) fn digests(bytes: &[u8]) -> Digests {
    bytes
        .chunks(BLOCK)
        .map(|block| Sha256::digest(block).into())
        .collect()
}

/// Reads `source` and hands over what of it matters, ascending, as long as `take` wants more.
///
/// Every range whose digest is known is checked when it was read, the length of the image at its end.
pub(super) fn feed(
    source: &Source,
    layout: &Layout,
    take: &mut dyn FnMut(Piece) -> bool,
) -> Result<(), SourceError> {
    source.read(|stream| {
        let mut feeder = Feeder {
            source,
            stream,
            take,
            at: 0,
            wanted: true,
        };
        for extent in &layout.extents {
            let (start, end) = (extent.bytes.start, extent.bytes.end);
            match extent.kind {
                ExtentKind::Zero => feeder.zeros(start, end),
                ExtentKind::Data(sha256) => feeder.data(start, end, sha256)?,
                ExtentKind::Open => feeder.open(start)?,
            }
            if !feeder.wanted {
                return Ok(());
            }
        }
        feeder.end(layout.exact)
    })
}

struct Feeder<'a, 'b> {
    source: &'a Source,
    stream: &'a mut Stream<'b>,
    take: &'a mut dyn FnMut(Piece) -> bool,
    /// Where the stream is.
    at: u64,
    /// Whether anybody wants more.
    wanted: bool,
}

impl Feeder<'_, '_> {
    fn zeros(&mut self, start: u64, end: u64) {
        let mut at = start;
        while at < end && self.wanted {
            let stop = boundary(at, ZEROS).min(end);
            self.hand_over(at, stop - at, Body::Zero);
            at = stop;
        }
    }

    fn data(&mut self, start: u64, end: u64, sha256: Option<[u8; 32]>) -> Result<(), SourceError> {
        self.pass(start)?;
        let mut hash = sha256.map(|wanted| (Sha256::new(), wanted));
        while self.at < end && self.wanted {
            let wanted = boundary(self.at, PIECE as u64).min(end) - self.at;
            let count = self.piece(wanted, hash.as_mut().map(|(hash, _)| hash))?;
            if count < wanted {
                return Err(self.truncated(end));
            }
        }
        let actual = hash.map(|(hash, wanted)| (hash.finalize(), wanted));
        match actual {
            Some((actual, wanted)) if self.wanted && actual[..] != wanted => {
                let path = self.source.path().to_owned();
                Err(SourceError::Range { path, start, end })
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, start: u64) -> Result<(), SourceError> {
        self.pass(start)?;
        while self.wanted {
            let wanted = boundary(self.at, PIECE as u64) - self.at;
            if self.piece(wanted, None)? < wanted {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reads up to `wanted` bytes and hands them over; fewer only at the end.
    fn piece(&mut self, wanted: u64, hash: Option<&mut Sha256>) -> Result<u64, SourceError> {
        let mut buffer = Buffer::new(PIECE);
        let wanted = usize::try_from(wanted).unwrap_or(PIECE).min(PIECE);
        let read = fill(self.stream, &mut buffer.bytes_mut()[..wanted]);
        let count = read.map_err(|error| self.stream.failed(error))?;
        let bytes = &buffer.bytes()[..count];
        if let Some(hash) = hash {
            hash.update(bytes);
        }
        let (at, length) = (self.at, count as u64);
        self.at += length;
        if count == 0 {
            return Ok(0);
        }
        let body = if is_zero(bytes) {
            Body::Zero
        } else {
            let digests = digests(bytes);
            Body::Data(buffer, digests)
        };
        self.hand_over(at, length, body);
        Ok(length)
    }

    fn hand_over(&mut self, at: u64, length: u64, body: Body) {
        self.wanted = (self.take)(Piece { at, length, body });
    }

    fn pass(&mut self, to: u64) -> Result<(), SourceError> {
        let wanted = to - self.at;
        let passed = self.stream.pass(wanted);
        self.at += passed.map_err(|error| self.stream.failed(error))?;
        if self.at < to {
            return Err(self.truncated(to));
        }
        Ok(())
    }

    /// Reads what is left, so that the archive's own checks are made, and looks whether it is as much as it
    /// should be.
    fn end(&mut self, exact: Option<u64>) -> Result<(), SourceError> {
        let limit = exact.unwrap_or(u64::MAX);
        let path = || self.source.path().to_owned();
        if self.source.is_raw() {
            // Nothing to check but the length, which may have changed since it was looked at.
            let size = std::fs::metadata(self.source.path());
            let size = size.map_err(|error| self.stream.failed(error))?;
            self.at = size.len();
        } else {
            let mut rest = std::io::Read::take(
                &mut *self.stream,
                limit.saturating_sub(self.at).saturating_add(1),
            );
            self.at += std::io::copy(&mut rest, &mut std::io::sink())
                .map_err(|error| self.stream.failed(error))?;
        }
        match exact {
            Some(wanted) if self.at > wanted => {
                let path = path();
                return Err(SourceError::TooLong { path, wanted });
            }
            Some(wanted) if self.at < wanted => return Err(self.truncated(wanted)),
            _ => {}
        }
        self.source.check_length(Some(self.at))
    }

    fn truncated(&self, wanted: u64) -> SourceError {
        SourceError::Truncated {
            path: self.source.path().to_owned(),
            size: self.at,
            wanted,
        }
    }
}

/// Where a piece that begins at `at` ends at the latest.
fn boundary(at: u64, most: u64) -> u64 {
    if at < HEAD {
        HEAD
    } else {
        (at / most + 1) * most
    }
}
