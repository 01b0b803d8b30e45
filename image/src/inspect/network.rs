//! How the Pi gets onto networks.

use serde::Serialize;

use super::files::{assigned, keyed, text};
use super::finding::Finding;
use crate::card::{Card, CardError};
use crate::overlay::Owner;

const FOLDER: &str = "/etc/NetworkManager/system-connections";
const RFKILL: &str = "/var/lib/systemd/rfkill";

/// Permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// A profile of NetworkManager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// Its file.
    pub path: String,
    /// Its name.
    pub id: String,
    /// `wifi`, `ethernet`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The Wi-Fi's name.
    pub ssid: Option<String>,
    /// How it is protected: `wpa-psk`, `sae`; none if it is open, or no Wi-Fi.
    pub security: Option<String>,
    /// Whether the network hides its name.
    pub hidden: bool,
    /// `auto` (DHCP), `manual`, `disabled`.
    pub ipv4: Option<String>,
    /// Fixed addresses, as they stand there.
    pub addresses: Vec<String>,
    /// Whether NetworkManager takes it: it passes over files that others than root can read.
    pub usable: bool,
}

/// Whether the Wi-Fi radio will be on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Radio {
    /// The country on the kernel's command line, which says what channels are allowed.
    pub country: Option<String>,
    /// Whether NetworkManager has Wi-Fi switched off.
    pub disabled: bool,
    /// Whether systemd will block the radio, as it was at the last shutdown.
    pub blocked: bool,
}

pub(super) fn connections(card: &Card) -> Result<Vec<Connection>, CardError> {
    let mut connections = Vec::new();
    for name in card.list(FOLDER)?.unwrap_or_default() {
        let path = format!("{FOLDER}/{name}");
        let Some(found) = card.find(&path)? else {
            continue;
        };
        let text = text(card, &path)?;
        let key = |section: &str, key: &str| keyed(&text, section, key);
        let Some(kind) = key("connection", "type") else {
            continue;
        };
        let addresses = (1..=16).filter_map(|n| key("ipv4", &format!("address{n}")));
        let kind = match kind.as_str() {
            "802-11-wireless" => "wifi".to_owned(),
            "802-3-ethernet" => "ethernet".to_owned(),
            _ => kind,
        };
        connections.push(Connection {
            id: key("connection", "id").unwrap_or(name),
            ssid: key("wifi", "ssid").or_else(|| key("802-11-wireless", "ssid")),
            security: key("wifi-security", "key-mgmt")
                .or_else(|| key("802-11-wireless-security", "key-mgmt")),
            hidden: key("wifi", "hidden").as_deref() == Some("true"),
            ipv4: key("ipv4", "method"),
            addresses: addresses.collect(),
            usable: found.mode & OTHERS == 0 && found.owner == Owner::ROOT,
            kind,
            path,
        });
    }
    Ok(connections)
}

pub(super) fn radio(card: &Card) -> Result<Radio, CardError> {
    let cmdline = text(card, "/boot/firmware/cmdline.txt")?;
    let mut words = cmdline.split_whitespace();
    let country = words.find_map(|word| word.strip_prefix("cfg80211.ieee80211_regdom="));
    let state = text(card, "/var/lib/NetworkManager/NetworkManager.state")?;
    let mut blocked = false;
    for name in card.list(RFKILL)?.unwrap_or_default() {
        let is_wlan = name.ends_with(":wlan");
        blocked |= is_wlan && text(card, &format!("{RFKILL}/{name}"))?.trim() == "1";
    }
    Ok(Radio {
        country: country.map(str::to_owned),
        disabled: assigned(&state, "WirelessEnabled").as_deref() == Some("false"),
        blocked,
    })
}

pub(super) fn findings(connections: &[Connection], radio: &Radio) -> Vec<Finding> {
    let mut findings = Vec::new();
    for connection in connections.iter().filter(|connection| !connection.usable) {
        let what = "NetworkManager passes over it: it must be root's, with mode 0600";
        findings.push(Finding::new(&connection.path, what));
    }
    if connections
        .iter()
        .any(|connection| connection.kind == "wifi")
    {
        let mut wifi = |wrong, what: &str| {
            if wrong {
                findings.push(Finding::new("Wi-Fi", what));
            }
        };
        wifi(
            radio.country.is_none(),
            "no country is set on the kernel's command line",
        );
        wifi(
            radio.disabled,
            "NetworkManager has it switched off (NetworkManager.state)",
        );
        wifi(radio.blocked, "its radio is blocked (rfkill)");
    }
    findings
}
