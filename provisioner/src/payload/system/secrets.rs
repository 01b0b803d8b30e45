//! Reading a secret from a file of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;

use crate::hint::Fault;
use crate::recipe::Hidden;

/// More than any password or hash has.
const MAX_SIZE: u64 = 4096;

/// Reads the one line in the file at `path`, which `key` of the recipe names.
///
/// # Errors
///
/// A [`Fault`] of the user's if the file is missing, can be read by others, or has not exactly one line.
pub(crate) fn read(key: &str, path: &Path) -> anyhow::Result<Hidden> {
    let shown = path.display();
    let meta = fs::metadata(path)
        .map_err(|error| Fault::input(format!("{key}: {shown} can't be read: {error}")))?;
    let mode = meta.permissions().mode() & 0o777;
    if !meta.is_file() || meta.len() > MAX_SIZE {
        return Err(Fault::input(format!("{key}: {shown} is no file with one line in it")).into());
    }
    if mode & 0o077 != 0 {
        let text = format!("{key}: others can read {shown} (mode {mode:04o})");
        return Err(Fault::input(text)
            .hint(format!("`chmod 600 {shown}`"))
            .into());
    }
    let text = fs::read_to_string(path).with_context(|| format!("{key}: reading {shown}"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.contains(['\n', '\r']) {
        return Err(Fault::input(format!("{key}: {shown} has not exactly one line")).into());
    }
    Ok(Hidden::new(line.to_owned()))
}
