//! SSH keys: the card's host keys, and a login key for people who have none.

use std::path::{Path, PathBuf};

use anyhow::Context;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, rand_core::OsRng};
use zeroize::Zeroizing;

use crate::hint::Fault;

/// A new key pair.
pub struct MintedKey {
    /// The private key in OpenSSH's format.
    pub private: Zeroizing<String>,
    /// The public key as one line, with comment.
    pub public: String,
}

impl std::fmt::Debug for MintedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MintedKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// Makes an Ed25519 key pair.
pub fn mint(comment: &str) -> anyhow::Result<MintedKey> {
    let mut key =
        PrivateKey::random(&mut OsRng, Algorithm::Ed25519).context("making an SSH key")?;
    key.set_comment(comment);
    Ok(MintedKey {
        private: key
            .to_openssh(LineEnding::LF)
            .context("writing an SSH key")?,
        public: key
            .public_key()
            .to_openssh()
            .context("writing an SSH key")?,
    })
}

/// The fingerprint of a public key as `ssh-keygen -l` prints it: `SHA256:…`.
pub fn fingerprint(public: &str) -> anyhow::Result<String> {
    Ok(PublicKey::from_openssh(public)
        .context("reading an SSH public key")?
        .fingerprint(HashAlg::Sha256)
        .to_string())
}

/// Whether two public keys are the same, whatever comments they have.
pub fn is_same_key(one: &str, other: &str) -> bool {
    let core = |line: &str| -> Vec<String> {
        line.split_whitespace().take(2).map(str::to_owned).collect()
    };
    core(one) == core(other)
}

/// Checks one line of an `authorized_keys` file; options before the key are allowed.
pub fn check_authorized_key(line: &str) -> anyhow::Result<()> {
    use ssh_key::authorized_keys::Entry;
    line.parse::<Entry>()
        .map(drop)
        .context("this is no SSH public key")
}

/// Reads the public keys in a file, one a line; a private key is refused with a word.
pub fn read_public_keys(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("reading SSH key {}", path.display()))?;
    if text.contains("PRIVATE KEY") {
        let fault = Fault::input(format!("{} is a private key", path.display()));
        return Err(fault
            .hint(format!("name the public one: {}.pub", path.display()))
            .into());
    }
    let lines = text
        .lines()
        .map(str::trim)
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(index, line)| {
            check_authorized_key(line).map_err(|error| {
                Fault::input(format!("{}:{}: {error:#}", path.display(), index + 1))
            })?;
            Ok(line.to_owned())
        })
        .collect()
}

/// The public keys of the person who runs the program: `~/.ssh/*.pub`, sorted by name.
pub fn own_public_keys() -> Vec<PathBuf> {
    let Some(home) = std::env::var_os("HOME") else {
        return Vec::new();
    };
    let Ok(entries) = std::fs::read_dir(Path::new(&home).join(".ssh")) else {
        return Vec::new();
    };
    let mut keys: Vec<_> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "pub"))
        .collect();
    keys.sort();
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_key_is_one_that_openssh_reads() {
        use std::os::unix::fs::OpenOptionsExt;
        let key = mint("test").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .unwrap();
        std::io::Write::write_all(&mut file, key.private.as_bytes()).unwrap();
        let public = std::process::Command::new("ssh-keygen")
            .arg("-y")
            .arg("-f")
            .arg(&path)
            .output()
            .unwrap();
        assert!(public.status.success());
        assert_eq!(String::from_utf8(public.stdout).unwrap().trim(), key.public);
    }

    #[test]
    fn comments_make_no_other_key() {
        let key = mint("one").unwrap().public;
        let bare = key.trim_end_matches(" one");
        assert!(is_same_key(&key, bare) && is_same_key(bare, &format!("{bare} two\n")));
        assert!(!is_same_key(&key, &mint("one").unwrap().public));
    }

    #[test]
    fn options_before_a_key_are_allowed_and_nonsense_is_not() {
        let key = mint("me@laptop").unwrap().public;
        check_authorized_key(&key).unwrap();
        check_authorized_key(&format!("no-port-forwarding,from=\"10.0.0.0/8\" {key}")).unwrap();
        assert!(check_authorized_key("ssh-ed25519 AAAA").is_err());
        assert!(check_authorized_key("-----BEGIN OPENSSH PRIVATE KEY-----").is_err());
    }
}
