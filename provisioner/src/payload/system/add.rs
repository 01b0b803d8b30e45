//! All rooms together.

use image::Overlay;

use super::{base, locale, network, upkeep, wifi};
use crate::recipe::system::{Swap, Switch};
use crate::recipe::{Plan, System};
use crate::site::{Host, HostFiles};

/// Adds what the operating system's settings come to.
pub(in crate::payload) fn add(
    files: &mut Overlay,
    plan: &Plan,
    host: &Host,
    secrets: &HostFiles,
) -> anyhow::Result<()> {
    let system = &plan.system;
    base::add(files, plan, host, secrets)?;
    network::add(files, &system.network)?;
    if let Some(wifi) = &system.wifi {
        wifi::add(files, wifi, system.network.wifi.as_ref())?;
    }
    locale::add(files, system)?;
    upkeep::add(files, system)
}

/// The language that is in the C library itself.
const C_UTF8: &str = "C.UTF-8";

/// The built-in trees that the settings bring, beside those that the recipe names.
pub(in crate::payload) fn overlays(system: &System) -> Vec<&'static str> {
    let mut names = Vec::new();
    if system.firewall == Switch::On {
        names.push("firewall");
    }
    if system.sd_card.swap == Swap::Zram {
        names.push("zram");
    }
    // What these two do depends on the base: without a file that is written when a card is baked, nothing.
    if !system.needed_packages().is_empty() || system.locale != C_UTF8 {
        names.push("packages");
    }
    if system.locale != C_UTF8 {
        names.push("locale");
    }
    names
}
