//! Settings that the base has on its FAT partition already: what would fight with ours goes, and of the rest
//! the user hears.

use image::bootconfig::{BootEdits, WordEdit};
use image::system::{Fate, SeedFile};

use super::base::Base;

const ORIGIN: &str = "first boot";

/// What rpi-imager writes onto the command line for its `firstrun.sh`.
const FIRSTRUN: [&str; 3] = [
    "systemd.run",
    "systemd.run_success_action",
    "systemd.unit=kernel-command-line.target",
];

/// Takes away what would be applied over the card's own settings, and warns of it by name, and of what
/// nobody reads.
pub(super) fn clear(base: &mut Base<'_>) -> anyhow::Result<()> {
    for file in base.card.seed_files().map_err(image::Error::from)? {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        let turned_off = matches!(name, "user-data" | "network-config");
        if file.fate == Fate::Ignored || turned_off {
            base.warn(&format!(
                "the base's {name} is left alone and has no effect on this card: it sets {}",
                describe(&file, Secrets::Marked)
            ));
            continue;
        }
        base.remove(&file.path, ORIGIN)?;
        if name == "firstrun.sh" {
            let words = FIRSTRUN
                .iter()
                .map(|word| WordEdit::Remove((*word).to_owned()));
            let edits = BootEdits {
                words: words.collect(),
                ..BootEdits::default()
            };
            edits.apply(base.card, &mut base.overlay, ORIGIN)?;
        }
        // An empty `ssh` asks for what the card does anyway.
        if !matches!(name, "ssh" | "ssh.txt") {
            base.warn(&format!(
                "the base's {name} is not on the card: it would change {} after what the recipe says",
                describe(&file, Secrets::Plain)
            ));
        }
    }
    Ok(())
}

/// Whether it matters that some are secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrets {
    /// They stay on the card, and whoever has it can read them.
    Marked,
    /// They don't.
    Plain,
}

/// The settings by name.
fn describe(file: &SeedFile, secrets: Secrets) -> String {
    const MOST: usize = 8;
    let names = file.settings.iter().take(MOST).map(|name| {
        if secrets == Secrets::Marked && file.secrets.contains(name) {
            format!("{name} (a secret that anybody can read who has the card)")
        } else {
            name.clone()
        }
    });
    let names: Vec<_> = names.collect();
    let more = file.settings.len().saturating_sub(MOST);
    let rest = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    names.join(", ") + &rest
}
