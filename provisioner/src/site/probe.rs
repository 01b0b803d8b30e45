//! The account by which `provision` proves that a broker works: it may log in and write below
//! [`NAME`], and nothing else.
//!
//! Each host has a password of its own, made up here; only its hash leaves the site.

use anyhow::Context;
use broker::acl::{AclFile, AclLine, AclProblem, Permission};
use broker::passwd::{DEFAULT_ITERATIONS, Password, PasswordHash};

use crate::secret::Secret;

/// Its user name, and the first level of its topics. No person's name begins with an underscore.
pub const NAME: &str = "_provision";

/// The password, in a host's folder.
pub(super) const PASSWORD: &str = "probe";

/// The hash, kept because a new one would have another salt and look like a change.
pub(super) const HASH: &str = "probe.hash";

/// Makes a password and its hash.
pub(super) fn make() -> anyhow::Result<(Secret, Secret)> {
    let secret = Secret::generate().context("asking for random bytes")?;
    let password =
        Password::new(secret.expose().to_owned()).context("hashing the probe's password")?;
    let hash =
        PasswordHash::new(&password, DEFAULT_ITERATIONS).context("asking for random bytes")?;
    Ok((secret, Secret::new(hash.to_string())))
}

/// Adds what it may do to an ACL file.
pub fn allow(file: &mut AclFile) -> Result<(), AclProblem> {
    file.push(AclLine::Blank)?;
    file.push(AclLine::User(NAME.to_owned()))?;
    file.push(AclLine::Topic(Permission::ReadWrite, format!("{NAME}/#")))
}
