//! Revocation lists (RFC 5280 section 5): who is on one, and adding to it.

use anyhow::Context;
use time::OffsetDateTime;

/// A certificate that is good no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// Its serial number, as the bytes of a big-endian number.
    pub serial: Vec<u8>,
    /// Since when.
    pub since: OffsetDateTime,
}

/// A revocation list, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationList {
    /// Counts the authority's lists.
    pub number: u64,
    /// Who is on it.
    pub revoked: Vec<Revoked>,
}

impl RevocationList {
    /// Reads a list from PEM.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let der = super::pem::revocation_list(text).context("reading a revocation list")?;
        let (_, list) = x509_parser::parse_x509_crl(&der).context("parsing a revocation list")?;
        let number = list.crl_number().and_then(|number| {
            let digits = number.to_u64_digits();
            (digits.len() == 1).then(|| digits[0])
        });
        let revoked = list.iter_revoked_certificates().map(|entry| {
            let since = entry.revocation_date.timestamp();
            Ok(Revoked {
                serial: entry.serial().to_bytes_be(),
                since: OffsetDateTime::from_unix_timestamp(since)
                    .context("reading a date in a revocation list")?,
            })
        });
        Ok(Self {
            number: number.unwrap_or_default(),
            revoked: revoked.collect::<anyhow::Result<_>>()?,
        })
    }

    /// Whether the certificate with this serial number is on the list.
    pub fn has(&self, serial: &[u8]) -> bool {
        self.revoked.iter().any(|revoked| revoked.serial == serial)
    }
}
