//! Sockets that wait for connections.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UnixListener};

use super::connection::{self, Incoming};
use super::descriptors::Doorkeeper;
use super::error::ServerError;
use super::memory;
use super::settings::Settings;
use super::setup;
use super::shared::Shared;
use super::socket_file::{self, SocketFile};
use crate::config::{self, Endpoint, Family};
use crate::log::{LogType, Logger};

/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 1024;

/// What is wrong with a listener on a host that is only of the other family.
pub(super) const NO_ADDRESS: &str = "it has no address of the family that socket_domain asks for";

/// The first and the longest wait after a connection could not be accepted, for want of file descriptors most
/// likely: without a wait, that would take all of a processor.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// A socket that waits for connections.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) socket: Arc<Bound>,
    /// The number of the listener it belongs to.
    pub(super) number: usize,
    /// The connections of that listener, over all of its sockets.
    pub(super) connections: Arc<AtomicUsize>,
}

#[derive(Debug)]
pub(super) enum Bound {
    Tcp(TcpListener),
    /// With its name in a folder, unless somebody else has opened it.
    Unix(UnixListener, Option<SocketFile>),
}

/// Opens the sockets of a listener at its [`addresses`]. To be called within the runtime.
pub(super) fn open(
    endpoint: &Endpoint,
    addresses: Vec<SocketAddr>,
    log: &Logger,
) -> Result<Vec<Arc<Bound>>, ServerError> {
    let interface = match endpoint {
        Endpoint::Unix(path) => return Ok(vec![Arc::new(open_unix(path, log)?)]),
        Endpoint::Loopback { .. } => None,
        Endpoint::Tcp { interface, .. } => interface.as_deref(),
    };
    let mut open = Vec::new();
    let mut missing = None;
    for address in addresses {
        let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
        let port = address.port();
        log.log(
            LogType::Information,
            format_args!("Opening {family} listen socket on port {port}."),
        );
        match open_tcp(address, interface) {
            Ok(socket) => open.push(Arc::new(Bound::Tcp(socket))),
            // The machine does not have this family: the other one will do, if there is one.
            Err(error) if lacks_family(&error) => {
                log.log(
                    LogType::Warning,
                    format_args!("Warning: {family} on port {port} is left out: {error}"),
                );
                missing = Some((address, error));
            }
            Err(source) => {
                return Err(ServerError::Listen {
                    address: address.to_string(),
                    source,
                });
            }
        }
    }
    match missing {
        Some((address, source)) if open.is_empty() => Err(ServerError::Listen {
            address: address.to_string(),
            source,
        }),
        _ => Ok(open),
    }
}

/// The addresses to listen on: those of the host, or all of this machine; none for a Unix socket.
///
/// A name is looked up aside, since the answer may take long, and nobody is to wait for it.
pub(super) async fn addresses(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, ServerError> {
    let (port, host, family) = match endpoint {
        Endpoint::Unix(_) => return Ok(Vec::new()),
        Endpoint::Loopback { port } => {
            let (four, six) = (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
            return Ok(vec![(four, *port).into(), (six, *port).into()]);
        }
        Endpoint::Tcp {
            port, host, family, ..
        } => (*port, host.as_deref(), *family),
    };
    let all = match host {
        None => vec![
            (Ipv4Addr::UNSPECIFIED, port).into(),
            (Ipv6Addr::UNSPECIFIED, port).into(),
        ],
        Some(host) => tokio::net::lookup_host((host, port))
            .await
            .map_err(|source| unusable(endpoint, source))?
            .collect(),
    };
    let wanted = |address: &SocketAddr| match family {
        Family::Any => true,
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    };
    let addresses: Vec<_> = all.into_iter().filter(wanted).collect();
    if addresses.is_empty() {
        let source = io::Error::new(io::ErrorKind::AddrNotAvailable, NO_ADDRESS);
        return Err(unusable(endpoint, source));
    }
    Ok(addresses)
}

fn unusable(endpoint: &Endpoint, source: io::Error) -> ServerError {
    ServerError::Listen {
        address: setup::place(endpoint),
        source,
    }
}

fn lacks_family(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let missing = [
        Errno::AFNOSUPPORT,
        Errno::PROTONOSUPPORT,
        Errno::ADDRNOTAVAIL,
    ];
    error
        .raw_os_error()
        .is_some_and(|number| missing.iter().any(|errno| errno.raw_os_error() == number))
}

fn open_tcp(address: SocketAddr, interface: Option<&str>) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // IPv4 has a socket of its own.
        socket.set_only_v6(true)?;
    }
    // Connections of the last run that linger do not keep the port.
    socket.set_reuse_address(true)?;
    if let Some(interface) = interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn open_unix(path: &Path, log: &Logger) -> Result<Bound, ServerError> {
    log.log(
        LogType::Information,
        format_args!("Opening unix listen socket on path {}.", path.display()),
    );
    match socket_file::listen(path, BACKLOG) {
        Ok((listener, file)) => Ok(Bound::Unix(listener, Some(file))),
        Err(source) => Err(ServerError::Listen {
            address: path.display().to_string(),
            source,
        }),
    }
}

/// Accepts connections for ever.
pub(super) async fn accept(open: Open, shared: Arc<Shared>) {
    let mut wait = BACK_OFF.0;
    let mut doorkeeper = Doorkeeper::default();
    loop {
        match open.next().await {
            Ok(incoming) => {
                wait = BACK_OFF.0;
                if !doorkeeper.turns_away(&incoming, &shared) {
                    open.take(incoming, &shared);
                }
            }
            // The peer gave up between its first packet and now.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                shared.log.log(
                    LogType::Error,
                    format_args!("Error: cannot accept a connection: {error}"),
                );
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(BACK_OFF.1);
            }
        }
    }
}

impl Open {
    async fn next(&self) -> io::Result<Incoming> {
        match &*self.socket {
            Bound::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok(Incoming::Tcp(
                    stream,
                    address,
                    listener.local_addr()?.port(),
                ))
            }
            Bound::Unix(listener, _) => Ok(Incoming::Unix(listener.accept().await?.0)),
        }
    }

    fn take(&self, incoming: Incoming, shared: &Arc<Shared>) {
        let settings = shared.settings();
        // Who reads the figures is none of them.
        let counted = settings.protocol(self.number) == config::Protocol::Mqtt;
        let place = Place::new(&self.connections, shared, counted);
        let limit = settings
            .listeners
            .get(self.number)
            .map_or(0, |rules| rules.max_connections);
        if self.connections.load(Ordering::Relaxed) > limit {
            shared.notice(format_args!(
                "Client connection from {incoming} denied: max_connections exceeded."
            ));
            return;
        }
        if let Some(limit) = exceeded(&settings, shared) {
            shared.notice(format_args!(
                "Client connection from {incoming} denied: {limit} exceeded."
            ));
            return;
        }
        if settings.connection_messages && counted {
            shared.notice(format_args!(
                "New connection from {}.",
                incoming.with_port()
            ));
        }
        let task = connection::run(Arc::clone(shared), incoming, self.number);
        tokio::spawn(async move {
            task.await;
            drop(place);
        });
    }
}

/// The limit of the whole broker that a connection just taken is above, if there is one.
fn exceeded(settings: &Settings, shared: &Shared) -> Option<&'static str> {
    let connections = shared.counters.connections.load(Ordering::Relaxed);
    if connections > settings.max_connections {
        return Some("global_max_connections");
    }
    memory::exceeds(settings.memory_limit).then_some("memory_limit")
}

/// A connection among those that are counted; given back when dropped.
struct Place {
    listener: Arc<AtomicUsize>,
    shared: Arc<Shared>,
    counted: usize,
}

impl Place {
    fn new(listener: &Arc<AtomicUsize>, shared: &Arc<Shared>, counted: bool) -> Self {
        let (counters, counted) = (&shared.counters, usize::from(counted));
        listener.fetch_add(1, Ordering::Relaxed);
        counters.connections.fetch_add(counted, Ordering::Relaxed);
        counters
            .accepted
            .fetch_add(counted as u64, Ordering::Relaxed);
        Self {
            listener: Arc::clone(listener),
            shared: Arc::clone(shared),
            counted,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.listener.fetch_sub(1, Ordering::Relaxed);
        self.shared
            .counters
            .connections
            .fetch_sub(self.counted, Ordering::Relaxed);
    }
}
