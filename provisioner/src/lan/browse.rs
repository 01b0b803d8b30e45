//! Listening for what hosts tell of their brokers.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::{Duration, Instant};

use anyhow::Context;
use mdns_sd::{Receiver, RecvTimeoutError, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent};

use crate::hint::Fault;

/// IANA's name for MQTT over TLS, in the domain of multicast DNS.
const SERVICE: &str = "_secure-mqtt._tcp.local.";

/// More brokers than this are somebody's joke.
const MOST_BROKERS: usize = 64;

/// More addresses than a host has that is to be reached at one of them.
const MOST_ADDRESSES: usize = 4;

/// A broker as its host tells of it. Texts are fit for a terminal, whatever was told.
#[derive(Debug, Clone)]
pub struct Advertised {
    /// `broker.local`.
    pub host: String,
    /// Where it listens; IPv4 first, since that is what home networks have.
    pub addresses: Vec<Address>,
    /// The port.
    pub port: u16,
    /// Which site's it says to be: see [`pki::site_id`](crate::pki::site_id).
    pub site: Option<String>,
}

/// An address, for people and for the operating system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    socket: SocketAddr,
    text: String,
}

impl Address {
    /// `192.168.1.20`, or `fe80::1%eth0`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Address and port, with the interface where the address is good for one link alone.
    pub const fn socket(&self) -> SocketAddr {
        self.socket
    }
}

/// Asks the network for brokers and listens for `time`; sorted by name.
///
/// # Errors
///
/// If this computer can't listen; nothing heard is no error.
pub fn browse(time: Duration) -> anyhow::Result<Vec<Advertised>> {
    let until = Instant::now() + time;
    let daemon = ServiceDaemon::new().context("starting to listen for multicast DNS")?;
    let events = daemon
        .browse(SERVICE)
        .context("asking the network for brokers")?;
    let heard = listen(&events, until);
    // Its thread ends with the process at the latest.
    if let Ok(ended) = daemon.shutdown() {
        drop(ended.recv_timeout(Duration::from_secs(1)));
    }
    heard
}

fn listen(events: &Receiver<ServiceEvent>, until: Instant) -> anyhow::Result<Vec<Advertised>> {
    let mut heard = BTreeMap::new();
    while Instant::now() < until {
        match events.recv_deadline(until) {
            Ok(ServiceEvent::ServiceResolved(service)) => {
                if heard.len() < MOST_BROKERS || heard.contains_key(&service.fullname) {
                    heard.insert(service.fullname.clone(), Advertised::from(&*service));
                }
            }
            Ok(ServiceEvent::ServiceRemoved(_, name)) => drop(heard.remove(&name)),
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => {
                let fault = Fault::new("listening for multicast DNS ended before its time");
                return Err(fault.hint("try again").into());
            }
        }
    }
    Ok(heard.into_values().collect())
}

impl From<&ResolvedService> for Advertised {
    fn from(service: &ResolvedService) -> Self {
        let mut addresses: Vec<_> = service
            .addresses
            .iter()
            .map(|address| Address::new(address, service.port))
            .collect();
        addresses.sort_by_key(|address| (rank(address.socket.ip()), address.clone()));
        addresses.truncate(MOST_ADDRESSES);
        Self {
            host: plain(service.host.trim_end_matches('.')),
            addresses,
            port: service.port,
            site: service.get_property_val_str("site").map(plain),
        }
    }
}

impl Address {
    fn new(address: &ScopedIp, port: u16) -> Self {
        let socket = match address {
            ScopedIp::V6(v6) if v6.addr().is_unicast_link_local() => {
                SocketAddrV6::new(*v6.addr(), port, 0, v6.scope_id().index).into()
            }
            address => SocketAddr::new(address.to_ip_addr(), port),
        };
        Self {
            socket,
            text: plain(&address.to_string()),
        }
    }
}

/// Which address to try first.
const fn rank(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 0,
        IpAddr::V6(v6) if v6.is_unicast_link_local() => 2,
        IpAddr::V6(_) => 1,
    }
}

/// Writes out what does not belong into a name: what a stranger tells must not move the cursor.
fn plain(text: &str) -> String {
    let belongs = |letter: char| letter.is_alphanumeric() || "-_.:%".contains(letter);
    let shown = |letter: char| {
        if belongs(letter) {
            letter.to_string()
        } else {
            letter.escape_unicode().to_string()
        }
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_the_cursor_is_written_out() {
        let shown = ["broker-2.local", "fe80::1%eth0", "Zoë's\x1b[2J"].map(plain);
        assert_eq!(
            shown,
            [
                "broker-2.local",
                "fe80::1%eth0",
                r"Zoë\u{27}s\u{1b}\u{5b}2J"
            ]
        );
    }

    #[test]
    fn addresses_that_need_no_interface_are_tried_first() {
        let mut addresses =
            ["fe80::1", "2001:db8::1", "192.168.1.20"].map(|text| text.parse::<IpAddr>().unwrap());
        addresses.sort_by_key(|address| rank(*address));
        let shown = addresses.map(|address| address.to_string());
        assert_eq!(shown, ["192.168.1.20", "2001:db8::1", "fe80::1"]);
    }
}
