//! The sha256 of a whole file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::copy::go_on;
use crate::hex;
use crate::progress::Progress;

/// Reads the file at `path` to its end, and returns its sha256 in hexadecimal digits.
///
/// # Errors
///
/// If it can't be read; of kind `Interrupted` if the user wants it to stop.
pub(super) fn sha256_of(
    path: &Path,
    (step, done): (&str, &str),
    progress: &mut dyn Progress,
) -> io::Result<String> {
    let mut file = File::open(path)?;
    progress.begin(step, Some(file.metadata()?.len()));
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            count => {
                hash.update(&buffer[..count]);
                progress.advance(count as u64);
                go_on(progress)?;
            }
        }
    }
    progress.end(done);
    Ok(hex(&hash.finalize()))
}
