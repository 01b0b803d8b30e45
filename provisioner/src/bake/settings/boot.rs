//! The two files by which a Pi is told how to start.

use image::bootconfig::{BootEdits, ConfigEdit, WordEdit};

use super::ORIGIN;
use crate::bake::base::Base;
use crate::recipe::System;

pub(super) fn apply(base: &mut Base<'_>, system: &System) -> anyhow::Result<()> {
    let edits = edits(system);
    if !edits.is_empty() {
        edits.apply(base.card, &mut base.overlay, ORIGIN)?;
    }
    Ok(())
}

fn edits(system: &System) -> BootEdits {
    let mut words = Vec::new();
    if let Some(wifi) = &system.wifi {
        words.push(WordEdit::Set(format!(
            "cfg80211.ieee80211_regdom={}",
            wifi.country
        )));
    }
    words.extend(system.cmdline.remove.iter().cloned().map(WordEdit::Remove));
    for word in system.cmdline.add.iter().cloned() {
        // A Pi may have several consoles.
        let several = word.starts_with("console=") || !word.contains('=');
        words.push(if several {
            WordEdit::Add(word)
        } else {
            WordEdit::Set(word)
        });
    }
    let settings = system.config_txt.iter().map(|setting| ConfigEdit {
        section: setting.section.clone(),
        key: setting.key.clone(),
        value: setting.value.clone(),
    });
    BootEdits {
        words,
        settings: settings.collect(),
    }
}
