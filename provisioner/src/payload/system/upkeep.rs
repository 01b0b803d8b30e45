//! Time servers, updates, the log, and swap.

use std::fmt::Write as _;

use image::{Entry, Overlay};

use super::base::put;
use crate::recipe::System;
use crate::recipe::system::{Journal, Ntp, Storage, Upgrades};

const ORIGIN: &str = "recipe";

pub(super) fn add(files: &mut Overlay, system: &System) -> anyhow::Result<()> {
    if let Some(text) = timesyncd(&system.ntp) {
        let path = "/etc/systemd/timesyncd.conf.d/50-provision.conf";
        put(files, path, Entry::file(text, 0o644, ORIGIN))?;
    }
    // Behind Raspberry Pi OS's own, which keeps the log in memory.
    let path = "/etc/systemd/journald.conf.d/50-provision.conf";
    put(
        files,
        path,
        Entry::file(journald(&system.journal), 0o644, ORIGIN),
    )?;
    if system.upgrades == Upgrades::Security {
        for (name, text) in [("20auto-upgrades", PERIODIC), ("52provision", UNATTENDED)] {
            put(
                files,
                &format!("/etc/apt/apt.conf.d/{name}"),
                Entry::file(text, 0o644, ORIGIN),
            )?;
        }
    }
    Ok(())
}

fn timesyncd(ntp: &Ntp) -> Option<String> {
    let mut text = "# Made by provision from its recipe.\n[Time]\n".to_owned();
    let empty = text.len();
    for (key, servers) in [("NTP", &ntp.servers), ("FallbackNTP", &ntp.fallback)] {
        if !servers.is_empty() {
            let _ = writeln!(text, "{key}={}", servers.join(" "));
        }
    }
    (text.len() > empty).then_some(text)
}

fn journald(journal: &Journal) -> String {
    let size = journal.max_size;
    let (storage, key) = match journal.storage {
        Storage::Persistent => ("persistent", "SystemMaxUse"),
        Storage::Volatile => ("volatile", "RuntimeMaxUse"),
    };
    format!("# Made by provision from its recipe.\n[Journal]\nStorage={storage}\n{key}={size}\n")
}

/// When: once a day, with what is left over of former updates cleared away.
const PERIODIC: &str = r#"// Made by provision from its recipe: security updates every night.
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
APT::Periodic::AutocleanInterval "7";
"#;

/// What: unattended-upgrades' own list is longer. Raspbian, which 32-bit Raspberry Pi OS is made of, and Raspberry
/// Pi's own archive, which has kernel and firmware, have no suite for security alone: there it is all of their
/// updates. An archive that the card doesn't use matches nothing.
const UNATTENDED: &str = r#"// Made by provision from its recipe: updates that close holes. Raspbian and Raspberry Pi
// don't tell these from others: all of theirs are installed, kernel and firmware included.
#clear Unattended-Upgrade::Origins-Pattern;
Unattended-Upgrade::Origins-Pattern {
    "origin=Debian,codename=${distro_codename}-security,label=Debian-Security";
    "origin=Raspbian,codename=${distro_codename},label=Raspbian";
    "origin=Raspberry Pi Foundation,codename=${distro_codename},label=Raspberry Pi Foundation";
};
// Nothing restarts the Pi at night: a new kernel waits for the next start.
Unattended-Upgrade::Automatic-Reboot "false";
// What was changed on this card stays as it is, and nobody is there to be asked.
Dpkg::Options { "--force-confdef"; "--force-confold"; };
"#;
