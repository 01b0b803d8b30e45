//! One connection from its acceptance to its end.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::admit::{Peer, admit};
use super::metrics;
use super::serve::serve;
use super::settings::Settings;
use super::shared::Shared;
use super::stream::Stream;
use super::transport::Transport;
use crate::codec::Text;
use crate::config::{Protocol, UserNameFrom};
use crate::tls;

/// How long a TLS handshake may take. Phones on a bad network need several seconds.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection that was just accepted.
#[derive(Debug)]
pub(super) enum Incoming {
    /// The stream, where it comes from, and the port it came to.
    Tcp(TcpStream, SocketAddr, u16),
    Unix(UnixStream),
}

impl fmt::Display for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // An IPv4 address is said as one, whatever the socket calls it.
            Self::Tcp(_, address, _) => {
                write!(
                    f,
                    "{}",
                    SocketAddr::new(address.ip().to_canonical(), address.port())
                )
            }
            Self::Unix(_) => f.write_str("a local process"),
        }
    }
}

impl Incoming {
    pub(super) fn with_port(&self) -> String {
        match self {
            Self::Tcp(.., port) => format!("{self} on port {port}"),
            Self::Unix(_) => self.to_string(),
        }
    }
}

/// Serves a connection until it ends.
///
/// What a connection does once is boxed and gone when it is done: the memory of the task is that of what it
/// does for long.
pub(super) async fn run(shared: Arc<Shared>, incoming: Incoming, listener: usize) {
    let address = incoming.to_string().into();
    // Before the handshake: what is decided during it counts for this client too.
    let settings = shared.settings();
    let generation = settings.generation;
    let secured = Box::pin(secure(settings, incoming, listener)).await;
    let (transport, certified) = match secured {
        Ok(secured) => secured,
        Err(error) => return shared.notice(format_args!("Client <unknown> [{address}] {error}.")),
    };
    if shared.settings().protocol(listener) == Protocol::Metrics {
        return Box::pin(metrics::serve(&shared, transport)).await;
    }
    let mut stream = Stream::new(transport, Arc::clone(&shared.counters.traffic));
    let mut peer = Peer {
        listener,
        generation,
        address,
        certified,
    };
    if let Some(me) = Box::pin(admit(&shared, &mut stream, &peer)).await {
        peer.certified = None;
        serve(&shared, &mut stream, &peer, me).await;
    }
    Box::pin(stream.close()).await;
}

/// Why there is no secure connection.
#[derive(Debug)]
enum Insecure {
    Timeout,
    Handshake(io::Error),
}

impl fmt::Display for Insecure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("disconnected: its TLS handshake took too long"),
            Self::Handshake(error) => {
                f.write_str("disconnected: TLS handshake failed: ")?;
                let cause = error
                    .get_ref()
                    .and_then(|cause| cause.downcast_ref::<rustls::Error>());
                match cause.and_then(tls::explain) {
                    Some(words) => f.write_str(&words),
                    None => error.fmt(f),
                }
            }
        }
    }
}

async fn secure(
    settings: Arc<Settings>,
    incoming: Incoming,
    listener: usize,
) -> Result<(Transport, Option<Text>), Insecure> {
    let (stream, tls, from, nodelay) = match incoming {
        Incoming::Unix(stream) => return Ok((Transport::Unix(stream), None)),
        Incoming::Tcp(stream, ..) => {
            let rules = settings.listeners.get(listener);
            let tls = rules.and_then(|rules| rules.tls.as_ref());
            let tls = tls.map(|tls| tls.config());
            (
                stream,
                tls,
                rules.and_then(|rules| rules.user_name_from),
                settings.nodelay,
            )
        }
    };
    drop(settings);
    // Neither is worth refusing a client for.
    let _ = stream.set_nodelay(nodelay);
    let _ = SockRef::from(&stream).set_keepalive(true);
    let Some(tls) = tls else {
        return Ok((Transport::Tcp(stream), None));
    };
    let handshake = TlsAcceptor::from(tls).accept(stream);
    let stream = match timeout(HANDSHAKE_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(Insecure::Handshake(error)),
        Err(_elapsed) => return Err(Insecure::Timeout),
    };
    let certified = from.and_then(|from| certified(&stream, from));
    Ok((Transport::Tls(Box::new(stream)), certified))
}

/// The user name in the client's certificate.
fn certified(stream: &TlsStream<TcpStream>, from: UserNameFrom) -> Option<Text> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    Text::new(&tls::user_name(certificate, from)?)
}
