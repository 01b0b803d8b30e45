//! How long certificates are good.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

/// When a revocation list is to be replaced by another, in seconds since 1970, if it says so.
pub(super) fn replaced_by(list: &CertificateRevocationListDer<'_>) -> Option<i64> {
    let (_, parsed) = CertificateRevocationList::from_der(list).ok()?;
    Some(parsed.next_update()?.timestamp())
}

/// The last second of a certificate, since 1970; `None` of what is no certificate or ended before.
pub(super) fn end(certificate: &CertificateDer<'_>) -> Option<Duration> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let end = parsed.validity().not_after.timestamp();
    u64::try_from(end).ok().map(Duration::from_secs)
}

/// Seconds of a day.
const DAY: i64 = 24 * 60 * 60;

/// What a certificate is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// It is in the chain that the server shows.
    Server,
    /// Clients' certificates are checked against it.
    Authority,
}

/// How long a certificate is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validity {
    /// Where it was read.
    pub path: PathBuf,
    /// What it is there for.
    pub role: Role,
    /// Whose it is, without control characters.
    pub subject: String,
    /// Its first second, since 1970.
    pub begins: i64,
    /// Its last second, since 1970.
    pub ends: i64,
}

impl Validity {
    /// Reads it; `None` from what is no certificate.
    pub(super) fn of(certificate: &CertificateDer<'_>, path: &Path, role: Role) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let subject: String = parsed
            .subject()
            .to_string()
            .chars()
            .map(|char| if char.is_control() { '?' } else { char })
            .collect();
        let subject = if subject.is_empty() {
            // RFC 5280 lets a server's certificate have its name in an extension alone.
            "a certificate without a subject".to_owned()
        } else {
            subject
        };
        let validity = parsed.validity();
        Some(Self {
            path: path.to_owned(),
            role,
            subject,
            begins: validity.not_before.timestamp(),
            ends: validity.not_after.timestamp(),
        })
    }

    /// The whole days from `now`, in seconds since 1970, to its end; less than 0 if it has ended.
    pub fn days_left(&self, now: u64) -> i64 {
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        self.ends.saturating_sub(now).div_euclid(DAY)
    }
}
