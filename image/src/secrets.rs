//! Secrets in texts, recognized by what they look like. What they are is never told, only where.

use std::fmt;

/// What a secret looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretKind {
    /// A key in PEM or OpenSSH's format.
    PrivateKey,
    /// A hash as `crypt(5)` has it: it can be guessed at.
    PasswordHash,
    /// A password, or a Wi-Fi's key.
    Password,
}

impl fmt::Display for SecretKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrivateKey => "a private key",
            Self::PasswordHash => "a password's hash",
            Self::Password => "a password",
        })
    }
}

/// Where a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Secret {
    /// The line, counted from 1.
    pub line: usize,
    /// What it looks like.
    pub kind: SecretKind,
}

/// Settings whose value is a password, in cloud-init's, NetworkManager's, `wpa_supplicant`'s and Raspberry
/// Pi OS' files.
const KEYS: [&str; 9] = [
    "psk",
    "password",
    "passwd",
    "passphrase",
    "wpa_passphrase",
    "plain_text_passwd",
    "hashed_passwd",
    "sae_password",
    "private_key",
];
/// Values that are none.
const NO_VALUES: [&str; 5] = ["", "null", "~", "true", "false"];
/// The methods of `crypt(5)`, and Mosquitto's 7.
const METHODS: [&str; 11] = [
    "1", "2a", "2b", "2y", "5", "6", "7", "y", "gy", "argon2i", "argon2id",
];
/// A shorter rest is no hash.
const SHORTEST_HASH: usize = 12;

/// The secrets in a text, at most one a line. What is no text has none.
pub fn secrets(bytes: &[u8]) -> Vec<Secret> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Vec::new();
    };
    let lines = (1..).zip(text.lines());
    lines
        .filter_map(|(line, text)| {
            Some(Secret {
                line,
                kind: secret(text)?,
            })
        })
        .collect()
}

fn secret(line: &str) -> Option<SecretKind> {
    let trimmed = line.trim_start();
    if trimmed.contains("-----BEGIN") && trimmed.contains("PRIVATE KEY-----") {
        return Some(SecretKind::PrivateKey);
    }
    if trimmed.starts_with(['#', ';']) {
        return None;
    }
    if has_hash(trimmed) {
        return Some(SecretKind::PasswordHash);
    }
    (is_setting(trimmed) || sets_wlan(trimmed)).then_some(SecretKind::Password)
}

/// `$6$salt$hash` anywhere in a line.
fn has_hash(line: &str) -> bool {
    line.match_indices('$').any(|(at, _)| {
        let rest = &line[at + 1..];
        let Some((method, rest)) = rest.split_once('$') else {
            return false;
        };
        let in_hash = |c: &char| c.is_ascii_alphanumeric() || "./+=$,-_".contains(*c);
        METHODS.contains(&method) && rest.chars().take_while(in_hash).count() >= SHORTEST_HASH
    })
}

/// `key: value` or `key=value`, also as an item of a list or in quotes.
fn is_setting(line: &str) -> bool {
    let Some((key, value)) = line.split_once([':', '=']) else {
        return false;
    };
    let bare = |text: &str| {
        let text = text.trim().trim_start_matches("- ").trim();
        text.trim_matches(['"', '\'']).to_owned()
    };
    let (key, value) = (bare(key).to_lowercase(), bare(value));
    KEYS.contains(&key.as_str()) && !NO_VALUES.contains(&value.as_str()) && !value.starts_with('#')
}

/// What a first-boot script of Raspberry Pi Imager says to join a network: the last but one word is its key.
fn sets_wlan(line: &str) -> bool {
    line.split_whitespace().any(|word| word == "set_wlan")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_in_the_forms_that_cards_have_them() {
        let kind = |text: &str| secrets(text.as_bytes()).first().map(|found| found.kind);
        for text in [
            "  - password: \"correct horse\"",
            "passwd: plain",
            "        password: 0123456789abcdef",
            "\tpsk=\"correct horse\"",
            "password = \"x\"",
            "   /usr/lib/raspberrypi-sys-mods/imager_custom set_wlan 'net' 'key' 'GB'",
        ] {
            assert_eq!(kind(text), Some(SecretKind::Password), "{text}");
        }
        for text in [
            "fred:$6$saltsalt$abcdefghijklmnopqrstuv",
            "passwd: \"$y$j9T$abcdefgh$ijklmnopqrst\"",
        ] {
            assert_eq!(kind(text), Some(SecretKind::PasswordHash), "{text}");
        }
        let key = "x\n-----BEGIN OPENSSH PRIVATE KEY-----\n";
        let found = Secret {
            line: 2,
            kind: SecretKind::PrivateKey,
        };
        assert_eq!(secrets(key.as_bytes()), [found]);
    }

    #[test]
    fn what_only_looks_like_a_secret_is_none() {
        for text in [
            "# password: example",
            "password_encrypted = true",
            "lock_passwd: false",
            "passwd: null",
            "password:",
            "ssh_pwauth: false",
            "price $5$ a piece",
            "root:x:0:0:root:/root:/bin/bash",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert_eq!(secrets(text.as_bytes()), [], "{text}");
        }
        assert_eq!(secrets(b"psk=x\xff"), []);
    }
}
