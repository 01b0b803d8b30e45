//! All rooms together.

use super::{boot, fstab, keyboard, locale, packages, swap, wifi};
use crate::bake::base::Base;
use crate::recipe::System;

/// Adds to `base` what `system` comes to on it, and warns of what has to wait.
///
/// # Errors
///
/// A setting that the base can't have: a layout or a language that it doesn't know, Wi-Fi without NetworkManager.
pub(in crate::bake) fn apply(base: &mut Base<'_>, system: &System) -> anyhow::Result<()> {
    boot::apply(base, system)?;
    wifi::apply(base, system)?;
    fstab::apply(base, &system.sd_card)?;
    swap::apply(base, system.sd_card.swap)?;
    keyboard::check(base, &system.keyboard)?;
    let mut needed = system.settings_packages();
    needed.extend(locale::apply(base, &system.locale)?);
    packages::apply(base, system, needed)
}
