//! Sockets that the service manager has opened: `LISTEN_FDS`, see `sd_listen_fds(3)`.
//!
//! With them a port below 1024 needs no right, and clients that come while the broker restarts wait for it.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use listenfd::ListenFd;
use tokio::net::{TcpListener, UnixListener};

use super::listener::Bound;
use crate::config::{Endpoint, Family};
use crate::log::{LogType, Logger};

/// Sockets as they come, before there is a runtime.
#[derive(Debug, Default)]
pub(super) struct Inherited {
    tcp: Vec<std::net::TcpListener>,
    unix: Vec<std::os::unix::net::UnixListener>,
    /// What is wrong with the others.
    complaints: Vec<String>,
}

/// Sockets that were passed and that no listener uses.
#[derive(Debug, Default)]
pub(super) struct Passed {
    all: Vec<Arc<Bound>>,
    free: Vec<Arc<Bound>>,
}

impl Inherited {
    /// Takes them over. To be called before there is another thread: the environment is changed, so that no
    /// child takes them for its own.
    pub(super) fn take() -> Self {
        let mut inherited = Self::default();
        if std::env::var_os("LISTEN_PID").is_none() {
            return inherited;
        }
        let mut sockets = ListenFd::from_env();
        for index in 0..sockets.len() {
            if let Ok(Some(socket)) = sockets.take_unix_listener(index) {
                inherited.unix.push(socket);
                continue;
            }
            match sockets.take_tcp_listener(index) {
                Ok(Some(socket)) => inherited.tcp.push(socket),
                Ok(None) => {}
                Err(error) => inherited.complaints.push(error.to_string()),
            }
        }
        inherited
    }

    /// Makes them ready for use. To be called within the runtime.
    pub(super) fn ready(self, log: &Logger) -> Passed {
        let mut complaints = self.complaints;
        let tcp = self.tcp.into_iter().map(|socket| {
            socket.set_nonblocking(true)?;
            TcpListener::from_std(socket).map(Bound::Tcp)
        });
        let unix = self.unix.into_iter().map(|socket| {
            socket.set_nonblocking(true)?;
            UnixListener::from_std(socket).map(|socket| Bound::Unix(socket, None))
        });
        let mut all = Vec::new();
        for socket in tcp.chain(unix) {
            match socket {
                Ok(socket) => all.push(Arc::new(socket)),
                Err(error) => complaints.push(error.to_string()),
            }
        }
        for complaint in complaints {
            let text = format!("Warning: a socket that was passed is not usable: {complaint}");
            log.log(LogType::Warning, text);
        }
        Passed {
            free: all.clone(),
            all,
        }
    }
}

impl Passed {
    /// Those that fit a listener with these addresses, if any do.
    pub(super) fn take(
        &mut self,
        endpoint: &Endpoint,
        addresses: &[SocketAddr],
        log: &Logger,
    ) -> Option<Vec<Arc<Bound>>> {
        let (fitting, free): (Vec<_>, _) = std::mem::take(&mut self.free)
            .into_iter()
            .partition(|socket| fits(socket, endpoint, addresses));
        self.free = free;
        for socket in &fitting {
            log.log(
                LogType::Information,
                format_args!(
                    "Using the listen socket {} that was passed.",
                    Address(socket)
                ),
            );
        }
        (!fitting.is_empty()).then_some(fitting)
    }

    /// Takes back those of a listener that closes: whoever passed them still has them open.
    pub(super) fn give_back(&mut self, sockets: &[Arc<Bound>]) {
        let own = |socket: &&Arc<Bound>| self.all.iter().any(|other| Arc::ptr_eq(socket, other));
        self.free.extend(sockets.iter().filter(own).cloned());
    }

    /// Says which ones no listener uses.
    pub(super) fn warn(&self, log: &Logger) {
        for socket in &self.free {
            log.log(
                LogType::Warning,
                format_args!(
                    "Warning: no listener in the configuration fits the socket {} that was passed.",
                    Address(socket)
                ),
            );
        }
    }
}

/// A socket for all addresses fits every listener at its port: whoever passed it wanted that.
fn fits(socket: &Bound, endpoint: &Endpoint, addresses: &[SocketAddr]) -> bool {
    match (socket, endpoint) {
        (Bound::Unix(socket, _), Endpoint::Unix(path)) => {
            let address = socket.local_addr().ok();
            address.is_some_and(|address| address.as_pathname() == Some(path))
        }
        (
            Bound::Tcp(socket),
            Endpoint::Tcp {
                port, host, family, ..
            },
        ) => {
            let Ok(address) = socket.local_addr() else {
                return false;
            };
            address.port() == *port
                && match family {
                    Family::Any => true,
                    Family::V4 => address.is_ipv4(),
                    Family::V6 => address.is_ipv6(),
                }
                && (host.is_none()
                    || address.ip().is_unspecified()
                    || addresses.iter().any(|other| other.ip() == address.ip()))
        }
        (Bound::Tcp(socket), Endpoint::Loopback { port }) => socket
            .local_addr()
            .is_ok_and(|address| address.port() == *port && address.ip().is_loopback()),
        _ => false,
    }
}

/// Where a socket listens.
struct Address<'a>(&'a Bound);

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Bound::Tcp(socket) => match socket.local_addr() {
                Ok(address) => write!(f, "{address}"),
                Err(error) => write!(f, "({error})"),
            },
            Bound::Unix(socket, _) => {
                let address = socket.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                write!(
                    f,
                    "{}",
                    path.unwrap_or(Path::new("without a path")).display()
                )
            }
        }
    }
}
