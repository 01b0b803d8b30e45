//! The network that QEMU makes up for a card: one in which the card's own address has a place.

use std::net::Ipv4Addr;

use image::inspect::Inspection;

use super::ports::Forward;
use crate::hint::Fault;

/// The longest prefix of a network with room for the card and the three that QEMU adds.
const LONGEST: u8 = 29;

/// A network of one card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The address that the card gives itself, with its network's prefix; without one it takes what it is given.
    address: Option<(Ipv4Addr, u8)>,
}

impl Network {
    /// The network for a card, by the profile of its cable.
    ///
    /// # Errors
    ///
    /// If the card's network is too small to be made up.
    pub fn of(card: &Inspection) -> anyhow::Result<Self> {
        let mut cables = card.connections.iter();
        let fixed =
            cables.find(|one| one.kind == "ethernet" && one.ipv4.as_deref() == Some("manual"));
        let Some(fixed) = fixed else {
            return Ok(Self { address: None });
        };
        let address = fixed.addresses.iter().find_map(|text| address(text));
        let Some((own, prefix)) = address.filter(|(_, prefix)| (8..=LONGEST).contains(prefix))
        else {
            let addresses = fixed.addresses.join(" ");
            let text = format!(
                "the card's cable has the address {addresses:?}, for which no network can be made up"
            );
            let hint = format!(
                "use an IPv4 address with a prefix of /8 to /{LONGEST}, or DHCP, and try that"
            );
            return Err(Fault::input(text).hint(hint).into());
        };
        Ok(Self {
            address: Some((own, prefix)),
        })
    }

    /// As QEMU wants it: the network, and the ways into it.
    pub(super) fn options(self, forwards: &[Forward]) -> String {
        // The card reaches nobody: whoever wants something of it comes through these ports.
        let mut options = vec!["user,id=n0,restrict=on".to_owned()];
        let mut card = String::new();
        if let Some((own, prefix)) = self.address {
            let mask = u32::MAX << (32 - u32::from(prefix));
            let first = own.to_bits() & mask;
            options.push(format!("net={}/{prefix}", Ipv4Addr::from_bits(first)));
            let free = (1..).map(|n| Ipv4Addr::from_bits(first + n));
            let others = ["host", "dns", "dhcpstart"].into_iter();
            let others = others.zip(free.filter(|address| *address != own));
            options.extend(others.map(|(name, address)| format!("{name}={address}")));
            card = own.to_string();
        }
        options.extend(forwards.iter().map(|forward| forward.option(&card)));
        options.join(",")
    }
}

/// `192.168.1.20/24`, with or without the gateway behind a comma (nm-settings-keyfile(5)).
fn address(text: &str) -> Option<(Ipv4Addr, u8)> {
    let (address, prefix) = text.split(',').next()?.trim().split_once('/')?;
    Some((address.parse().ok()?, prefix.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_with_an_address_of_its_own_is_reached_at_it() {
        let forwards = ["4022:22", "4883:8883"].map(|forward| forward.parse().unwrap());
        let options = |address| Network { address }.options(&forwards);
        assert_eq!(
            options(None),
            "user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:4022-:22,hostfwd=tcp:127.0.0.1:4883-:8883"
        );
        assert_eq!(
            options(address("192.168.1.2/24,192.168.1.1")),
            "user,id=n0,restrict=on,net=192.168.1.0/24,host=192.168.1.1,dns=192.168.1.3,dhcpstart=192.168.1.4,\
             hostfwd=tcp:127.0.0.1:4022-192.168.1.2:22,hostfwd=tcp:127.0.0.1:4883-192.168.1.2:8883"
        );
    }
}
