//! What a system would ask or do at its first boot, and needn't any more: its wizard, its reader of settings.
//!
//! Growth and the new disk signature stay: the words on the command line, the units and `/etc/machine-id`
//! are not touched.

use image::Entry;
use image::system::MachineId;

use super::base::Base;

const ORIGIN: &str = "first boot";

/// The unit that asks for a user at the screen.
const WIZARD: &str = "userconfig.service";
const GETTY: &str = "/usr/lib/systemd/system/getty@.service";

/// What the wizard leaves behind when it is done, or has others find until then.
const REMAINS: [&str; 6] = [
    "/etc/systemd/system/multi-user.target.wants/userconfig.service",
    // The banner that says that nobody can log in yet.
    "/etc/ssh/sshd_config.d/rename_user.conf",
    "/var/lib/userconf-pi/autologin",
    "/etc/systemd/system/getty@tty1.service.d/autologin.conf",
    "/etc/xdg/autostart/piwiz.desktop",
    "/etc/sudoers.d/010_wiz-nopasswd",
];

/// Where systemd looks first for what may be enabled at a first boot.
const PRESET: &str = "/etc/systemd/system-preset/10-provision-first-boot.preset";

/// Turns off what would set the system up.
pub(super) fn settle(base: &mut Base<'_>) -> anyhow::Result<()> {
    if base.had("/etc/cloud")? || base.had("/usr/bin/cloud-init")? {
        // Its files stay as they are, and it never again writes a host name or a user over ours.
        let text = "Settings are in the file system itself: see `provision image`.\n";
        base.put(
            "/etc/cloud/cloud-init.disabled",
            Entry::file(text, 0o644, ORIGIN),
        )?;
    }
    let wizard = format!("/usr/lib/systemd/system/{WIZARD}");
    if !base.had(&wizard)? && !base.detected.first_boot.is_raspberry_pi_os() {
        return Ok(());
    }
    for path in REMAINS {
        base.remove(path, ORIGIN)?;
    }
    if base.had(GETTY)? {
        let path = "/etc/systemd/system/getty.target.wants/getty@tty1.service";
        base.put(path, Entry::symlink(GETTY, ORIGIN))?;
    }
    forbid(base)?;
    desktop(base)
}

/// At a first boot systemd enables every unit that no preset forbids, the wizard too, whose link is gone.
fn forbid(base: &mut Base<'_>) -> anyhow::Result<()> {
    if base.detected.machine_id == MachineId::Set {
        return Ok(());
    }
    let mut text = "# At a first boot systemd enables what no preset forbids.\n".to_owned();
    for unit in [
        WIZARD,
        "regenerate_ssh_host_keys.service",
        "rpi-preseed.service",
    ] {
        if base.had(&format!("/usr/lib/systemd/system/{unit}"))? {
            text.extend(["disable ", unit, "\n"]);
        }
    }
    // NetworkManager has the network, and a wait for one that nobody sets up would hold up the boot.
    if base.had("/usr/lib/systemd/system/NetworkManager.service")? {
        text += "disable systemd-networkd.service\ndisable systemd-networkd.socket\n\
                 disable systemd-networkd-wait-online.service\ndisable systemd-network-generator.service\n";
    }
    base.put(PRESET, Entry::file(text, 0o644, ORIGIN))
}

/// Nobody is logged in at the desktop without being asked.
fn desktop(base: &mut Base<'_>) -> anyhow::Result<()> {
    const PATH: &str = "/etc/lightdm/lightdm.conf";
    let Some(text) = base.text(PATH)? else {
        return Ok(());
    };
    let mut changed = String::with_capacity(text.len() + 1);
    for line in text.lines() {
        if line.trim_start().starts_with("autologin-user=") {
            changed.push('#');
        }
        changed.push_str(line);
        changed.push('\n');
    }
    if changed == text {
        return Ok(());
    }
    base.write(PATH, changed, ORIGIN)
}
