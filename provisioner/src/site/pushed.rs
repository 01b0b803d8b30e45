//! What was pushed to a host last, so that the next push and `rotate-certs` know what it has.

use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::fsio::{self, Access};

/// The file's version.
const VERSION: u32 = 1;

/// A push that was proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LastPush {
    version: u32,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Where it went: `USER@HOST` or `USER@HOST:PORT`, as `provision push` takes it.
    pub destination: String,
    /// Which machine that was: a digest of its `/etc/machine-id`, which itself is to be kept
    /// confidential (machine-id(5)).
    pub machine: String,
    /// The release's id.
    pub release: String,
    /// The SHA-256 fingerprint of the server's certificate.
    pub certificate: String,
}

impl LastPush {
    /// Its name in a host's folder.
    pub const FILE: &'static str = "last-push.json";

    /// A push of just now.
    pub fn new(
        at: String,
        destination: String,
        machine: String,
        release: String,
        certificate: String,
    ) -> Self {
        Self {
            version: VERSION,
            at,
            destination,
            machine,
            release,
            certificate,
        }
    }

    pub(super) fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        let Some(text) = fsio::read_optional(path)? else {
            return Ok(None);
        };
        let push = serde_json::from_str(&text);
        push.map(Some)
            .with_context(|| format!("reading {}", path.display()))
    }

    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("writing down the push")?;
        fsio::write_atomic(path, format!("{text}\n").as_bytes(), Access::Public)
    }
}
