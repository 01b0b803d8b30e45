//! One image of the index, with all that is needed to fetch exactly this one again.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::release::Architecture;

/// An image of Raspberry Pi OS, as the official index has it. A lock file that keeps this needs no index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficialImage {
    /// What people call it: `Raspberry Pi OS Lite (64-bit)`.
    pub name: String,
    /// What recipes call it, whatever it is compiled for: `raspios-lite`.
    pub identifier: String,
    /// Where its archive is.
    pub url: String,
    /// The day of its release, as `2026-06-18`.
    pub release_date: String,
    /// Bytes of the raw image.
    pub extract_size: u64,
    /// The sha256 of the raw image, in 64 hexadecimal digits.
    pub extract_sha256: String,
    /// Bytes of the archive, if they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_download_size: Option<u64>,
    /// The sha256 of the archive, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_download_sha256: Option<String>,
    /// How it takes its first settings.
    #[serde(default)]
    pub init_format: InitFormat,
    /// What its programs are compiled for.
    pub architecture: Architecture,
}

/// How an image takes its first settings, as the index says; what is in the image decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitFormat {
    /// It takes none.
    None,
    /// A script that systemd runs once: bookworm.
    Systemd,
    /// cloud-init.
    Cloudinit,
    /// cloud-init with the additions of Raspberry Pi OS: trixie.
    CloudinitRpi,
    /// rpi-preseed.
    RpiPreseed,
    /// The index doesn't say, or says something that is newer than this program.
    #[default]
    #[serde(other)]
    Unknown,
}

impl InitFormat {
    /// The index' own word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Systemd => "systemd",
            Self::Cloudinit => "cloudinit",
            Self::CloudinitRpi => "cloudinit-rpi",
            Self::RpiPreseed => "rpi-preseed",
            Self::Unknown => "unknown",
        }
    }
}

impl OfficialImage {
    /// The file name in the cache: `raspios-lite-arm64-2026-06-18-e235fd24fc5f039c.img`.
    pub fn file_name(&self) -> String {
        format!(
            "{}-{}-{}-{}.img",
            self.identifier,
            self.architecture,
            self.release_date,
            self.extract_sha256.get(..16).unwrap_or_default()
        )
    }

    /// Whether every part of it is of the form that it should have: an entry of an index and a lock file come from
    /// outside, and parts of them become file names and lines on a terminal.
    pub fn check(&self) -> Result<(), String> {
        let is_digest = |text: &str| {
            text.len() == 64
                && text
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        if !is_identifier(&self.identifier) {
            return Err(format!(
                "identifier {:?} has other characters than a to z, digits and hyphens",
                self.identifier
            ));
        }
        if !is_date(&self.release_date) {
            return Err(format!(
                "release_date {:?} is no date as 2026-06-18",
                self.release_date
            ));
        }
        if !is_digest(&self.extract_sha256) {
            return Err(format!(
                "extract_sha256 {:?} is no sha256",
                self.extract_sha256
            ));
        }
        if self
            .image_download_sha256
            .as_deref()
            .is_some_and(|digest| !is_digest(digest))
        {
            return Err("image_download_sha256 is no sha256".to_owned());
        }
        if !(1 << 20..=64 << 30).contains(&self.extract_size) {
            return Err(format!(
                "extract_size {} is no size of a card image",
                self.extract_size
            ));
        }
        if !self.url.starts_with("https://") && !self.url.starts_with("http://") {
            return Err("url does not begin with https://".to_owned());
        }
        if self.name.chars().any(char::is_control) {
            return Err("name has control characters".to_owned());
        }
        Ok(())
    }
}

impl fmt::Display for OfficialImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} ({})",
            self.identifier, self.release_date, self.architecture
        )
    }
}

/// Whether `text` may be what recipes call an image: small letters, digits and hyphens.
pub fn is_identifier(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.bytes().all(fits)
}

fn is_date(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([4, 2, 2])
        && parts.concat().bytes().all(|b| b.is_ascii_digit())
}
