//! The HTTP client: one request after another, redirects included.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ureq::http::{HeaderMap, Response, Uri};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body, Error, Timeout};

use super::error::NetError;
use super::proxy::Proxies;
use super::roots::roots;
use super::url::{host_of, join, parse, shown};

/// How long to wait for a name and for a connection: whoever has no network wants to know it soon.
const CONNECT: Duration = Duration::from_secs(5);
/// How long to wait for the next byte of an answer.
const STALL: Duration = Duration::from_secs(30);
/// The pause before the second try.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest chain of redirects.
const REDIRECTS: usize = 5;

/// How to reach sites.
#[derive(Debug, Clone)]
pub struct NetConfig {
    /// What this program calls itself.
    pub user_agent: String,
    /// Proxies to go through.
    pub proxies: Proxies,
    /// A file of authorities to trust instead of the system's.
    pub authorities: Option<PathBuf>,
    /// How long to wait for a name, and for a connection.
    pub connect: Duration,
    /// How long to wait for the next byte of an answer.
    pub stall: Duration,
    /// The pause after the first try that failed; each further one is twice as long.
    pub pause: Duration,
}

impl Default for NetConfig {
    fn default() -> Self {
        Self {
            user_agent: concat!("provision/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxies: Proxies::default(),
            authorities: None,
            connect: CONNECT,
            stall: STALL,
            pause: PAUSE,
        }
    }
}

/// An HTTP client. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    config: NetConfig,
}

impl Client {
    /// Makes a client; nothing is fetched yet.
    pub fn new(config: &NetConfig) -> Result<Self, NetError> {
        let tls = TlsConfig::builder()
            .root_certs(roots(config.authorities.as_deref())?)
            .build();
        let agent = Agent::config_builder()
            .user_agent(config.user_agent.clone())
            .tls_config(tls)
            .http_status_as_error(false)
            // Followed here: each may need another proxy, and none may lose TLS.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_resolve(Some(config.connect))
            .timeout_connect(Some(config.connect))
            .timeout_recv_response(Some(config.stall))
            .timeout_per_read(Some(config.stall))
            .timeout_per_write(Some(config.stall))
            .build()
            .new_agent();
        Ok(Self {
            agent,
            config: config.clone(),
        })
    }

    /// Asks for `url`, and for where it leads.
    pub(super) fn get(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Response<Body>, NetError> {
        let mut current = url.to_owned();
        for _ in 0..=REDIRECTS {
            let uri = parse(&current)?;
            let response = self.get_one(&current, &uri, headers)?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let Some(location) = header(response.headers(), "location") else {
                return Ok(response);
            };
            let next = join(&uri, &location);
            let to = parse(&next)?;
            if uri.scheme_str() == Some("https") && to.scheme_str() != Some("https") {
                return Err(NetError::Redirect {
                    url: shown(&current),
                    to: shown(&next),
                    why: "which is not encrypted any more",
                });
            }
            current = next;
        }
        Err(NetError::Redirect {
            url: shown(url),
            to: shown(&current),
            why: "and further still: that is a circle",
        })
    }

    fn get_one(
        &self,
        url: &str,
        uri: &Uri,
        headers: &[(&'static str, String)],
    ) -> Result<Response<Body>, NetError> {
        let proxy = self.config.proxies.of(uri)?;
        let through = proxy
            .as_ref()
            .map(|proxy| format!("{}:{}", proxy.host(), proxy.port()));
        let mut request = self.agent.get(url).config().proxy(proxy).build();
        // The bytes as they lie there: digests and ranges are of these.
        request = request.header("accept-encoding", "identity");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request
            .call()
            .map_err(|error| self.failure(error, url, through.as_deref()))
    }

    /// The pause before the second try.
    pub(super) fn first_pause(&self) -> Duration {
        self.config.pause
    }

    /// Ends all that is under way, also in other threads.
    pub(super) fn shut_down(&self) {
        self.agent.clone().shutdown();
    }

    /// What an error of the library means for `url`, which was asked for `through` a proxy.
    pub(super) fn failure(&self, error: Error, url: &str, through: Option<&str>) -> NetError {
        // Who couldn't be reached.
        let host = through.map_or_else(|| host_of(url), str::to_owned);
        match error {
            Error::HostNotFound => NetError::Unresolved { host },
            Error::Timeout(Timeout::Resolve | Timeout::Connect) => NetError::Silent {
                host,
                seconds: self.config.connect.as_secs(),
            },
            Error::Timeout(_) => NetError::Stalled {
                url: shown(url),
                seconds: self.config.stall.as_secs(),
            },
            Error::ConnectProxyFailed(what) => NetError::Proxy { proxy: host, what },
            Error::Io(error) => io_failure(error, url, host),
            Error::Rustls(error) => NetError::Tls {
                host: host_of(url),
                what: error.to_string(),
            },
            Error::Tls(what) => NetError::Tls {
                host: host_of(url),
                what: what.to_owned(),
            },
            Error::BadUri(_) | Error::Http(_) => NetError::Url { url: shown(url) },
            other => NetError::Protocol {
                url: shown(url),
                what: other.to_string(),
            },
        }
    }
}

/// The value of a header, if it is there and is text.
pub(super) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

fn io_failure(error: io::Error, url: &str, host: String) -> NetError {
    use io::ErrorKind;

    match error.kind() {
        ErrorKind::ConnectionRefused
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::AddrNotAvailable
        | ErrorKind::NetworkDown => NetError::Unreachable {
            host,
            source: error,
        },
        // What rustls says of certificates and of those who speak no TLS.
        ErrorKind::InvalidData if url.starts_with("https:") => NetError::Tls {
            host: host_of(url),
            what: error.to_string(),
        },
        // How the system's resolver says that it knows nothing.
        _ if error.to_string().contains("lookup address information") => {
            NetError::Unresolved { host }
        }
        _ => NetError::Cut {
            host,
            source: error,
        },
    }
}
