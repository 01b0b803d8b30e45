//! The switches that keep Wi-Fi off until somebody says where the Pi is.

use image::Entry;

use super::ORIGIN;
use crate::bake::base::Base;
use crate::hint::Fault;
use crate::recipe::System;

/// Where systemd keeps which transmitters are off, a file for each.
const SWITCHES: &str = "/var/lib/systemd/rfkill";

/// Where the adapters of a Pi are: on the controllers of its SD bus, by their addresses (Pi 3 and Zero 2 W, 4, 5).
const ADAPTERS: [&str; 3] = [
    "platform-3f300000.mmcnr:wlan",
    "platform-fe300000.mmcnr:wlan",
    "platform-1001100000.mmc:wlan",
];

const STATE: &str = "/var/lib/NetworkManager/NetworkManager.state";

pub(super) fn apply(base: &mut Base<'_>, system: &System) -> anyhow::Result<()> {
    let manager = base.has_any(&["/usr/sbin/NetworkManager", "/usr/bin/NetworkManager"])?;
    let wired = system.network.wired.as_ref();
    let special = wired.is_none_or(|wired| *wired != crate::recipe::system::Addressing::default());
    if !manager && (system.wifi.is_some() || special) {
        let text =
            "the base has no NetworkManager, which `system.wifi` and `system.network` are set with";
        return Err(Fault::input(text)
            .hint("use Raspberry Pi OS bookworm or newer, or the base `debian`")
            .into());
    }
    if system.wifi.is_none() {
        return Ok(());
    }
    let mut switches: Vec<_> = base
        .names(SWITCHES)?
        .into_iter()
        .filter(|name| name.ends_with(":wlan"))
        .collect();
    switches.extend(ADAPTERS.map(str::to_owned));
    for name in switches {
        base.write(&format!("{SWITCHES}/{name}"), "0\n", ORIGIN)?;
    }
    let state = base.text(STATE)?.unwrap_or_default();
    let private = Entry::file(enabled(&state), 0o600, ORIGIN);
    if base.has(STATE)? {
        base.write(STATE, enabled(&state), ORIGIN)
    } else {
        base.put(STATE, private)
    }
}

/// `NetworkManager.state` with wireless networks on, and everything else as it was.
fn enabled(state: &str) -> String {
    const SWITCH: &str = "WirelessEnabled=";
    let mut lines: Vec<_> = state
        .lines()
        .filter(|line| !line.starts_with(SWITCH))
        .collect();
    let main = lines.iter().position(|line| line.trim() == "[main]");
    let main = main.unwrap_or_else(|| {
        lines.push("[main]");
        lines.len() - 1
    });
    lines.insert(main + 1, "WirelessEnabled=true");
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::enabled;

    #[test]
    fn wireless_is_switched_on_and_the_rest_stays() {
        assert_eq!(enabled(""), "[main]\nWirelessEnabled=true\n");
        assert_eq!(
            enabled("[main]\nNetworkingEnabled=true\nWirelessEnabled=false\nWWANEnabled=false\n"),
            "[main]\nWirelessEnabled=true\nNetworkingEnabled=true\nWWANEnabled=false\n"
        );
    }
}
