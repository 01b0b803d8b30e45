//! Applying edits to what a card has, on Debian also to what writes the two files anew.

use super::cmdline::Cmdline;
use super::config::ConfigTxt;
use super::error::BootConfigError;
use crate::card::Card;
use crate::error::Error;
use crate::overlay::{Entry, EntryPath, Kind, Overlay};

const CMDLINE: &str = "/boot/firmware/cmdline.txt";
const CONFIG: &str = "/boot/firmware/config.txt";
/// Debian's raspi-firmware writes the two files anew after each update of kernel or firmware, and appends
/// what these say.
const EXTRA_CMDLINE: &str = "/etc/default/raspi-extra-cmdline";
const EXTRA_CONFIG: &str = "/etc/default/raspi-firmware-custom";
/// By which it is known that raspi-firmware does so.
const HOOK: &str = "/etc/kernel/postinst.d/z50-raspi-firmware";

/// A change of the kernel's command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WordEdit {
    /// The only one with its key: `cfg80211.ieee80211_regdom=GB`.
    Set(String),
    /// One of several: `console=tty1`.
    Add(String),
    /// Gone: a word, or all with a key.
    Remove(String),
}

/// A setting for the firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEdit {
    /// `all`, `pi4`, …
    pub section: String,
    /// `dtparam`, `gpu_mem`, …
    pub key: String,
    /// `audio=off`, `16`, …
    pub value: String,
}

/// What shall be different about how a card starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BootEdits {
    /// For `cmdline.txt`.
    pub words: Vec<WordEdit>,
    /// For `config.txt`.
    pub settings: Vec<ConfigEdit>,
}

/// A file, and what it is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedFile {
    /// Where it is.
    pub path: &'static str,
    /// Its new text.
    pub text: String,
}

impl BootEdits {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.settings.is_empty()
    }

    /// The command line `text` with the edits made.
    pub fn cmdline(&self, text: &str) -> Result<String, BootConfigError> {
        let mut cmdline = Cmdline::parse(text)?;
        for edit in &self.words {
            match edit {
                WordEdit::Set(word) => cmdline.set(word)?,
                WordEdit::Add(word) => cmdline.add(word)?,
                WordEdit::Remove(word) => {
                    cmdline.remove(word);
                }
            }
        }
        Ok(cmdline.render())
    }

    /// The settings `text` with the edits made.
    pub fn config(&self, text: &str) -> Result<String, BootConfigError> {
        let mut config = ConfigTxt::parse(text);
        for edit in &self.settings {
            config.set(&edit.section, &edit.key, &edit.value)?;
        }
        Ok(config.render())
    }

    /// The files that change, given what `read` finds on the card. Where raspi-firmware would write the two
    /// files anew (`rewritten`), its own settings change too.
    pub fn files<E: From<BootConfigError>>(
        &self,
        rewritten: bool,
        mut read: impl FnMut(&'static str) -> Result<String, E>,
    ) -> Result<Vec<EditedFile>, E> {
        let mut files = Vec::new();
        let mut edit = |path, edit: &dyn Fn(&str) -> Result<String, BootConfigError>| {
            let before = read(path)?;
            let text = edit(&before)?;
            if text != before {
                files.push(EditedFile { path, text });
            }
            Ok::<_, E>(())
        };
        if !self.words.is_empty() {
            edit(CMDLINE, &|text| self.cmdline(text))?;
            if rewritten {
                edit(EXTRA_CMDLINE, &|text| self.cmdline(text))?;
            }
        }
        if !self.settings.is_empty() {
            edit(CONFIG, &|text| self.config(text))?;
            if rewritten {
                edit(EXTRA_CONFIG, &|text| self.config(text))?;
            }
        }
        Ok(files)
    }

    /// Puts the changed files into `overlay`. What the overlay has for a path already is edited, else what
    /// the card has.
    pub fn apply(&self, card: &Card, overlay: &mut Overlay, origin: &str) -> Result<(), Error> {
        let rewritten = card.find(HOOK)?.is_some();
        let files = self.files(rewritten, |path| {
            let bytes = match overlay.get(path).map(|entry| &entry.kind) {
                Some(Kind::File(bytes)) => bytes.clone(),
                _ => card.read(path)?.unwrap_or_default(),
            };
            String::from_utf8(bytes)
                .map_err(|_bytes| Error::BootConfig(BootConfigError::NotText { path }))
        })?;
        for EditedFile { path, text } in files {
            let mode = if path.starts_with(EntryPath::BOOT) {
                0o755
            } else {
                0o644
            };
            overlay.insert(EntryPath::new(path)?, Entry::file(text, mode, origin))?;
        }
        Ok(())
    }
}
