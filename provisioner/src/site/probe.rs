//! The account by which `provision` proves that a broker works: it may log in and write below
//! [`NAME`], and nothing else.
//!
//! Each host has a password of its own, made up here; only its hash leaves the site.

use std::path::Path;

use anyhow::Context;
use broker::acl::{AclFile, AclLine, AclProblem, Permission};
use broker::passwd::{DEFAULT_ITERATIONS, Password, PasswordHash};

use crate::fsio::{self, Access};
use crate::secret::Secret;

/// Its user name, and the first level of its topics. No person's name begins with an underscore.
pub const NAME: &str = "_provision";

/// The password, in a host's folder.
pub(super) const PASSWORD: &str = "probe";

/// The hash, kept because a new one would have another salt and look like a change.
pub(super) const HASH: &str = "probe.hash";

/// Makes password and hash if the host with this folder lacks one.
pub(super) fn complete(folder: &Path) -> anyhow::Result<()> {
    let (password, hash) = (folder.join(PASSWORD), folder.join(HASH));
    if password.exists() && hash.exists() {
        return Ok(());
    }
    let secret = Secret::generate().context("asking for random bytes")?;
    let hashed = PasswordHash::new(
        &Password::new(secret.expose().to_owned()).context("hashing the probe's password")?,
        DEFAULT_ITERATIONS,
    );
    let hashed = hashed.context("asking for random bytes")?;
    let line = |text: &dyn std::fmt::Display| format!("{text}\n");
    fsio::write_atomic(
        &password,
        line(&secret.expose()).as_bytes(),
        Access::Private,
    )?;
    fsio::write_atomic(&hash, line(&hashed).as_bytes(), Access::Private)
}

/// Adds what it may do to an ACL file.
pub fn allow(file: &mut AclFile) -> Result<(), AclProblem> {
    file.push(AclLine::Blank)?;
    file.push(AclLine::User(NAME.to_owned()))?;
    file.push(AclLine::Topic(Permission::ReadWrite, format!("{NAME}/#")))
}
