//! Whom to trust: the authorities that certificates of sites may come from.

use std::fs;
use std::io;
use std::path::Path;

use ureq::tls::{PemItem, RootCerts, parse_pem};

use super::error::NetError;

/// Where systems keep the authorities that their administrator trusts: Debian, Fedora, openSUSE, Alpine and macOS.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The authorities in `named`, and no others; else the system's, to which an administrator may have added one;
/// else Mozilla's, which are built in.
pub(super) fn roots(named: Option<&Path>) -> Result<RootCerts, NetError> {
    if let Some(path) = named {
        return read(path);
    }
    let system = BUNDLES.iter().find_map(|path| read(Path::new(path)).ok());
    Ok(system.unwrap_or(RootCerts::WebPki))
}

/// All certificates in a PEM file. Other things in it, and damaged ones, are passed over.
fn read(path: &Path) -> Result<RootCerts, NetError> {
    let failed = |source| NetError::Roots {
        path: path.to_owned(),
        source,
    };
    let text = fs::read(path).map_err(failed)?;
    let certificates: Vec<_> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        let nothing = io::Error::new(io::ErrorKind::InvalidData, "there is no certificate in it");
        return Err(failed(nothing));
    }
    Ok(RootCerts::from(certificates))
}
