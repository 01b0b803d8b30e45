//! Reading in pieces, and what is in a piece.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::hex;

/// Reads until `buffer` is full or there is no more. Returns how much was read.
pub(crate) fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Whether there is nothing but zeros.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    // Compared with zeros by the library's own means, which are quick in every build.
    const ZEROS: [u8; 4096] = [0; 4096];
    bytes
        .chunks(ZEROS.len())
        .all(|chunk| *chunk == ZEROS[..chunk.len()])
}

/// Reads `from` to its end, and returns its sha256 in hexadecimal digits. `told` hears of every piece how long it
/// is, and may end it.
pub(crate) fn sha256_of(
    from: &mut impl Read,
    mut told: impl FnMut(u64) -> io::Result<()>,
) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let count = fill(from, &mut buffer)?;
        if count == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&buffer[..count]);
        told(count as u64)?;
    }
}
