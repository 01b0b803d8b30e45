//! Why something could not be fetched.

use std::io;
use std::path::PathBuf;

/// Why something could not be fetched. Addresses in it show no passwords.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// It is no address.
    #[error(
        "{url:?} is no address that can be fetched: it must begin with https:// or http:// and name a host"
    )]
    Url {
        /// What was given.
        url: String,
    },
    /// The file of authorities is of no use.
    #[error("cannot read the certificate authorities in {}", path.display())]
    Roots {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The name has no address.
    #[error("{host} can't be found: no name server knows its address, or none answers")]
    Unresolved {
        /// The name.
        host: String,
    },
    /// Nobody answers there.
    #[error("{host} can't be reached")]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// Nobody answers in time.
    #[error("{host} can't be reached: no answer within {seconds} s")]
    Silent {
        /// The host.
        host: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The answer has stopped.
    #[error("{url} has stalled: nothing came for {seconds} s")]
    Stalled {
        /// What was fetched.
        url: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The connection was cut.
    #[error("the connection to {host} was cut")]
    Cut {
        /// The host.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The site isn't who it says it is, or speaks no TLS.
    #[error("no secure connection to {host}: {what}")]
    Tls {
        /// The host.
        host: String,
        /// What is wrong.
        what: String,
    },
    /// The proxy doesn't let it through.
    #[error("the proxy {proxy} is of no use: {what}")]
    Proxy {
        /// The proxy.
        proxy: String,
        /// What is wrong.
        what: String,
    },
    /// What came was no HTTP.
    #[error("{url} was answered with something that is no HTTP: {what}")]
    Protocol {
        /// What was asked for.
        url: String,
        /// What is wrong.
        what: String,
    },
    /// The server says no.
    #[error("{url} was answered with {status} ({})", meaning(*status))]
    Status {
        /// What was asked for.
        url: String,
        /// The status of the answer.
        status: u16,
    },
    /// The server sends elsewhere, and nobody should follow.
    #[error("{url} leads to {to}, {why}")]
    Redirect {
        /// What was asked for.
        url: String,
        /// Where it leads.
        to: String,
        /// Why that isn't followed.
        why: &'static str,
    },
    /// There is more than expected.
    #[error("{url} has more than the {most} bytes that it may have")]
    TooLarge {
        /// What was fetched.
        url: String,
        /// How much is allowed.
        most: u64,
    },
    /// The user wanted it to stop.
    #[error("interrupted: {url} was not fetched")]
    Interrupted {
        /// What was fetched.
        url: String,
    },
}

impl NetError {
    /// Whether trying again may help: something between here and there has failed.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unresolved { .. }
                | Self::Unreachable { .. }
                | Self::Silent { .. }
                | Self::Stalled { .. }
                | Self::Cut { .. }
        )
    }

    /// Whether the site is out of reach from here: the network, a proxy, or a site that lets nobody in or is out
    /// of order. Not if it was reached and lacks what was asked for.
    pub fn is_out_of_reach(&self) -> bool {
        self.is_transient()
            || matches!(
                self,
                Self::Tls { .. } | Self::Proxy { .. } | Self::Protocol { .. }
            )
            || matches!(self, Self::Status { status, .. } if matches!(status, 401 | 403 | 407 | 429 | 451 | 500..))
    }

    /// Whether [`Progress::cancelled`](crate::Progress::cancelled) is the reason.
    pub(crate) fn is_interrupted(&self) -> bool {
        matches!(self, Self::Interrupted { .. })
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unresolved { .. } | Self::Unreachable { .. } | Self::Silent { .. } => {
                "check the network; behind a proxy set https_proxy, and for a mirror PROVISION_INDEX_URL and PROVISION_IMAGE_MIRROR; `--base debian` or a file of yours needs neither"
            }
            Self::Stalled { .. } | Self::Cut { .. } => {
                "run it again: what has come is kept, and it goes on from there"
            }
            Self::Tls { .. } => {
                "if a proxy opens TLS here, name its authority with SSL_CERT_FILE; and look at the clock of this computer"
            }
            Self::Proxy { .. } => {
                "set https_proxy to http://HOST:PORT of a proxy that allows CONNECT, or name hosts without one in no_proxy"
            }
            Self::Status {
                status: 401 | 403 | 407 | 451,
                ..
            } => {
                "the site, or a proxy before it, lets this program or this network not in; name a mirror with --image-mirror or PROVISION_IMAGE_MIRROR"
            }
            Self::Status {
                status: 404 | 410, ..
            } => {
                "the index is older than what is there: fetch it again with `provision bases`, or see what --index-url says"
            }
            Self::Status {
                status: 429 | 500..,
                ..
            } => {
                "the site has a trouble of its own: try again later, or name a mirror with --image-mirror"
            }
            Self::Redirect { .. } => {
                "fetch from a mirror that you trust: --image-mirror https://HOST"
            }
            Self::Roots { .. } => "SSL_CERT_FILE names a file of certificates in PEM",
            Self::Status { .. }
            | Self::Url { .. }
            | Self::Protocol { .. }
            | Self::TooLarge { .. }
            | Self::Interrupted { .. } => return None,
        })
    }
}

fn meaning(status: u16) -> &'static str {
    match status {
        401 | 407 => "a login is wanted",
        403 => "forbidden",
        404 => "not found",
        410 => "gone",
        416 => "no such part",
        429 => "too many requests",
        451 => "unavailable for legal reasons",
        500 => "internal error of the server",
        502 => "the server's server has failed",
        503 => "the server is overloaded or under repair",
        504 => "the server's server does not answer",
        _ => "not what was expected",
    }
}
