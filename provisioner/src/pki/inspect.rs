//! What people want to know of a certificate.

use std::net::IpAddr;

use anyhow::Context;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};

use super::{AltName, BACKDATE_DAYS, PemError};

/// A certificate in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// SHA-256 of the DER bytes as openssl prints it: upper-case hexadecimal with colons.
    pub fingerprint: String,
    /// Its serial number, as the bytes of a big-endian number.
    pub serial: Vec<u8>,
    /// The common name of its subject; empty if there is none.
    pub common_name: String,
    /// The first moment it is valid.
    pub not_before: OffsetDateTime,
    /// The last moment it is valid.
    pub not_after: OffsetDateTime,
    /// The host names and addresses it is good for.
    pub names: Vec<AltName>,
}

impl Summary {
    /// When it was issued, which is [`BACKDATE_DAYS`] after its first valid moment.
    pub fn issued(&self) -> OffsetDateTime {
        self.not_before + time::Duration::days(BACKDATE_DAYS)
    }
}

/// Reads the first certificate in a PEM text.
pub fn summarize(pem: &str) -> anyhow::Result<Summary> {
    summarize_der(&super::pem::certificate(pem)?)
}

/// Reads a certificate as it travels over a connection.
pub fn summarize_der(der: &[u8]) -> anyhow::Result<Summary> {
    let (_, certificate) =
        x509_parser::parse_x509_certificate(der).context("parsing a certificate")?;
    let validity = certificate.validity();
    let at = |seconds| {
        OffsetDateTime::from_unix_timestamp(seconds).context("reading a certificate's lifetime")
    };
    Ok(Summary {
        fingerprint: Sha256::digest(der)
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect::<Vec<_>>()
            .join(":"),
        serial: certificate.serial.to_bytes_be(),
        common_name: common_name(&certificate),
        not_before: at(validity.not_before.timestamp())?,
        not_after: at(validity.not_after.timestamp())?,
        names: alt_names(&certificate)?,
    })
}

/// What a site is known by on its network: the first 16 hexadecimal digits of SHA-256 of the DER
/// bytes of its authority's certificate, which is the first one in `authority`.
pub fn site_id(authority: &str) -> Result<String, PemError> {
    let der = super::pem::certificate(authority)?;
    Ok(data_encoding::HEXLOWER.encode(&Sha256::digest(der)[..8]))
}

fn common_name(certificate: &X509Certificate<'_>) -> String {
    let first = certificate.subject().iter_common_name().next();
    let text = first.and_then(|name| name.as_str().ok());
    text.unwrap_or_default().to_owned()
}

/// Whether the first certificate in the PEM text `certificate` was signed by the one in `authority`.
///
/// A signature by an algorithm that is not known is none.
pub fn is_issued_by(certificate: &str, authority: &str) -> anyhow::Result<bool> {
    let certificate = super::pem::certificate(certificate)?;
    let authority = super::pem::certificate(authority)?;
    let (_, certificate) =
        x509_parser::parse_x509_certificate(&certificate).context("parsing a certificate")?;
    let (_, authority) = x509_parser::parse_x509_certificate(&authority)
        .context("parsing the authority's certificate")?;
    let signed = certificate.verify_signature(Some(authority.public_key()));
    Ok(certificate.issuer() == authority.subject() && signed.is_ok())
}

/// The subject key identifier (RFC 5280 section 4.2.1.2) of the first certificate in `pem`, if it has one.
pub(super) fn subject_key_id(pem: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let der = super::pem::certificate(pem)?;
    let (_, certificate) =
        x509_parser::parse_x509_certificate(&der).context("parsing a certificate")?;
    let mut extensions = certificate.extensions().iter();
    Ok(
        extensions.find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        }),
    )
}

fn alt_names(certificate: &X509Certificate<'_>) -> anyhow::Result<Vec<AltName>> {
    let extension = certificate
        .subject_alternative_name()
        .context("parsing a certificate's names")?;
    let names = extension
        .iter()
        .flat_map(|extension| &extension.value.general_names);
    Ok(names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(AltName::Dns((*name).to_owned())),
            GeneralName::IPAddress(bytes) => address(bytes).map(AltName::Ip),
            _ => None,
        })
        .collect())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_not_v4| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}
