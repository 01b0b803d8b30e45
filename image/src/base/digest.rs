//! The sha256 of a whole file.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::copy::go_on;
use crate::pieces;
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
    let digest = pieces::sha256_of(&mut file, |count| {
        progress.advance(count);
        go_on(progress)
    })?;
    progress.end(done);
    Ok(digest)
}
