//! Why the broker does not start, or ends.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::config::ConfigError;
use crate::log::LogError;
use crate::store::StoreError;
use crate::tls::TlsError;

/// Why the broker does not start, or ends.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The configuration or a file it names is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A listener can't encrypt.
    #[error("the listener on {listener} cannot encrypt")]
    Tls {
        /// Where it listens.
        listener: String,
        /// Why.
        source: Box<TlsError>,
    },
    /// A log file can't be opened.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A listener can't listen.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address and port, or the path.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// The state from before can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process id can't be written.
    #[error("cannot write the process id to {path}")]
    PidFile {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The user to become does not exist.
    #[error(
        "cannot become user {0}: there is no such user; create it, name another one, or set `user root`"
    )]
    NoSuchUser(String),
    /// The process can't do what it has to.
    #[error("cannot {what}")]
    System {
        /// What it can't do.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

impl ServerError {
    /// Whether whoever wrote the configuration has to act, not whoever runs the machine.
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::Config(_) | Self::Tls { .. } | Self::Log(_) | Self::NoSuchUser(_)
        )
    }

    /// The error and what caused it, in one line.
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
