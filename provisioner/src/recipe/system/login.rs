//! Who may log in, and what he may do.

use std::path::{Path, PathBuf};

use anyhow::Context;
use image::accounts::LoginName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::incomplete;
use super::hidden::Hidden;
use crate::hint::Fault;
use crate::recipe::layers::layered;

/// What a recipe says of the login user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LoginRecipe {
    /// The user's name. It logs in over SSH with the keys in `site/ssh/authorized_keys`.
    #[schemars(regex(pattern = "^(?!root$)[a-z][a-z0-9-]{0,31}$"))]
    pub name: Option<String>,
    /// What it may do as root.
    pub sudo: Option<Sudo>,
    /// The hash of a password for the screen and for sudo, as `openssl passwd -6` or `mkpasswd` makes it. The
    /// recipe's file must be readable by its owner alone then.
    #[schemars(
        length(min = 20, max = 200),
        regex(pattern = r#"^\$(y|gy|6|5|2b)\$["-)+-9;-\[\]-~]*\$["-)+-9;-\[\]-~]*$"#)
    )]
    pub password_hash: Option<Hidden>,
    /// A file with nothing but such a hash in it, relative to this file; readable by its owner alone.
    pub password_file: Option<String>,
}

/// What the login user may do as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sudo {
    /// Everything, without being asked.
    Passwordless,
    /// Everything, once it has said its password.
    Password,
    /// Nothing.
    None,
}

/// The user that may log in over SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub name: String,
    /// What it may do as root.
    pub sudo: Sudo,
    /// Where its password's hash is, if it has a password.
    pub password: Option<LoginPassword>,
}

/// Where the hash of a password is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginPassword {
    /// In the recipe.
    Hash(Hidden),
    /// In a file of its own.
    File(PathBuf),
}

impl LoginRecipe {
    pub(super) fn over(self, base: Self) -> Self {
        // One of the two: a recipe that says one doesn't inherit the other.
        if self.password_hash.is_some() || self.password_file.is_some() {
            return Self {
                name: self.name.or(base.name),
                sudo: self.sudo.or(base.sudo),
                ..self
            };
        }
        layered!(self, base: name, sudo, password_hash, password_file)
    }

    /// `dir` is what a relative path is relative to.
    pub(in crate::recipe) fn resolve(self, dir: &Path) -> anyhow::Result<Login> {
        let password = match (self.password_hash, self.password_file) {
            (Some(_), Some(_)) => {
                let text = "system.login: `password-hash` and `password-file` exclude each other";
                return Err(Fault::input(text).into());
            }
            (Some(hash), None) => {
                check_hash("system.login.password-hash", hash.expose())?;
                Some(LoginPassword::Hash(hash))
            }
            (None, file) => file.map(|file| LoginPassword::File(dir.join(file))),
        };
        let login = Login {
            name: self.name.context(incomplete("system.login.name"))?,
            sudo: self.sudo.context(incomplete("system.login.sudo"))?,
            password,
        };
        LoginName::new(&login.name)
            .map_err(|error| Fault::input(format!("system.login.name: {error}")))?;
        if login.sudo == Sudo::Password && login.password.is_none() {
            let text = "system.login.sudo: `password` without a password would be nothing at all";
            return Err(Fault::input(text)
                .hint("say `password-file: FILE`, with what `openssl passwd -6` prints in it")
                .into());
        }
        Ok(login)
    }
}

/// Refuses what is no hash of a password, above all the password itself. What it is isn't said.
pub(crate) fn check_hash(key: &str, hash: &str) -> anyhow::Result<()> {
    const KINDS: [&str; 5] = ["$y$", "$gy$", "$6$", "$5$", "$2b$"];
    let known = KINDS.iter().any(|kind| hash.starts_with(kind));
    let clean = hash
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b':' | b'*' | b'!' | b'\\'));
    if known && clean && hash.matches('$').count() >= 3 && (20..=200).contains(&hash.len()) {
        return Ok(());
    }
    Err(Fault::input(format!("{key}: this is no hash of a password"))
        .hint("`openssl passwd -6` asks for a password and prints its hash, which begins with $6$")
        .into())
}
