//! The keyboard. The language depends on what the base has: it is set when a card is baked.

use image::{Entry, Overlay};

use super::base::put;
use crate::recipe::System;

pub(super) fn add(files: &mut Overlay, system: &System) -> anyhow::Result<()> {
    let keyboard = &system.keyboard;
    let text = format!(
        "# See keyboard(5). Made by provision.\nXKBMODEL=\"{}\"\nXKBLAYOUT=\"{}\"\nXKBVARIANT=\"{}\"\nXKBOPTIONS=\"{}\"\nBACKSPACE=\"guess\"\n",
        keyboard.model, keyboard.layout, keyboard.variant, keyboard.options
    );
    put(
        files,
        "/etc/default/keyboard",
        Entry::file(text, 0o644, "recipe"),
    )
}
