//! Trying the brokers that were heard of.

use std::io;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use super::browse::{Address, Advertised};
use crate::pki::Summary;
use crate::tls_client::{TlsClient, TlsError, peer_certificate};

/// How long a host on the same network may take for a connection.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a broker may take for a handshake; a Pi that is busy hashing passwords takes its time.
const HANDSHAKE: Duration = Duration::from_secs(4);

/// How many are tried at a time.
const AT_ONCE: usize = 16;

/// Tries each of `brokers` over TLS under the name it gave, and returns what their certificates
/// say, in the same order.
pub fn check(client: &TlsClient, brokers: &[Advertised]) -> Vec<Result<Summary, TlsError>> {
    let mut results = Vec::with_capacity(brokers.len());
    for some in brokers.chunks(AT_ONCE) {
        thread::scope(|scope| {
            let tries: Vec<_> = some
                .iter()
                .map(|broker| scope.spawn(|| check_one(client, broker)))
                .collect();
            results.extend(tries.into_iter().map(|one| {
                let failed = |_| Err(TlsError::Connection(io::Error::other("trying it panicked")));
                one.join().unwrap_or_else(failed)
            }));
        });
    }
    results
}

/// A host tells of addresses that others can't reach, such as those of its containers: the first
/// one that shows a good certificate counts, else the first one that answers at all.
fn check_one(client: &TlsClient, broker: &Advertised) -> Result<Summary, TlsError> {
    let mut told = TlsError::Connection(io::Error::other("it has no address"));
    for address in &broker.addresses {
        match check_address(client, &broker.host, address) {
            Ok(summary) => return Ok(summary),
            Err(error) => {
                if !answers(&told) {
                    told = error;
                }
            }
        }
    }
    Err(told)
}

fn check_address(client: &TlsClient, host: &str, address: &Address) -> Result<Summary, TlsError> {
    let socket = TcpStream::connect_timeout(&address.socket(), CONNECT)
        .and_then(|socket| {
            socket.set_read_timeout(Some(HANDSHAKE))?;
            socket.set_write_timeout(Some(HANDSHAKE))?;
            Ok(socket)
        })
        .map_err(TlsError::Connection)?;
    peer_certificate(&client.handshake(host, socket, HANDSHAKE)?)
}

const fn answers(error: &TlsError) -> bool {
    !matches!(error, TlsError::Connection(_) | TlsError::Silent)
}
