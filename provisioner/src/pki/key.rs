//! Private keys as other tools write them: PKCS#8, PKCS#1, SEC 1, and PKCS#8 under a passphrase.

use pkcs8::der::asn1::{AnyRef, OctetStringRef, UintRef};
use pkcs8::der::{Encode, Reader, SecretDocument, SliceReader};
use pkcs8::pkcs5;
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, ObjectIdentifier, PrivateKeyInfoRef};
use rustls_pemfile::Item;
use zeroize::Zeroizing;

use super::pem::{self, PemError};
use crate::secret::Secret;

const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
const PLAIN: &str = "PRIVATE KEY";

/// `rsaEncryption` (RFC 8017 appendix A.1).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// `id-ecPublicKey` (RFC 5480 section 2.1.1).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// The sizes of RSA keys that phones accept (Apple support 103769) and that ring signs with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// Why a private key can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is no PEM, or holds no key.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The passphrase is not the one that it was encrypted with.
    #[error("the passphrase is wrong")]
    Passphrase,
    /// It is encrypted in a way of old: OpenSSL's own, or PKCS#8 with something else than PBES2 and AES.
    #[error("it is encrypted in an old or a rare way")]
    OldEncryption,
    /// It is of a kind that phones refuse, or that nothing here can sign with.
    #[error("{0}; RSA keys of 2048 to 4096 bits can be used, and ECDSA on P-256 and P-384")]
    Unfit(String),
    /// Its ASN.1 is damaged.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

impl KeyError {
    /// What the user can do about it, if anything is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::OldEncryption => {
                Some("write it anew with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW`")
            }
            Self::Pem(_) | Self::Passphrase | Self::Unfit(_) | Self::Damaged(_) => None,
        }
    }
}

/// Whether a passphrase is needed to read `text`.
pub fn is_encrypted(text: &str) -> bool {
    text.contains(&begin(ENCRYPTED))
}

/// Returns the key in `text` as unencrypted PKCS#8 PEM, whatever form it has.
///
/// # Errors
///
/// [`KeyError`]; an encrypted key has to go through [`decrypt`] first.
pub fn normalize(text: &str) -> Result<Zeroizing<String>, KeyError> {
    // `Proc-Type: 4,ENCRYPTED` (RFC 1421 section 4.6.1.1).
    if text.contains("4,ENCRYPTED") {
        return Err(KeyError::OldEncryption);
    }
    let keys = pem::items(text)?.into_iter();
    let key = keys.rev().find(pem::is_key).ok_or(PemError::NoKey)?;
    let der = match &key {
        Item::Pkcs8Key(der) => SecretDocument::try_from(der.secret_pkcs8_der()),
        Item::Pkcs1Key(der) => wrapped(RSA, AnyRef::NULL, der.secret_pkcs1_der()),
        Item::Sec1Key(der) => wrapped_curve(der.secret_sec1_der()),
        _ => return Err(PemError::NoKey.into()),
    };
    usable(&der.map_err(damaged)?)
}

/// Decrypts a key that [`is_encrypted`].
pub fn decrypt(text: &str, passphrase: &Secret) -> Result<Zeroizing<String>, KeyError> {
    let (begin, end) = (begin(ENCRYPTED), format!("-----END {ENCRYPTED}-----"));
    let start = text.find(&begin).ok_or(PemError::NoKey)?;
    let length = text[start..].find(&end).ok_or(PemError::NoKey)? + end.len();
    let (_, document) = SecretDocument::from_pem(&text[start..start + length]).map_err(damaged)?;
    // Its algorithm is what can't be read; whether the rest is damaged shows when it is written anew.
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes())
        .or(Err(KeyError::OldEncryption))?;
    let plain = encrypted
        .decrypt(passphrase.expose())
        .map_err(|error| match error {
            pkcs8::Error::EncryptedPrivateKey(
                pkcs5::Error::NoPbes1CryptSupport
                | pkcs5::Error::UnsupportedAlgorithm { .. }
                | pkcs5::Error::AlgorithmParametersInvalid { .. },
            ) => KeyError::OldEncryption,
            // Whether padding or what is inside is wrong tells nothing more than that the key was another.
            _ => KeyError::Passphrase,
        })?;
    usable(&plain)
}

/// Encrypts an unencrypted PKCS#8 PEM: scrypt and AES-256 (RFC 8018's PBES2), as openssl reads it.
pub fn encrypt(text: &str, passphrase: &Secret) -> Result<Zeroizing<String>, KeyError> {
    let (_, document) = SecretDocument::from_pem(text).map_err(damaged)?;
    let key = PrivateKeyInfoRef::try_from(document.as_bytes()).map_err(damaged)?;
    let encrypted = key.encrypt(passphrase.expose()).map_err(damaged)?;
    write(&encrypted, ENCRYPTED)
}

/// Puts a key into PKCS#8's envelope, which names its algorithm (RFC 5958 section 2).
fn wrapped(
    algorithm: ObjectIdentifier,
    parameters: AnyRef<'_>,
    key: &[u8],
) -> Result<SecretDocument, pkcs8::der::Error> {
    let algorithm = AlgorithmIdentifierRef {
        oid: algorithm,
        parameters: Some(parameters),
    };
    let info = PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(key)?);
    SecretDocument::encode_msg(&info)
}

/// The same for elliptic curves, whose name is inside (RFC 5915 section 3).
fn wrapped_curve(key: &[u8]) -> Result<SecretDocument, pkcs8::der::Error> {
    let inner =
        sec1::EcPrivateKey::try_from(key).map_err(|_unreadable| pkcs8::der::ErrorKind::Failed)?;
    let curve = inner.parameters.and_then(sec1::EcParameters::named_curve);
    let curve = curve.ok_or(pkcs8::der::ErrorKind::Failed)?.to_der()?;
    wrapped(EC, AnyRef::try_from(curve.as_slice())?, key)
}

/// Returns PKCS#8 as PEM if it is a key that can sign, and that phones accept.
fn usable(document: &SecretDocument) -> Result<Zeroizing<String>, KeyError> {
    let info = PrivateKeyInfoRef::try_from(document.as_bytes()).map_err(damaged)?;
    if info.algorithm.oid == RSA {
        let bits = rsa_bits(info.private_key.as_bytes()).map_err(damaged)?;
        if !RSA_BITS.contains(&bits) {
            return Err(KeyError::Unfit(format!("it is an RSA key of {bits} bits")));
        }
    }
    let text = write(document, PLAIN)?;
    match rcgen::KeyPair::from_pem(&text) {
        Ok(_) => Ok(text),
        Err(_unknown) => Err(KeyError::Unfit("it is a key of another kind".to_owned())),
    }
}

/// The length of the modulus, the second number in an `RSAPrivateKey` (RFC 8017 appendix A.1.2).
fn rsa_bits(key: &[u8]) -> Result<usize, pkcs8::der::Error> {
    let numbers = AnyRef::try_from(key)?;
    let mut numbers = SliceReader::new(numbers.value())?;
    let _version: UintRef<'_> = numbers.decode()?;
    let modulus: UintRef<'_> = numbers.decode()?;
    let first = modulus.as_bytes().first().copied().unwrap_or_default();
    // Leading zeros are no part of a number.
    Ok(modulus.as_bytes().len() * 8 - first.leading_zeros() as usize)
}

fn write(document: &SecretDocument, label: &'static str) -> Result<Zeroizing<String>, KeyError> {
    document.to_pem(label, LineEnding::LF).map_err(damaged)
}

fn begin(label: &str) -> String {
    format!("-----BEGIN {label}-----")
}

fn damaged(error: impl std::fmt::Display) -> KeyError {
    KeyError::Damaged(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_with_its_passphrase_and_with_no_other() {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let (right, wrong) = (
            Secret::new("right".to_owned()),
            Secret::new("wrong".to_owned()),
        );
        let locked = encrypt(&normalize(&key).unwrap(), &right).unwrap();
        assert!(is_encrypted(&locked) && !is_encrypted(&key));
        assert_eq!(decrypt(&locked, &right).unwrap(), normalize(&key).unwrap());
        assert_eq!(decrypt(&locked, &wrong), Err(KeyError::Passphrase));
        assert_eq!(normalize(&locked), Err(PemError::NoKey.into()));
    }
}
