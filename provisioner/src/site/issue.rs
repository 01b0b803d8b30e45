//! A host's certificate and keys: what is missing or old is made in memory, and kept as a whole.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::config::Host;
use super::store::Site;
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::pki::{self, Authority, Issued};

/// A certificate with less time left than this is issued again: phones refuse one that has ended.
pub const RENEW_DAYS: i64 = 30;

/// Why a host needs a new certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It has none, or certificate and key don't fit.
    Missing,
    /// Another authority than the site's has issued it.
    Foreign,
    /// It has names or addresses that the certificate lacks.
    Names,
    /// The certificate ends soon, or has ended.
    Expiry,
    /// Its owner wants one.
    Rotation,
}

impl Need {
    /// The end of "Issued server certificate: …".
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Missing => "it had none",
            Self::Foreign => "another authority issued the last one",
            Self::Names => "site.yaml names others than the last one did",
            Self::Expiry => "the last one ends within a month",
            Self::Rotation => "rotated",
        }
    }
}

/// Files of a site that were made and are not written yet, in the order in which they are to be.
#[derive(Default)]
pub(super) struct Pending(Vec<(PathBuf, Zeroizing<Vec<u8>>, Access)>);

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.0.iter().map(|(path, ..)| path);
        f.debug_list().entries(names).finish()
    }
}

impl Pending {
    /// Adds a file; its path is relative to the site.
    pub(super) fn add(&mut self, path: impl Into<PathBuf>, text: &str, access: Access) {
        let bytes = Zeroizing::new(text.as_bytes().to_vec());
        self.0.push((path.into(), bytes, access));
    }

    /// Writes them below `root`, each whole or not at all. A crash in between leaves a certificate and
    /// a key that don't fit, which [`need`] sees.
    pub(super) fn write(&self, root: &Path) -> anyhow::Result<()> {
        for (path, bytes, access) in &self.0 {
            let path = root.join(path);
            if let Some(folder) = path.parent() {
                fsio::create_directory(folder, Access::Public)?;
            }
            fsio::write_atomic(&path, bytes, *access)?;
        }
        Ok(())
    }
}

/// Issues a server certificate with a new key for `host` into `pending`, and has the old pair kept
/// beside it, unless one is kept there already: what the Pi has is the oldest that was not pushed over.
pub(super) fn issue(
    site: &Site,
    authority: &Authority,
    host: &Host,
    now: OffsetDateTime,
    pending: &mut Pending,
) -> anyhow::Result<Issued> {
    let names = host.alt_names().map_err(Fault::input)?;
    let issued = authority.issue_server(&names, next_serial(site, pending)?, now)?;
    let folder = folder(host);
    let old = |name: &str| fsio::read_optional(&site.root().join(&folder).join(name));
    if old("previous/server.crt")?.is_none()
        && let (Some(certificate), Some(key)) = (old("server.crt")?, old("server.key")?)
    {
        pending.add(folder.join("previous/server.key"), &key, Access::Private);
        pending.add(
            folder.join("previous/server.crt"),
            &certificate,
            Access::Public,
        );
    }
    pending.add(folder.join("server.key"), &issued.key, Access::Private);
    pending.add(
        folder.join("server.crt"),
        &issued.certificate,
        Access::Public,
    );
    Ok(issued)
}

/// Whether `host` needs a new certificate, and why.
pub(super) fn need(root: &Path, host: &Host, now: OffsetDateTime) -> anyhow::Result<Option<Need>> {
    let folder = root.join(folder(host));
    let certificate = fsio::read_optional(&folder.join("server.crt"))?;
    let key = fsio::read_optional(&folder.join("server.key"))?;
    let (Some(certificate), Some(key)) = (certificate, key) else {
        return Ok(Some(Need::Missing));
    };
    if pki::check_key_pair(&certificate, &key).is_err() {
        return Ok(Some(Need::Missing));
    }
    let path = root.join("pki/ca.crt");
    let reading = || format!("reading {}", path.display());
    let authority = fs::read_to_string(&path).with_context(reading)?;
    let ends = pki::summarize(&authority).with_context(reading)?.not_after;
    if !pki::is_issued_by(&certificate, &authority).with_context(reading)? {
        return Ok(Some(Need::Foreign));
    }
    let summary = pki::summarize(&certificate)
        .with_context(|| format!("reading {}", folder.join("server.crt").display()))?;
    // Another one would not last longer than the authority; when that has ended, issuing says so.
    let short = summary.not_after - now < Duration::days(RENEW_DAYS) && summary.not_after < ends;
    if short || ends <= now {
        return Ok(Some(Need::Expiry));
    }
    let mut wanted = host.alt_names().map_err(Fault::input)?;
    let mut has = summary.names;
    wanted.sort();
    has.sort();
    if wanted != has {
        return Ok(Some(Need::Names));
    }
    Ok(None)
}

/// The folder of a host, relative to the site.
pub(super) fn folder(host: &Host) -> PathBuf {
    Path::new("hosts").join(&host.name)
}

/// Takes the next serial number. It is counted before it is used: after a crash one may be left out,
/// none is used twice. What was taken and not written yet counts too, since several certificates may be
/// made before the first is written.
pub(super) fn next_serial(site: &Site, pending: &mut Pending) -> anyhow::Result<u64> {
    let serial = match site.serial.get() {
        Some(serial) => serial,
        None => read_serial(&site.root().join("pki/serial"))?,
    };
    let next = serial
        .checked_add(1)
        .context("serial numbers are used up")?;
    site.serial.set(Some(next));
    pending.add("pki/serial", &format!("{next:016X}\n"), Access::Public);
    Ok(serial)
}

fn read_serial(path: &Path) -> anyhow::Result<u64> {
    let fault = |what: String| {
        let path = path.display();
        // 56 random bits are no number that was used before, and leave room to count.
        Fault::input(format!("{path} {what}")).hint(format!(
            "bring it back from a copy of the site, or begin anew at a random number: openssl rand -hex 7 >{path}"
        ))
    };
    let Some(text) = fsio::read_optional(path)? else {
        return Err(fault("is not there, which has the next serial number".to_owned()).into());
    };
    let text = text.trim();
    u64::from_str_radix(text, 16)
        .map_err(|_no_number| fault(format!("has {text:?}, which is no hexadecimal number")).into())
}
