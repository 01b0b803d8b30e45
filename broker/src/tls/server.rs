//! A listener's side of TLS.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ALL_VERSIONS, RootCertStore, ServerConfig, SupportedProtocolVersion};
use thiserror::Error;

use super::pem;
use crate::config::{ClientCertificates, Tls, TlsVersion};

/// Why a listener can't encrypt.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is no PEM.
    #[error("{path} is not a valid PEM file")]
    Pem {
        /// The file.
        path: PathBuf,
        /// Where it breaks the rules.
        source: io::Error,
    },
    /// A file has nothing of what it is there for.
    #[error("{path} contains no {wanted} in PEM form")]
    Missing {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        wanted: &'static str,
    },
    /// The key needs a passphrase, and there is nobody to ask.
    #[error(
        "the key in {path} is encrypted; `openssl pkey -in {path} -out FILE` writes it without its passphrase"
    )]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// An authority's certificate can't be used as one.
    #[error("certificate {number} in cafile {path} is not usable")]
    Authority {
        /// The file.
        path: PathBuf,
        /// Which one in the file, from 1.
        number: usize,
        /// Why.
        source: rustls::Error,
    },
    /// The revocation lists can't be used.
    #[error("crlfile {path} is not usable")]
    Revocation {
        /// The file.
        path: PathBuf,
        /// Why.
        source: VerifierBuilderError,
    },
    /// Clients' certificates can't be checked.
    #[error("clients' certificates cannot be checked")]
    Verifier(#[source] VerifierBuilderError),
    /// Certificate and key do not fit, or one of them can't be used.
    #[error("certfile {certfile} and keyfile {keyfile} cannot be used together")]
    Pair {
        /// The certificate's file.
        certfile: PathBuf,
        /// The key's file.
        keyfile: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The library refused the rest.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

impl TlsError {
    pub(super) fn missing(path: &Path, wanted: &'static str) -> Self {
        Self::Missing {
            path: path.to_owned(),
            wanted,
        }
    }
}

/// Reads the files that `settings` name, and makes a configuration of them.
///
/// Sessions are resumed by tickets that the clients keep, under a key that changes every six hours: nothing
/// is remembered here for a client that is gone. A ticket resumes nothing under a configuration made later: it
/// would vouch for a certificate that may have been revoked since.
///
/// # Errors
///
/// If a file can't be read or used.
pub fn server_config(settings: &Tls) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let certificates = pem::certificates(&settings.certfile)?;
    let key = pem::private_key(&settings.keyfile)?;
    let verifier = client_verifier(settings, &provider)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions(settings.min_version))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates, key)
        .map_err(|source| TlsError::Pair {
            certfile: settings.certfile.clone(),
            keyfile: settings.keyfile.clone(),
            source,
        })?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = ring::Ticketer::new()?;
    // One is enough for a client that has one connection; two would only make each handshake longer.
    config.send_tls13_tickets = 1;
    Ok(config)
}

fn versions(min: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    static ONLY_1_3: [&SupportedProtocolVersion; 1] = [&TLS13];
    match min {
        TlsVersion::V1_2 => ALL_VERSIONS,
        TlsVersion::V1_3 => &ONLY_1_3,
    }
}

/// What checks clients' certificates. The authorities and revocation lists are read even if nobody is asked
/// for a certificate, so that a bad file is found now and not on the day when they are.
fn client_verifier(
    settings: &Tls,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let Some(cafile) = &settings.cafile else {
        return Ok(WebPkiClientVerifier::no_client_auth());
    };
    let roots = Arc::new(authorities(cafile)?);
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
    if let Some(crlfile) = &settings.crlfile {
        // As OpenSSL's CRL_CHECK: the client's own certificate is looked up, and must be found in the scope
        // of some list. Lists past their date still count: a stale one is better than none, and an embedded
        // board whose lists nobody renews should not lock its owner out.
        builder = builder
            .with_crls(pem::revocation_lists(crlfile)?)
            .only_check_end_entity_revocation();
    }
    if settings.client_certificates == ClientCertificates::Optional {
        builder = builder.allow_unauthenticated();
    }
    let verifier = builder
        .build()
        .map_err(|source| match (source, &settings.crlfile) {
            (source @ VerifierBuilderError::InvalidCrl(_), Some(path)) => TlsError::Revocation {
                path: path.clone(),
                source,
            },
            (source, _) => TlsError::Verifier(source),
        })?;
    match settings.client_certificates {
        ClientCertificates::Off => Ok(WebPkiClientVerifier::no_client_auth()),
        ClientCertificates::Optional | ClientCertificates::Required => Ok(verifier),
    }
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in pem::certificates(path)?.into_iter().enumerate() {
        roots
            .add(certificate)
            .map_err(|source| TlsError::Authority {
                path: path.to_owned(),
                number: index + 1,
                source,
            })?;
    }
    Ok(roots)
}
