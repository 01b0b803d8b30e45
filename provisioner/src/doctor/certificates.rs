//! Whether a site's certificates are what clients accept, today and next month.

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use time::{Duration, OffsetDateTime};

use super::check::{Checked, finding, skipped, well};
use crate::fsio;
use crate::pki::{self, PemError, Summary};
use crate::site::{Host, RENEW_DAYS};

/// The authority's own certificate.
pub(super) fn authority(root: &Path, now: OffsetDateTime) -> Checked {
    let path = root.join("pki/ca.crt");
    let Some(certificate) = fsio::read_optional(&path)? else {
        return finding(
            format!("{} is not there", path.display()),
            "bring it back from a copy of the site: every phone has it, and none can connect without",
        );
    };
    let summary = match pki::summarize(&certificate) {
        Ok(summary) => summary,
        Err(error) => {
            return finding(
                format!("{} can't be read: {error:#}", path.display()),
                "bring it back from a copy of the site, or from a phone",
            );
        }
    };
    // It may be kept elsewhere, or under a passphrase.
    let key = fsio::read_optional(&root.join("pki/ca.key"))?;
    let fits = key.map(|key| pki::check_key_pair(&certificate, &key));
    if fits == Some(Err(PemError::Mismatch)) {
        return finding(
            format!("{} is not the certificate of pki/ca.key", path.display()),
            "bring both back from a copy of the site",
        );
    }
    if let Some(what) = ending(&summary, now) {
        return finding(
            format!("the authority's certificate {what}"),
            "make a new site with `provision init --site DIR`, copy people.yaml and passwd there, and give everybody its ca.crt",
        );
    }
    well(format!(
        "the authority is good until {}",
        summary.not_after.date()
    ))
}

/// The server certificate of one host.
pub(super) fn server(root: &Path, host: &Host, now: OffsetDateTime) -> Checked {
    let folder = root.join("hosts").join(&host.name);
    let read = |name| fsio::read_optional(&folder.join(name));
    let summary = match (read("server.crt")?, read("server.key")?) {
        (Some(certificate), Some(key)) => prove(root, &certificate, &key),
        (None, Some(_)) => Err(anyhow!("it is missing beside its key")),
        (Some(_), None) => Err(anyhow!("its key is missing beside it")),
        (None, None) => {
            return skipped(format!(
                "{} has no certificate yet; `provision image` issues one",
                host.name
            ));
        }
    };
    let summary = match summary {
        Ok(summary) => summary,
        Err(error) => return lost(&folder.join("server.crt"), host, &error),
    };
    if let Some(what) = ending(&summary, now) {
        let what = format!("the certificate of {} {what}", host.name);
        return finding(what, renew(host));
    }
    let mut wanted = host.alt_names().map_err(anyhow::Error::msg)?;
    let mut has = summary.names;
    wanted.sort();
    has.sort();
    if wanted != has {
        let what = "is for other names than site.yaml has";
        let what = format!("the certificate of {} {what}", host.name);
        return finding(what, renew(host));
    }
    well(format!(
        "{} names until {}, issued by the authority",
        has.len(),
        summary.not_after.date()
    ))
}

/// Proves that certificate, key and authority belong together.
fn prove(root: &Path, certificate: &str, key: &str) -> anyhow::Result<Summary> {
    pki::check_key_pair(certificate, key).map_err(|error| match error {
        PemError::NoKey => anyhow!("server.key beside it holds no private key"),
        other => other.into(),
    })?;
    let authority = fsio::read_optional(&root.join("pki/ca.crt"))?;
    let authority = authority.context("there is no authority that could have issued it")?;
    if !pki::is_issued_by(certificate, &authority)? {
        bail!("it was not issued by this site's authority");
    }
    pki::summarize(certificate)
}

/// A certificate that no client accepts.
fn lost(path: &Path, host: &Host, why: &anyhow::Error) -> Checked {
    finding(
        format!("{} can't be used: {why:#}", path.display()),
        renew(host),
    )
}

fn renew(host: &Host) -> String {
    format!(
        "`provision image --host {}` issues a new one; phones need no change",
        host.name
    )
}

/// Says so if a certificate has ended or will soon.
fn ending(summary: &Summary, now: OffsetDateTime) -> Option<String> {
    let date = summary.not_after.date();
    if summary.not_after < now {
        Some(format!("ended on {date}"))
    } else if summary.not_after < now + Duration::days(RENEW_DAYS) {
        let days = (summary.not_after - now).whole_days();
        Some(format!("ends on {date}, in {days} days"))
    } else {
        None
    }
}
