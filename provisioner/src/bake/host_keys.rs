//! Keeping the card's SSH host key from a first boot that makes new ones.

use image::{Entry, Kind, Overlay};

use super::base::Base;

/// Raspberry Pi OS bookworm runs this before anything else: it removes `/etc/ssh/ssh_host_*_key*`, ours too,
/// which `known_hosts` would then not know.
const MAKER: &str = "/usr/lib/raspberrypi-sys-mods/regenerate_ssh_host_keys";
const LINK: &str = "/etc/systemd/system/multi-user.target.wants/regenerate_ssh_host_keys.service";

const KEY: &str = "/etc/ssh/ssh_host_ed25519_key";
/// A name that it doesn't look for.
const KEPT: &str = "/etc/ssh/provision_host_ed25519_key";
const SETTING: &str = "/etc/ssh/sshd_config.d/10-provision-host-key.conf";

/// Moves the key to where it stays, and tells sshd, where the base would remove it.
pub(super) fn keep(base: &mut Base<'_>) -> anyhow::Result<()> {
    if !base.had(MAKER)? || base.overlay.get(KEY).is_none() {
        return Ok(());
    }
    let mut moved = Overlay::new();
    for (path, entry) in base.overlay.iter() {
        let path = match path.as_str().strip_prefix(KEY) {
            Some(rest @ ("" | ".pub")) if matches!(entry.kind, Kind::File(_)) => {
                image::EntryPath::new(format!("{KEPT}{rest}"))?
            }
            _ => path.clone(),
        };
        moved.insert(path, entry.clone())?;
    }
    base.overlay = moved;
    let text = format!(
        "# At the first boot the keys with the usual names are made anew; this one is known to its site.\nHostKey {KEPT}\n"
    );
    base.put(SETTING, Entry::file(text, 0o644, "first boot"))?;
    base.remove(LINK, "first boot")
}
