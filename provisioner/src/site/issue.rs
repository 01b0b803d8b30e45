//! A host's certificate and keys: made with the site, and made again when `site.yaml` asks for more.

use std::path::Path;

use anyhow::Context;
use time::{Duration, OffsetDateTime};

use super::config::Host;
use super::probe;
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::pki::{self, Authority};
use crate::ssh;

/// A certificate that ends sooner than this is replaced when a card is baked.
const RENEW_BEFORE: Duration = Duration::days(30);

/// Why a host needs a new certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Need {
    /// It has none, or one that is not its key's.
    Missing,
    /// `site.yaml` names what it is not good for, or no longer names what it is.
    Names,
    /// It has ended, or soon will.
    Expiry,
}

/// Issues a server certificate with a new key for `host`.
///
/// The key is written before the certificate: after a crash in between they don't fit, which
/// [`need`] sees.
pub(super) fn issue(
    root: &Path,
    authority: &Authority,
    host: &Host,
    now: OffsetDateTime,
) -> anyhow::Result<()> {
    let names = host.alt_names().map_err(Fault::input)?;
    let issued = authority.issue_server(&names, next_serial(root)?, now)?;
    let folder = root.join("hosts").join(&host.name);
    fsio::create_directory(&folder, Access::Public)?;
    fsio::write_atomic(
        &folder.join("server.key"),
        issued.key.as_bytes(),
        Access::Private,
    )?;
    fsio::write_atomic(
        &folder.join("server.crt"),
        issued.certificate.as_bytes(),
        Access::Public,
    )
}

/// Makes what a host keeps for good and does not have yet: its SSH host key, and the probe's password.
pub(super) fn complete(root: &Path, host: &Host) -> anyhow::Result<()> {
    let folder = root.join("hosts").join(&host.name);
    fsio::create_directory(&folder, Access::Public)?;
    let ssh_key = folder.join("ssh_host_ed25519_key");
    if !ssh_key.exists() {
        let minted = ssh::mint(&format!("root@{}", host.name))?;
        let public = format!("{}\n", minted.public);
        fsio::write_atomic(
            &folder.join("ssh_host_ed25519_key.pub"),
            public.as_bytes(),
            Access::Public,
        )?;
        fsio::write_atomic(&ssh_key, minted.private.as_bytes(), Access::Private)?;
    }
    probe::complete(&folder)
}

/// Whether `host` needs a new certificate, and why.
pub(super) fn need(root: &Path, host: &Host, now: OffsetDateTime) -> anyhow::Result<Option<Need>> {
    let folder = root.join("hosts").join(&host.name);
    let certificate = fsio::read_optional(&folder.join("server.crt"))?;
    let key = fsio::read_optional(&folder.join("server.key"))?;
    let (Some(certificate), Some(key)) = (certificate, key) else {
        return Ok(Some(Need::Missing));
    };
    if pki::check_key_pair(&certificate, &key).is_err() {
        return Ok(Some(Need::Missing));
    }
    let summary = pki::summarize(&certificate)
        .with_context(|| format!("reading the certificate of {}", host.name))?;
    let mut wanted = host.alt_names().map_err(Fault::input)?;
    let mut has = summary.names;
    wanted.sort();
    has.sort();
    if wanted != has {
        return Ok(Some(Need::Names));
    }
    Ok((summary.not_after < now + RENEW_BEFORE).then_some(Need::Expiry))
}

/// The number of the next certificate. It is counted up before it is used, so that none is used twice.
fn next_serial(root: &Path) -> anyhow::Result<u64> {
    let path = root.join("pki/serial");
    let text = fsio::read_optional(&path)?.unwrap_or_default();
    let serial = u64::from_str_radix(text.trim(), 16).map_err(|error| {
        Fault::input(format!(
            "{}: {:?} is no serial number: {error}",
            path.display(),
            text.trim()
        ))
    })?;
    let next = serial
        .checked_add(1)
        .context("serial numbers are used up")?;
    fsio::write_atomic(&path, format!("{next:016X}\n").as_bytes(), Access::Public)?;
    Ok(serial)
}
