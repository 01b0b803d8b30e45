//! The firewall's rules, made from the broker's own configuration: what listens for others can be reached, and
//! nothing else.

use std::collections::BTreeSet;

use broker::config::{Config, Endpoint};
use image::{Entry, Overlay};

use super::base::put;

/// Where a card's rules are. `provision-firewall.service` loads them.
const RULES: &str = "/etc/provision/firewall.nft";

/// The rules and the broker's ports in one step: what a push loads, to be told whether they are taken.
const WITH_PORTS: &str = "/etc/provision/firewall-with-ports.nft";

/// Where the broker's ports are: part of its release, so that they come and go with it.
const PORTS: &str = "/etc/mqtt-broker/firewall.nft";

/// What the ports are.
const PORTS_HEAD: &str =
    "# Made by provision: the ports that a card's firewall lets others in at.\n";

/// Adds a card's rules, which let SSH in and what [`add_ports`] names.
pub(in crate::payload) fn add_rules(files: &mut Overlay, ssh_port: u16) -> anyhow::Result<()> {
    let rules = RULES_TEXT.replace("@SSH@", &ssh_port.to_string());
    put(files, RULES, Entry::file(rules, 0o644, "recipe"))?;
    put(
        files,
        WITH_PORTS,
        Entry::file(WITH_PORTS_TEXT, 0o644, "recipe"),
    )
}

/// Adds the ports of `config`'s listeners for the rules of a card. Nothing reads them elsewhere.
pub(in crate::payload) fn add_ports(files: &mut Overlay, config: &Config) -> anyhow::Result<()> {
    let ports: BTreeSet<_> = config
        .listeners
        .iter()
        .filter_map(|listener| reached(&listener.endpoint))
        .collect();
    let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
    // Without an element it would be no command.
    let elements = match &ports[..] {
        [] => String::new(),
        ports => format!(
            "add element inet provision mqtt {{ {} }}\n",
            ports.join(", ")
        ),
    };
    let text = format!("{PORTS_HEAD}{elements}");
    put(files, PORTS, Entry::file(text, 0o644, "recipe"))
}

/// The port of a listener that others shall reach.
fn reached(endpoint: &Endpoint) -> Option<u16> {
    match endpoint {
        Endpoint::Tcp { port, host, .. } => {
            let own = host.as_deref().is_some_and(|host| {
                host == "localhost"
                    || host
                        .parse()
                        .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
            });
            (!own).then_some(*port)
        }
        _ => None,
    }
}

/// A table of its own: fail2ban's and others' stay as they are. It is deleted and made anew in one step, so that
/// loading it twice is the same as once.
const RULES_TEXT: &str = r#"#!/usr/sbin/nft -f
# Made by provision: SSH, the broker's listeners and the names of the local network come in, and nothing else.
table inet provision
delete table inet provision

table inet provision {
    # The broker's listeners, named by its release.
    set mqtt {
        type inet_service
    }

    chain input {
        type filter hook input priority filter; policy drop;

        ct state established,related accept
        iif "lo" accept
        ct state invalid drop

        # What makes networks work: being found, too large packets, who is next door, which router there is.
        ip protocol icmp icmp type { echo-request, destination-unreachable, time-exceeded, parameter-problem } accept
        icmpv6 type { echo-request, destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
        icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld-listener-query } accept

        # Answers of the router that gives addresses: it answers from another address than it was asked at.
        udp sport 67 udp dport 68 accept
        ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept

        # Names of the local network (mDNS): to all of the network, which no router passes on, or from a private
        # address. IPv6 would let the Internet ask.
        ip daddr 224.0.0.251 udp dport 5353 accept
        ip6 daddr ff02::fb udp dport 5353 accept
        ip saddr { 10.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16 } udp dport 5353 accept
        ip6 saddr { fc00::/7, fe80::/10 } udp dport 5353 accept

        tcp dport @SSH@ accept
        tcp dport @mqtt accept
    }

    chain forward {
        type filter hook forward priority filter; policy drop;
    }
}
"#;

/// Without the ports the rules are loaded first: a broker's release that nft can't read costs its own ports, and not
/// the firewall.
const WITH_PORTS_TEXT: &str = r#"#!/usr/sbin/nft -f
# Made by provision: the rules, and the ports of the broker's listeners.
include "/etc/provision/firewall.nft"
# With a star: a file that is missing is no error then.
include "/etc/mqtt-broker/firewall*.nft"
"#;
