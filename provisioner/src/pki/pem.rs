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

/// Checks that `key` is a private key and belongs to the first certificate in `certificate`.
pub fn check_key_pair(certificate: &str, key: &str) -> Result<(), PemError> {
    use rcgen::PublicKeyData;
    let certificate = self::certificate(certificate)?;
    let is_key = |item: &Item| {
        matches!(
            item,
            Item::Pkcs8Key(_) | Item::Sec1Key(_) | Item::Pkcs1Key(_)
        )
    };
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

fn items(text: &str) -> Result<Vec<Item>, PemError> {
    rustls_pemfile::read_all(&mut text.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| PemError::Syntax(error.to_string()))
}
