//! What is made of the pieces, each in a thread of its own.

use std::fs::File;
use std::io::{self, Write};
use std::sync::mpsc::Receiver;

use sha2::{Digest, Sha256};

use super::reader::Piece;
use super::run::Packed;
use crate::compress::{Compression, Encoder};
use crate::hex;

/// The digest of everything.
pub(super) fn whole(pieces: &Receiver<Piece>) -> String {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update(piece.bytes());
    }
    hex(&hash.finalize())
}

/// The digest of each range of the block map.
pub(super) fn each_range(pieces: &Receiver<Piece>) -> Vec<[u8; 32]> {
    let mut digests = Vec::new();
    let mut hash = Sha256::new();
    for piece in pieces {
        match piece {
            Piece::Data(bytes) => hash.update(&bytes),
            Piece::Free(_) => {}
            Piece::EndOfRange => digests.push(hash.finalize_reset().into()),
        }
    }
    digests
}

/// Packs everything into `file`.
pub(super) fn pack(
    pieces: &Receiver<Piece>,
    method: Compression,
    size: u64,
    file: &File,
) -> io::Result<Packed> {
    let mut encoder = Encoder::new(method, size, Hashing::new(file))?;
    for piece in pieces {
        encoder.write_all(piece.bytes())?;
    }
    let written = encoder.finish()?;
    Ok(Packed {
        size: written.size,
        sha256: hex(&written.hash.finalize()),
    })
}

/// Writes to a file and computes the digest of what was written.
struct Hashing<'a> {
    file: &'a File,
    hash: Sha256,
    size: u64,
}

impl<'a> Hashing<'a> {
    fn new(file: &'a File) -> Self {
        Self {
            file,
            hash: Sha256::new(),
            size: 0,
        }
    }
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
