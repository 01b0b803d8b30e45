//! The password file, and the clear text of generated passwords until their owners have them.

use std::path::Path;

use anyhow::Context;
use broker::passwd::{DEFAULT_ITERATIONS, Password, PasswordFile, PasswordHash};

use super::name::Name;
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::secret::Secret;

/// Returns `file`, the text of the password file at `path`, with the entry of `name` added or replaced.
pub(super) fn with_password(
    path: &Path,
    file: &str,
    name: &Name,
    password: &Secret,
) -> anyhow::Result<String> {
    let mut file = parse(path, file)?;
    let password = Password::new(password.expose().to_owned())
        .map_err(|error| Fault::input(format!("this password can't be used: {error}")))?;
    let hash =
        PasswordHash::new(&password, DEFAULT_ITERATIONS).context("asking for random bytes")?;
    file.set(name.as_str(), hash)
        .context("adding to the password file")?;
    Ok(file.to_string())
}

/// Parses a password file; an error names the line.
pub(super) fn parse(path: &Path, text: &str) -> anyhow::Result<PasswordFile> {
    PasswordFile::parse(text)
        .map_err(|error| Fault::input(format!("{}:{}: {error}", path.display(), error.line)).into())
}

/// Keeps a generated password for its owner.
pub(super) fn keep(folder: &Path, name: &Name, password: &Secret) -> anyhow::Result<()> {
    fsio::create_directory(folder, Access::Private)?;
    fsio::write_atomic(
        &folder.join(name.as_str()),
        format!("{}\n", password.expose()).as_bytes(),
        Access::Private,
    )
}

/// Removes a kept password, which is not the person's any longer; whether there was one.
pub(super) fn forget(folder: &Path, name: &Name) -> anyhow::Result<bool> {
    let path = folder.join(name.as_str());
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("removing {}", path.display())),
    }
}
