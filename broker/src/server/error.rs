//! Why the broker does not start, or ends.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;
use thiserror::Error;

use crate::config::{Config, ConfigError};
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
    /// Something about a file, with the line of the configuration that names it: `FILE:LINE: OPTION`.
    #[error("{at}")]
    Named {
        /// The line.
        at: String,
        /// What may be wrong with the line.
        hint: Option<&'static str>,
        /// What is wrong with the file.
        source: Box<Self>,
    },
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
        match self {
            Self::Config(_) | Self::Tls { .. } | Self::Log(_) | Self::NoSuchUser(_) => true,
            Self::Named { source, .. } => source.is_configuration(),
            _ => false,
        }
    }

    /// The error with the line of the configuration that names the file it is about, if there is such a line.
    #[must_use]
    pub(super) fn named(self, config: &Config) -> Self {
        let file = match &self {
            Self::Tls { source, .. } => source.file(),
            Self::Log(LogError::Open { path, .. }) => Some((path.as_path(), "log_dest")),
            Self::PidFile { path, .. } => Some((path.as_path(), "pid_file")),
            _ => None,
        };
        let named = file.and_then(|(path, option)| {
            let options = [option];
            let options = if option.is_empty() { &[][..] } else { &options };
            config.naming(path, options)
        });
        match named {
            Some(named) => Self::Named {
                at: named.to_string(),
                hint: named.hint(),
                source: Box::new(self),
            },
            None => self,
        }
    }

    /// What can be done about it, if anything is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Named { hint, source, .. } => hint.or_else(|| source.hint()),
            // A path begins with a slash; of ports only those below 1024 are kept from anybody.
            Self::Listen { address, source }
                if source.raw_os_error() == Some(Errno::ACCESS.raw_os_error())
                    && !address.starts_with('/') =>
            {
                Some(
                    "a port below 1024 takes a right: start the broker as root with `user NAME`, or with \
                     CAP_NET_BIND_SERVICE (in a systemd unit AmbientCapabilities=CAP_NET_BIND_SERVICE), or choose a \
                     port from 1024 on",
                )
            }
            _ => None,
        }
    }

    /// The error, what caused it, and what can be done about it, in one line.
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        if let Some(hint) = self.hint() {
            text.push_str("; ");
            text.push_str(hint);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str, errno: Errno) -> String {
        let error = ServerError::Listen {
            address: address.to_owned(),
            source: errno.into(),
        };
        error.with_causes()
    }

    #[test]
    fn a_port_that_takes_a_right_is_refused_with_the_ways_to_have_it() {
        let hint = "; a port below 1024 takes a right: start the broker as root with `user NAME`, or with \
                    CAP_NET_BIND_SERVICE (in a systemd unit AmbientCapabilities=CAP_NET_BIND_SERVICE), or choose a \
                    port from 1024 on";
        let denied = "Permission denied (os error 13)";
        assert_eq!(
            refused("0.0.0.0:883", Errno::ACCESS),
            format!("cannot listen on 0.0.0.0:883: {denied}{hint}")
        );
        assert_eq!(
            refused("/run/broker.sock", Errno::ACCESS),
            format!("cannot listen on /run/broker.sock: {denied}")
        );
        assert!(!refused("0.0.0.0:883", Errno::ADDRINUSE).contains(hint));
    }
}
