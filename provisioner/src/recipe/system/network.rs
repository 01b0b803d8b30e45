//! Addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use anyhow::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::check::{self, incomplete};
use crate::hint::Fault;
use crate::recipe::layers::layered;

/// What a recipe says of addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct NetworkRecipe {
    /// On the cable.
    pub wired: AddressRecipe,
    /// In every wireless network.
    pub wifi: AddressRecipe,
}

/// What a recipe says of the addresses on one kind of network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AddressRecipe {
    /// Where addresses come from.
    pub method: Option<Method>,
    /// With `static`: addresses with the length of their network's prefix: 192.168.1.20/24.
    #[schemars(inner(regex(pattern = "^[0-9A-Fa-f.:]+/[0-9]{1,3}$")))]
    pub addresses: Option<Vec<String>>,
    /// With `static`: the routers, at most one for IPv4 and one for IPv6.
    pub gateways: Option<Vec<String>>,
    /// Name servers. With `dhcp`, these are asked instead of those that the router names.
    pub dns: Option<Vec<String>>,
    /// Domains in which names without a dot are looked up.
    pub search: Option<Vec<String>>,
}

/// Where addresses come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// From the router.
    Dhcp,
    /// From the recipe. A family of addresses that it has none of is still the router's.
    Static,
    /// From nowhere: the adapter isn't used.
    Off,
}

/// How the Pi is on its networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Network {
    /// On the cable; `None` if it isn't used.
    pub wired: Option<Addressing>,
    /// In every wireless network; `None` if none is used.
    pub wifi: Option<Addressing>,
}

/// Addresses on one kind of network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Addressing {
    /// The fixed ones; a family without one asks the router.
    pub addresses: Vec<Prefix>,
    /// The routers; each reaches one of the addresses.
    pub gateways: Vec<IpAddr>,
    /// Name servers.
    pub dns: Vec<IpAddr>,
    /// Domains in which names without a dot are looked up.
    pub search: Vec<String>,
}

/// An address, and how many of its bits are the network's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// The address.
    pub address: IpAddr,
    /// The bits of the network.
    pub length: u8,
}

impl Prefix {
    /// Whether `other` can be reached without a router.
    pub fn contains(&self, other: IpAddr) -> bool {
        let same = |a: u128, b: u128, bits: u8| {
            let shift = u32::from(bits - self.length);
            a.checked_shr(shift).unwrap_or(0) == b.checked_shr(shift).unwrap_or(0)
        };
        match (self.address, other) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
            _ => false,
        }
    }

    /// What keeps a machine from having this address, if anything.
    fn fault(&self) -> Option<&'static str> {
        let address = self.address;
        if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
            return Some("no machine has such an address");
        }
        let IpAddr::V4(address) = address else {
            return None;
        };
        let host = address.to_bits() & (u32::MAX.checked_shr(self.length.into()).unwrap_or(0));
        let last = u32::MAX.checked_shr(self.length.into()).unwrap_or(0);
        // RFC 3021: networks of two have neither.
        match host {
            0 if self.length < 31 => Some("it is the network's own address"),
            host if host == last && self.length < 31 => {
                Some("it is the network's broadcast address")
            }
            _ => None,
        }
    }
}

impl FromStr for Prefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write it with the length of its network's prefix, as 192.168.1.20/24";
        let (address, length) = text.split_once('/').ok_or(FORM)?;
        let address: IpAddr = address.parse().or(Err(FORM))?;
        let length: u8 = length.parse().or(Err(FORM))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        if !(1..=most).contains(&length) {
            return Err("its prefix is longer than the address, or none");
        }
        let prefix = Self { address, length };
        prefix.fault().map_or(Ok(prefix), Err)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl NetworkRecipe {
    pub(super) fn over(self, base: Self) -> Self {
        layered!(self, base: ; wired, wifi)
    }

    /// `has_wifi` says whether there is a wireless network to be in.
    pub(super) fn resolve(self, has_wifi: bool) -> anyhow::Result<Network> {
        let network = Network {
            wired: self.wired.resolve("system.network.wired")?,
            wifi: self.wifi.resolve("system.network.wifi")?,
        };
        if network.wired.is_none() && (network.wifi.is_none() || !has_wifi) {
            let text = "system.network: without cable and Wi-Fi nobody would reach the broker";
            return Err(Fault::input(text).into());
        }
        if let (Some(wired), Some(wifi)) = (&network.wired, &network.wifi) {
            let twice = wired.addresses.iter().find(|wired| {
                wifi.addresses
                    .iter()
                    .any(|wifi| wifi.address == wired.address)
            });
            if let Some(twice) = twice {
                let text =
                    format!("system.network: {twice} is the address on the cable and in Wi-Fi");
                return Err(Fault::input(text).into());
            }
        }
        Ok(network)
    }
}

impl AddressRecipe {
    fn over(self, base: Self) -> Self {
        layered!(self, base: method, addresses, gateways, dns, search)
    }

    fn resolve(self, key: &str) -> anyhow::Result<Option<Addressing>> {
        let method = self
            .method
            .with_context(|| incomplete(&format!("{key}.method")))?;
        let [addresses, gateways, dns, search] =
            [self.addresses, self.gateways, self.dns, self.search].map(Option::unwrap_or_default);
        if method != Method::Static && !(addresses.is_empty() && gateways.is_empty()) {
            let text = format!("{key}: `addresses` and `gateways` are for `method: static`");
            return Err(Fault::input(text).into());
        }
        if method == Method::Off {
            return Ok(None);
        }
        if method == Method::Static && addresses.is_empty() {
            return Err(
                Fault::input(format!("{key}: `method: static` without `addresses`")).into(),
            );
        }
        let mut found = Addressing {
            search,
            ..Addressing::default()
        };
        for text in &addresses {
            let prefix = text.parse::<Prefix>();
            let prefix =
                prefix.map_err(|why| Fault::input(format!("{key}.addresses: {text}: {why}")))?;
            if found
                .addresses
                .iter()
                .any(|other| other.address == prefix.address)
            {
                return Err(
                    Fault::input(format!("{key}.addresses: {prefix} is there twice")).into(),
                );
            }
            found.addresses.push(prefix);
        }
        for text in &gateways {
            let gateway = found.gateway(text);
            let gateway =
                gateway.map_err(|why| Fault::input(format!("{key}.gateways: {text}: {why}")))?;
            found.gateways.push(gateway);
        }
        for text in &dns {
            let server = text.parse();
            found
                .dns
                .push(server.map_err(|error| Fault::input(format!("{key}.dns: {text}: {error}")))?);
        }
        for domain in &found.search {
            check::host(&format!("{key}.search"), domain)?;
        }
        Ok(Some(found))
    }
}

impl Addressing {
    /// The one address `address`, with its router and its name servers.
    ///
    /// # Errors
    ///
    /// What is wrong with the address or the router, without a subject.
    pub fn fixed(
        address: Prefix,
        gateway: Option<IpAddr>,
        dns: Vec<IpAddr>,
    ) -> Result<Self, String> {
        if let Some(why) = address.fault() {
            return Err(format!("{address}: {why}"));
        }
        let mut found = Self {
            addresses: vec![address],
            dns,
            ..Self::default()
        };
        if let Some(gateway) = gateway {
            let checked = found.gateway(&gateway.to_string());
            found
                .gateways
                .push(checked.map_err(|why| format!("gateway {gateway}: {why}"))?);
        }
        Ok(found)
    }

    /// Checks a router against the addresses and the routers before it.
    fn gateway(&self, text: &str) -> Result<IpAddr, &'static str> {
        let gateway: IpAddr = text.parse().or(Err("this is no address"))?;
        if self
            .gateways
            .iter()
            .any(|other| other.is_ipv4() == gateway.is_ipv4())
        {
            return Err("it is the second of its kind, and one is all that a machine can have");
        }
        if self.addresses.iter().any(|own| own.address == gateway) {
            return Err("it is the machine's own address");
        }
        // A router's own IPv6 address is good on every network.
        let local = matches!(gateway, IpAddr::V6(gateway) if gateway.is_unicast_link_local());
        let reached = self.addresses.iter().any(|own| own.contains(gateway));
        if local || reached {
            Ok(gateway)
        } else {
            Err("it is in none of the addresses' networks")
        }
    }
}
