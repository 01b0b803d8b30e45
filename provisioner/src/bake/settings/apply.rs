//! All rooms together.

use image::{Card, Overlay, Progress};

use super::base::Base;
use super::{boot, fstab, keyboard, locale, packages, swap, wifi};
use crate::recipe::System;

/// Adds to `overlay` what `system` comes to on the base `card`, and warns of what has to wait.
///
/// # Errors
///
/// A setting that the base can't have: a layout or a language that it doesn't know, Wi-Fi without NetworkManager.
pub(crate) fn apply(
    overlay: &mut Overlay,
    card: &Card,
    system: &System,
    progress: &mut dyn Progress,
) -> anyhow::Result<()> {
    let mut base = Base::new(overlay, card, progress);
    boot::apply(&mut base, system)?;
    wifi::apply(&mut base, system)?;
    fstab::apply(&mut base, &system.sd_card)?;
    swap::apply(&mut base, system.sd_card.swap)?;
    keyboard::check(&mut base, &system.keyboard)?;
    let mut needed = system.settings_packages();
    needed.extend(locale::apply(&mut base, &system.locale)?);
    packages::apply(&mut base, system, needed)
}
