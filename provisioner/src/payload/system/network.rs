//! Addresses on the cable, and what profiles of any kind have in common.

use std::net::IpAddr;

use image::{Entry, Overlay};

use super::base::put;
use super::keyfile::Keyfile;
use crate::recipe::system::{Addressing, Network};

/// Where NetworkManager looks for profiles. It passes over files that others may read.
pub(super) const PROFILES: &str = "/etc/NetworkManager/system-connections";

const ORIGIN: &str = "recipe";

pub(super) fn add(files: &mut Overlay, network: &Network) -> anyhow::Result<()> {
    let Some(wired) = &network.wired else {
        let off = "# The recipe says `network.wired.method: off`.\n[keyfile]\nunmanaged-devices=type:ethernet\n";
        let path = "/etc/NetworkManager/conf.d/10-wired-off.conf";
        return put(files, path, Entry::file(off, 0o644, ORIGIN));
    };
    // NetworkManager makes such a connection by itself, but only for adapters that have an address of their own,
    // which USB adapters, and Pis with an old firmware, may not have.
    let mut file = Keyfile::new("Every cable. Made by provision.", "ethernet", b"wired");
    file.set("autoconnect-priority", "-100");
    if wired.addresses.is_empty() {
        // One profile for all adapters at once.
        file.set("multi-connect", "3");
    }
    addresses(&mut file, wired);
    put(
        files,
        &format!("{PROFILES}/wired.nmconnection"),
        Entry::file(file.finish(), 0o600, ORIGIN),
    )
}

/// The sections of both families.
pub(super) fn addresses(file: &mut Keyfile, from: &Addressing) {
    let of = |v4: bool| move |address: &IpAddr| address.is_ipv4() == v4;
    for (section, v4) in [("ipv4", true), ("ipv6", false)] {
        file.section(section);
        let own: Vec<_> = from
            .addresses
            .iter()
            .filter(|own| of(v4)(&own.address))
            .collect();
        file.set("method", if own.is_empty() { "auto" } else { "manual" });
        for (index, own) in own.iter().enumerate() {
            file.set(&format!("address{}", index + 1), &own.to_string());
        }
        if let Some(gateway) = from
            .gateways
            .iter()
            .copied()
            .find(|gateway| of(v4)(gateway))
        {
            file.set("gateway", &gateway.to_string());
        }
        let dns: Vec<_> = from.dns.iter().filter(|server| of(v4)(server)).collect();
        file.set_list("dns", dns.iter().map(ToString::to_string));
        // Wherever servers are named, those are meant, and not the router's, also of the other family.
        if !from.dns.is_empty() && own.is_empty() {
            file.set("ignore-auto-dns", "true");
        }
        file.set_list("dns-search", from.search.iter().cloned());
        if !v4 {
            file.set("addr-gen-mode", "default");
        }
    }
}
