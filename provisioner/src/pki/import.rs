//! What is asked of an authority that somebody already has, before this program issues with it.

use std::path::Path;

use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::public_key::PublicKey;

use super::pem::{self, PemError};
use super::{Authority, is_issued_by};

/// The smallest RSA key that phones take (Apple support 103769).
const MIN_RSA_BITS: usize = 2048;

/// Signature algorithms with SHA-2, which phones ask for: RSA and ECDSA (RFC 8017 appendix A.2.4,
/// RFC 5758 section 3.2), and Ed25519 (RFC 8410).
const SIGNATURES: [&str; 7] = [
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
    "1.2.840.10045.4.3.2",
    "1.2.840.10045.4.3.3",
    "1.2.840.10045.4.3.4",
    "1.3.101.112",
];

/// Why a certificate can't be the site's authority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Certificate and key are no PEM, or don't belong together.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// Its ASN.1 is damaged.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It may not sign certificates.
    #[error("it is no certificate authority: it lacks {0}")]
    NoAuthority(&'static str),
    /// It is not self-signed.
    #[error("it is no root: clients would need the certificate of its issuer too, {0}")]
    NoRoot(String),
    /// Its name can't be written into the certificates that it issues.
    #[error(
        "its subject {0} has two parts of one kind or two in one, which can't be copied into what it issues"
    )]
    Subject(String),
    /// It is valid no more, or not yet.
    #[error("it is valid from {0} to {1}, and not now")]
    Lifetime(String, String),
    /// Phones would refuse it.
    #[error("phones refuse it: {0}")]
    Weak(String),
}

impl ImportError {
    /// What the user can do about it, whose key is at `key`.
    pub fn hint(&self, key: &Path) -> String {
        match self {
            Self::Pem(PemError::Mismatch) => {
                format!("name the certificate that was made for {}", key.display())
            }
            Self::Pem(_) | Self::Damaged(_) => {
                "it has to be PEM, which begins with -----BEGIN CERTIFICATE-----".to_owned()
            }
            Self::NoAuthority(_)
            | Self::NoRoot(_)
            | Self::Subject(_)
            | Self::Lifetime(..)
            | Self::Weak(_) => {
                "with --ca-key and without --ca-cert, a new certificate is made for the key"
                    .to_owned()
            }
        }
    }
}

/// Returns the first certificate in `text` as PEM, if [`check_authority`] finds nothing wrong with it.
///
/// What else is in the text is left out: it may be the key, and the result is for everybody.
pub fn import_authority(text: &str, key: &str, now: OffsetDateTime) -> Result<String, ImportError> {
    check_authority(text, key, now)?;
    Ok(pem::write_certificate(&pem::certificate(text)?)?)
}

/// Checks that `certificate` is an authority whose key is `key`, valid at `now`, and one that phones
/// accept.
pub fn check_authority(
    certificate: &str,
    key: &str,
    now: OffsetDateTime,
) -> Result<(), ImportError> {
    let der = pem::certificate(certificate)?;
    let (_, parsed) = x509_parser::parse_x509_certificate(&der)
        .map_err(|error| ImportError::Damaged(error.to_string()))?;
    let damaged = |error: x509_parser::error::X509Error| ImportError::Damaged(error.to_string());
    let constraints = parsed.basic_constraints().map_err(damaged)?;
    if !constraints.is_some_and(|extension| extension.value.ca) {
        return Err(ImportError::NoAuthority("the basic constraint CA:TRUE"));
    }
    let usage = parsed.key_usage().map_err(damaged)?;
    let usage = usage.map(|extension| extension.value);
    if usage.is_some_and(|usage| !usage.key_cert_sign()) {
        return Err(ImportError::NoAuthority("the key usage keyCertSign"));
    }
    // Without it nobody could be revoked, and our broker and Mosquitto would refuse every client certificate.
    if usage.is_some_and(|usage| !usage.crl_sign()) {
        return Err(ImportError::NoAuthority("the key usage cRLSign"));
    }
    check_lifetime(&parsed, now)?;
    check_strength(&parsed)?;
    pem::check_key_pair(certificate, key)?;
    check_root(&parsed)?;
    check_subject(&parsed, certificate, key, now)
}

fn check_root(parsed: &X509Certificate<'_>) -> Result<(), ImportError> {
    if parsed.issuer() != parsed.subject() {
        return Err(ImportError::NoRoot(parsed.issuer().to_string()));
    }
    parsed
        .verify_signature(None)
        .map_err(|error| ImportError::Damaged(error.to_string()))
}

/// Issues a certificate for the bin: `rcgen` keeps one part of each kind, so that the issuer's name may
/// come out as another.
fn check_subject(
    parsed: &X509Certificate<'_>,
    certificate: &str,
    key: &str,
    now: OffsetDateTime,
) -> Result<(), ImportError> {
    let trial = || {
        let trial = Authority::load(certificate, key)?.issue_client("trial", 1, now)?;
        is_issued_by(&trial.certificate, certificate)
    };
    match trial() {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(ImportError::Subject(parsed.subject().to_string())),
    }
}

fn check_lifetime(parsed: &X509Certificate<'_>, now: OffsetDateTime) -> Result<(), ImportError> {
    let (from, to) = (parsed.validity().not_before, parsed.validity().not_after);
    let seconds = now.unix_timestamp();
    if from.timestamp() <= seconds && seconds <= to.timestamp() {
        return Ok(());
    }
    Err(ImportError::Lifetime(from.to_string(), to.to_string()))
}

fn check_strength(parsed: &X509Certificate<'_>) -> Result<(), ImportError> {
    let algorithm = parsed.signature_algorithm.algorithm.to_id_string();
    if !SIGNATURES.contains(&algorithm.as_str()) {
        let text = format!("its signature algorithm {algorithm} is not one with SHA-2");
        return Err(ImportError::Weak(text));
    }
    match parsed.public_key().parsed() {
        Ok(PublicKey::RSA(key)) if key.key_size() < MIN_RSA_BITS => {
            let bits = key.key_size();
            let text = format!("its RSA key has {bits} bits, fewer than {MIN_RSA_BITS}");
            Err(ImportError::Weak(text))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(ImportError::Damaged(error.to_string())),
    }
}
