//! Reading PEM. The only place that knows `rustls-pemfile`, so that it can be exchanged.

use rustls_pemfile::Item;

/// Why a PEM text was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// The text is not PEM, or its Base64 is damaged.
    #[error("it is not PEM: {0}")]
    Syntax(String),
    /// There is no certificate in it.
    #[error("it holds no certificate")]
    NoCertificate,
    /// There is no revocation list in it.
    #[error("it holds no revocation list")]
    NoRevocationList,
    /// There is no private key in it.
    #[error("it holds no private key")]
    NoKey,
    /// Certificate and key don't belong together.
    #[error("the certificate's public key is not that of the private key")]
    Mismatch,
}

/// The DER bytes of the first certificate in `text`.
pub fn certificate(text: &str) -> Result<Vec<u8>, PemError> {
    items(text)?
        .into_iter()
        .find_map(|item| {
            if let Item::X509Certificate(der) = item {
                Some(der.to_vec())
            } else {
                None
            }
        })
        .ok_or(PemError::NoCertificate)
}

/// Writes a certificate's DER bytes as PEM.
pub(super) fn write_certificate(der: &[u8]) -> Result<String, PemError> {
    let syntax = |error: pkcs8::der::Error| PemError::Syntax(error.to_string());
    let document = pkcs8::der::Document::try_from(der).map_err(syntax)?;
    document
        .to_pem("CERTIFICATE", pkcs8::LineEnding::LF)
        .map_err(syntax)
}

/// The DER bytes of the first revocation list in `text`.
pub(super) fn revocation_list(text: &str) -> Result<Vec<u8>, PemError> {
    let found = items(text)?.into_iter().find_map(|item| match item {
        Item::Crl(der) => Some(der.to_vec()),
        _ => None,
    });
    found.ok_or(PemError::NoRevocationList)
}

/// Whether a part of a PEM text is a private key, unencrypted.
pub(super) fn is_key(item: &Item) -> bool {
    matches!(
        item,
        Item::Pkcs8Key(_) | Item::Sec1Key(_) | Item::Pkcs1Key(_)
    )
}

/// Checks that `key` is a private key and belongs to the first certificate in `certificate`.
pub fn check_key_pair(certificate: &str, key: &str) -> Result<(), PemError> {
    use rcgen::PublicKeyData;
    let certificate = self::certificate(certificate)?;
    if !items(key)?.iter().any(is_key) {
        return Err(PemError::NoKey);
    }
    let pair =
        rcgen::KeyPair::from_pem(key).map_err(|error| PemError::Syntax(error.to_string()))?;
    let (_, parsed) = x509_parser::parse_x509_certificate(&certificate)
        .map_err(|error| PemError::Syntax(error.to_string()))?;
    if parsed.public_key().raw == pair.subject_public_key_info() {
        Ok(())
    } else {
        Err(PemError::Mismatch)
    }
}

pub(super) fn items(text: &str) -> Result<Vec<Item>, PemError> {
    rustls_pemfile::read_all(&mut text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| PemError::Syntax(error.to_string()))
}
