//! SSH keys as people compare them.

use serde::Serialize;
use ssh_key::HashAlg;
use ssh_key::authorized_keys::Entry;

/// A key that logs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoginKey {
    /// `SHA256:…`, as `ssh-keygen -l` prints it; none if the line is no key.
    pub fingerprint: Option<String>,
    /// `ssh-ed25519`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// What its owner calls it.
    pub comment: String,
}

impl LoginKey {
    /// Reads a line of `authorized_keys`.
    pub fn of(line: &str) -> Self {
        match line.parse::<Entry>() {
            Ok(entry) => {
                let key = entry.public_key();
                Self {
                    fingerprint: Some(key.fingerprint(HashAlg::Sha256).to_string()),
                    kind: Some(key.algorithm().to_string()),
                    comment: key.comment().to_owned(),
                }
            }
            // What it is instead may be anything, a private key too.
            Err(_) => Self {
                fingerprint: None,
                kind: None,
                comment: String::new(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_by_its_fingerprint_and_nonsense_not_at_all() {
        let line = crate::ssh::mint("me@laptop").unwrap().public;
        let key = LoginKey::of(&format!("no-pty {line}"));
        assert_eq!(
            key.fingerprint,
            Some(crate::ssh::fingerprint(&line).unwrap())
        );
        assert_eq!(
            (key.kind.as_deref(), key.comment.as_str()),
            (Some("ssh-ed25519"), "me@laptop")
        );
        let nonsense = LoginKey::of("-----BEGIN OPENSSH PRIVATE KEY----- hunter2");
        assert!(!format!("{nonsense:?}").contains("hunter2"));
    }
}
