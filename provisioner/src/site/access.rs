//! The authority's key, which may be under a passphrase.

use std::path::{Path, PathBuf};

use anyhow::Context;
use zeroize::Zeroizing;

use super::store::Site;
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::pki::key::{self, KeyError};
use crate::pki::{self, Authority};
use crate::prompt;
use crate::secret::Secret;

/// Where the passphrase of the authority's key comes from, if it has one.
#[derive(Debug, Clone, Default)]
pub struct KeyAccess {
    /// A file whose first line it is; without one it is asked for.
    pub passphrase_file: Option<PathBuf>,
}

impl KeyAccess {
    /// Returns the key in `text`, the file at `path`, as unencrypted PKCS#8 PEM.
    ///
    /// # Errors
    ///
    /// If it is damaged, the passphrase is wrong, or there is nobody to ask for it.
    pub fn unlock(&self, path: &Path, text: &str) -> anyhow::Result<Zeroizing<String>> {
        if key::is_encrypted(text) {
            self.unlock_with(path, text, &self.passphrase(path)?)
        } else {
            key::normalize(text).map_err(|error| unfit(path, &error))
        }
    }

    /// The same for a key whose passphrase is known.
    pub fn unlock_with(
        &self,
        path: &Path,
        text: &str,
        passphrase: &Secret,
    ) -> anyhow::Result<Zeroizing<String>> {
        key::decrypt(text, passphrase).map_err(|error| unfit(path, &error))
    }

    /// The passphrase of the key at `path`.
    pub fn passphrase(&self, path: &Path) -> anyhow::Result<Secret> {
        match &self.passphrase_file {
            Some(file) => first_line(file),
            None => prompt::passphrase(path, "--ca-passphrase-file FILE reads it from a file"),
        }
    }
}

fn unfit(path: &Path, error: &KeyError) -> anyhow::Error {
    let fault = Fault::input(format!("{}: {error}", path.display()));
    match error.hint() {
        Some(hint) => fault.hint(hint).into(),
        None => fault.into(),
    }
}

/// The first line of a file that holds a secret.
fn first_line(file: &Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("reading the passphrase in {}", file.display()))?;
    let text = Zeroizing::new(text);
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(Fault::input(format!("the first line of {} is empty", file.display())).into());
    }
    Ok(Secret::new(line.to_owned()))
}

impl Site {
    /// The authority, able to sign. A passphrase is asked for or read once, however much is issued.
    pub fn authority(&self, access: &KeyAccess) -> anyhow::Result<&Authority> {
        if let Some(authority) = self.authority.get() {
            return Ok(authority);
        }
        let key = self.authority_key(access)?;
        let certificate = self.read("pki/ca.crt")?;
        pki::check_key_pair(&certificate, &key).map_err(|error| {
            let path = self.authority_path();
            Fault::input(format!("{} and the key beside it: {error}", path.display()))
                .hint("bring both back from a copy of the site")
        })?;
        let authority = Authority::load(&certificate, &key)?;
        Ok(self.authority.get_or_init(|| authority))
    }

    /// Where the authority's key is.
    pub fn authority_key_path(&self) -> PathBuf {
        self.root().join("pki/ca.key")
    }

    /// Whether the authority's key is under a passphrase.
    pub fn authority_is_locked(&self) -> anyhow::Result<bool> {
        let text = Zeroizing::new(self.read("pki/ca.key")?);
        Ok(key::is_encrypted(&text))
    }

    /// The authority's key, unencrypted PEM.
    pub fn authority_key(&self, access: &KeyAccess) -> anyhow::Result<Zeroizing<String>> {
        let path = self.authority_key_path();
        let Some(text) = fsio::read_optional(&path)? else {
            let path = path.display();
            let text = format!("{path} is not there, and nothing can be issued or revoked without");
            return Err(Fault::input(text)
                .hint("bring it back from where you keep it, or from a copy of the site")
                .into());
        };
        access.unlock(&path, &Zeroizing::new(text))
    }

    /// Puts the authority's key, which was unlocked, under a new passphrase, or under none.
    pub fn set_authority_passphrase(
        &self,
        plain: &Zeroizing<String>,
        new: Option<&Secret>,
    ) -> anyhow::Result<()> {
        let locked = new.map(|passphrase| key::encrypt(plain, passphrase));
        let locked = locked
            .transpose()
            .context("encrypting the authority's key")?;
        let text = locked.as_ref().unwrap_or(plain);
        fsio::write_atomic(&self.authority_key_path(), text.as_bytes(), Access::Private)
    }
}
