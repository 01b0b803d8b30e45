//! Swap, in the ways that bases have it.

use image::Entry;

use super::ORIGIN;
use crate::bake::base::Base;
use crate::recipe::system::Swap;

/// Raspberry Pi OS trixie's, with a mechanism to choose.
const GENERATORS: [&str; 2] = [
    "/usr/lib/systemd/system-generators/rpi-swap-generator",
    "/lib/systemd/system-generators/rpi-swap-generator",
];

/// Raspberry Pi OS bookworm's, which makes a file on the card.
const SWAPFILE: [&str; 3] = [
    "/usr/lib/systemd/system/dphys-swapfile.service",
    "/lib/systemd/system/dphys-swapfile.service",
    "/etc/init.d/dphys-swapfile",
];

pub(super) fn apply(base: &mut Base<'_>, swap: Swap) -> anyhow::Result<()> {
    let mechanism = match swap {
        Swap::Keep => return Ok(()),
        Swap::Zram => "zram",
        Swap::None => "none",
    };
    if base.has_any(&GENERATORS)? {
        let text = format!("# Made by provision from its recipe.\n[Main]\nMechanism={mechanism}\n");
        base.write("/etc/rpi/swap.conf.d/50-provision.conf", text, ORIGIN)?;
    }
    if base.has_any(&SWAPFILE)? {
        let masked = Entry::symlink("/dev/null", ORIGIN);
        base.put("/etc/systemd/system/dphys-swapfile.service", masked)?;
    }
    Ok(())
}
