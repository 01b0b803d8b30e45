//! Why a listener can't encrypt.

use std::io;
use std::path::{Path, PathBuf};

use rustls::server::VerifierBuilderError;
use thiserror::Error;

use super::CipherError;

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
    /// A list of cipher suites is wrong.
    #[error("{option}")]
    Ciphers {
        /// The option.
        option: &'static str,
        /// What is wrong.
        source: CipherError,
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
    /// The key is another certificate's.
    #[error("the key in {keyfile} is not that of the certificate in {certfile}")]
    Stranger {
        /// The certificate's file.
        certfile: PathBuf,
        /// The key's file.
        keyfile: PathBuf,
    },
    /// The library refused the rest.
    #[error("TLS cannot be set up")]
    Setup(#[from] rustls::Error),
}

impl TlsError {
    /// The file that it is about, and the option that may name it; any may if that is empty.
    pub fn file(&self) -> Option<(&Path, &'static str)> {
        Some(match self {
            Self::Missing {
                path,
                wanted: "PRIVATE KEY",
            }
            | Self::Encrypted { path } => (path, "keyfile"),
            Self::Read { path, .. } | Self::Pem { path, .. } | Self::Missing { path, .. } => {
                (path, "")
            }
            Self::Authority { path, .. } => (path, "cafile"),
            Self::Revocation { path, .. } => (path, "crlfile"),
            Self::Pair { keyfile, .. } | Self::Stranger { keyfile, .. } => (keyfile, "keyfile"),
            Self::Ciphers { .. } | Self::Verifier(_) | Self::Setup(_) => return None,
        })
    }

    pub(super) fn missing(path: &Path, wanted: &'static str) -> Self {
        Self::Missing {
            path: path.to_owned(),
            wanted,
        }
    }
}
