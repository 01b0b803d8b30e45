//! Where a login comes from, as it is counted.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The /48 of an IPv6 address: the most that one customer is given as a rule (RFC 6177).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::server) struct Network(Ipv6Addr);

/// Where a login comes from, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::server) enum Origin {
    /// This machine, and whoever comes through a tunnel that ends on it.
    Here,
    V4(Ipv4Addr),
    /// The address with its lower half zero.
    V6(Ipv6Addr),
}

impl Origin {
    /// The origin of a connection from `address`, or from a Unix socket.
    pub(in crate::server) fn of(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            None | Some(IpAddr::V4(Ipv4Addr::LOCALHOST) | IpAddr::V6(Ipv6Addr::LOCALHOST)) => {
                Self::Here
            }
            Some(IpAddr::V4(address)) => Self::V4(address),
            Some(IpAddr::V6(address)) => Self::V6(prefix(address, 64)),
        }
    }

    /// The network that it is counted in as well, if there is one.
    pub(in crate::server) fn network(self) -> Option<Network> {
        match self {
            Self::V6(address) => Some(Network(prefix(address, 48))),
            Self::Here | Self::V4(_) => None,
        }
    }
}

/// The address with only its first bits, of which there is at least one.
fn prefix(address: Ipv6Addr, bits: u32) -> Ipv6Addr {
    Ipv6Addr::from(u128::from(address) & (u128::MAX << (u128::BITS - bits)))
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/48", self.0)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here => f.write_str("this machine"),
            Self::V4(address) => address.fmt(f),
            Self::V6(network) => write!(f, "{network}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_counts_as_what_one_customer_has() {
        let origin = |text: &str| Origin::of(Some(text.parse().unwrap()));
        for (address, expected) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("127.0.0.1", "this machine"),
            ("::ffff:127.0.0.1", "this machine"),
            ("::1", "this machine"),
            ("127.0.0.2", "127.0.0.2"),
        ] {
            assert_eq!(origin(address).to_string(), expected, "{address}");
        }
        assert_eq!(Origin::of(None), Origin::Here);
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::2:0:0:1"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        let network = |text| origin(text).network().map(|network| network.to_string());
        assert_eq!(network("2001:db8:1:2::1").unwrap(), "2001:db8:1::/48");
        assert_eq!(network("192.0.2.7"), None);
        assert_eq!(network("::1"), None);
    }
}
