//! Listeners that can't both be open: the system gives a port of an address to one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::model::{Endpoint, Family};

impl Endpoint {
    /// The addresses to listen on, of those that `host` stands for: all of this machine if there is no host.
    ///
    /// `resolved` is what a host's name stands for; an address stands for itself.
    pub(crate) fn addresses(&self, resolved: &[IpAddr]) -> Vec<IpAddr> {
        let all = match self {
            Self::Unix(_) => Vec::new(),
            Self::Loopback { .. } => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            Self::Tcp { host: None, .. } => {
                vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
            }
            Self::Tcp {
                host: Some(host), ..
            } => match host.parse() {
                Ok(address) => vec![address],
                Err(_) => resolved.to_vec(),
            },
        };
        all.into_iter().filter(|ip| self.takes(*ip)).collect()
    }

    /// The name of a host that has to be looked up to know its addresses.
    #[cfg(feature = "server")]
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Tcp { host, .. } => host
                .as_deref()
                .filter(|host| host.parse::<IpAddr>().is_err()),
            Self::Loopback { .. } | Self::Unix(_) => None,
        }
    }

    /// Its port, if it has one.
    pub(crate) fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp { port, .. } | Self::Loopback { port } => Some(*port),
            Self::Unix(_) => None,
        }
    }

    fn takes(&self, address: IpAddr) -> bool {
        match self {
            Self::Tcp { family, .. } => match family {
                Family::Any => true,
                Family::V4 => address.is_ipv4(),
                Family::V6 => address.is_ipv6(),
            },
            Self::Loopback { .. } | Self::Unix(_) => true,
        }
    }

    fn interface(&self) -> Option<&str> {
        match self {
            Self::Tcp { interface, .. } => interface.as_deref(),
            Self::Loopback { .. } | Self::Unix(_) => None,
        }
    }
}

/// Whether two listeners ask for the same port of the same address, each with what its host's name stands for.
pub(crate) fn overlap(one: (&Endpoint, &[IpAddr]), other: (&Endpoint, &[IpAddr])) -> bool {
    if one.0.port().is_none() || one.0.port() != other.0.port() {
        return false;
    }
    // Two interfaces are two machines to the system; one and all of them are not.
    let interfaces = (one.0.interface(), other.0.interface());
    if matches!(interfaces, (Some(one), Some(other)) if one != other) {
        return false;
    }
    let theirs = other.0.addresses(other.1);
    one.0.addresses(one.1).into_iter().any(|ours| {
        theirs.iter().any(|theirs| {
            let all = ours.is_unspecified() || theirs.is_unspecified();
            ours == *theirs || (all && ours.is_ipv4() == theirs.is_ipv4())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: Option<&str>, family: Family, interface: Option<&str>) -> Endpoint {
        Endpoint::Tcp {
            port: 1883,
            host: host.map(str::to_owned),
            family,
            interface: interface.map(str::to_owned),
        }
    }

    #[test]
    fn all_addresses_and_one_of_them_overlap_unless_families_or_interfaces_differ() {
        let all = tcp(None, Family::Any, None);
        let one = tcp(Some("127.0.0.1"), Family::Any, None);
        let six = tcp(Some("::1"), Family::Any, None);
        let four = tcp(None, Family::V4, None);
        let lo = tcp(None, Family::Any, Some("lo"));
        let eth0 = tcp(Some("127.0.0.1"), Family::Any, Some("eth0"));
        let name = tcp(Some("home"), Family::Any, None);
        let pairs = [
            (&all, &one, true),
            (&all, &six, true),
            (&one, &six, false),
            (&four, &one, true),
            (&four, &six, false),
            (&all, &lo, true),
            (&lo, &eth0, false),
            (&all, &name, false),
        ];
        for (first, second, expected) in pairs {
            let found = overlap((first, &[]), (second, &[]));
            assert_eq!(found, expected, "{first:?} and {second:?}");
            assert_eq!(overlap((second, &[]), (first, &[])), expected);
        }
        let known = [IpAddr::from(Ipv4Addr::LOCALHOST)];
        assert!(overlap((&name, &known), (&one, &[])));
        assert!(overlap((&all, &[]), (&name, &known)));
        assert!(!overlap((&six, &[]), (&name, &known)));
    }
}
