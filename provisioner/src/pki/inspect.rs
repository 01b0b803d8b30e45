//! What people want to know of a certificate.

use anyhow::Context;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::BACKDATE_DAYS;

/// A certificate in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// SHA-256 of the DER bytes as openssl prints it: upper-case hexadecimal with colons.
    pub fingerprint: String,
    /// The first moment it is valid.
    pub not_before: OffsetDateTime,
    /// The last moment it is valid.
    pub not_after: OffsetDateTime,
}

impl Summary {
    /// When it was issued, which is [`BACKDATE_DAYS`] after its first valid moment.
    pub fn issued(&self) -> OffsetDateTime {
        self.not_before + time::Duration::days(BACKDATE_DAYS)
    }
}

/// Reads the first certificate in a PEM text.
pub fn summarize(pem: &str) -> anyhow::Result<Summary> {
    let der = super::pem::certificate(pem)?;
    let (_, certificate) =
        x509_parser::parse_x509_certificate(&der).context("parsing a certificate")?;
    let validity = certificate.validity();
    let at = |seconds| {
        OffsetDateTime::from_unix_timestamp(seconds).context("reading a certificate's lifetime")
    };
    Ok(Summary {
        fingerprint: Sha256::digest(&der)
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect::<Vec<_>>()
            .join(":"),
        not_before: at(validity.not_before.timestamp())?,
        not_after: at(validity.not_after.timestamp())?,
    })
}
