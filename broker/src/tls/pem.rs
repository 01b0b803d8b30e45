//! PEM files. The one place that knows the crate that reads them.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls_pemfile::Item;

use super::TlsError;

/// How a certificate begins.
const MARK: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// Reads the certificates of a file, in order; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = items(path)?
        .into_iter()
        .filter_map(|item| match item {
            Item::X509Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(TlsError::missing(path, "certificate"));
    }
    Ok(certificates)
}

/// Reads the certificates of all files of a folder, by the files' names; at least one.
///
/// OpenSSL looks only at files whose names are hashes; here any name will do, and what has no certificate in it
/// is passed over. One that is there twice, by its own name and by its hash, is taken once.
pub(super) fn folder(path: &Path) -> Result<Vec<(PathBuf, CertificateDer<'static>)>, TlsError> {
    let unreadable = |source| TlsError::Read {
        path: path.to_owned(),
        source,
    };
    let entries: io::Result<Vec<_>> = path.read_dir().map_err(unreadable)?.collect();
    let mut files: Vec<_> = entries
        .map_err(unreadable)?
        .into_iter()
        .map(|entry| entry.path())
        .filter(|file| file.is_file())
        .collect();
    files.sort();
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for file in files {
        let text = read(&file)?;
        if !text.windows(MARK.len()).any(|window| window == MARK) {
            continue;
        }
        for item in parse(&file, &text)? {
            match item {
                Item::X509Certificate(certificate) if seen.insert(certificate.clone()) => {
                    found.push((file.clone(), certificate));
                }
                _ => {}
            }
        }
    }
    if found.is_empty() {
        return Err(TlsError::missing(path, "certificate"));
    }
    Ok(found)
}

/// Reads the revocation lists of a file; at least one.
pub(super) fn revocation_lists(
    path: &Path,
) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let lists: Vec<_> = items(path)?
        .into_iter()
        .filter_map(|item| match item {
            Item::Crl(list) => Some(list),
            _ => None,
        })
        .collect();
    if lists.is_empty() {
        return Err(TlsError::missing(path, "X509 CRL"));
    }
    Ok(lists)
}

/// Reads the first private key of a file.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path)?;
    let key = parse(path, &text).and_then(|items| {
        items
            .into_iter()
            .find_map(|item| match item {
                Item::Pkcs1Key(key) => Some(key.into()),
                Item::Pkcs8Key(key) => Some(key.into()),
                Item::Sec1Key(key) => Some(key.into()),
                _ => None,
            })
            .ok_or_else(|| TlsError::missing(path, "PRIVATE KEY"))
    });
    // Both ways to encrypt a key say so in a line of their own, and neither can be read without asking.
    let encrypted = || text.windows(9).any(|window| window == b"ENCRYPTED");
    match key {
        Err(_) if encrypted() => Err(TlsError::Encrypted {
            path: path.to_owned(),
        }),
        key => key,
    }
}

fn items(path: &Path) -> Result<Vec<Item>, TlsError> {
    parse(path, &read(path)?)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

fn parse(path: &Path, text: &[u8]) -> Result<Vec<Item>, TlsError> {
    let items: Result<_, io::Error> = rustls_pemfile::read_all(&mut &text[..]).collect();
    items.map_err(|source| TlsError::Pem {
        path: path.to_owned(),
        source,
    })
}
