//! The Pi's firmware and the kernel's command line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hint::Fault;
use crate::recipe::layers::layered;

/// The longest line of config.txt that the firmware reads.
const MAX_LINE: usize = 98;

/// A word of the kernel's command line that a recipe may add or take out.
const WORD: &str =
    r"^(?!(root|rootfstype|rootwait|resize|init|cfg80211\.ieee80211_regdom)(=|$))[!-~]+$";

/// What a recipe says of the kernel's command line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CmdlineRecipe {
    /// Words to add; a word `key=value` takes the place of others with that key.
    #[schemars(inner(regex(pattern = WORD)))]
    pub add: Option<Vec<String>>,
    /// Words to take out: whole words, or a key with what it is set to.
    #[schemars(inner(regex(pattern = WORD)))]
    pub remove: Option<Vec<String>>,
}

/// Changes to the kernel's command line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cmdline {
    /// Words to add.
    pub add: Vec<String>,
    /// Words to take out.
    pub remove: Vec<String>,
}

impl CmdlineRecipe {
    pub(super) fn over(self, base: Self) -> Self {
        layered!(self, base: add, remove)
    }

    pub(super) fn resolve(self) -> anyhow::Result<Cmdline> {
        let cmdline = Cmdline {
            add: self.add.unwrap_or_default(),
            remove: self.remove.unwrap_or_default(),
        };
        for word in cmdline.add.iter().chain(&cmdline.remove) {
            let fault = |text: &str| Fault::input(format!("system.cmdline: {word:?} {text}"));
            if word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(fault("is not one word").into());
            }
            // The card's own: a wrong one doesn't boot, and the first boot changes them.
            let key = word.split('=').next().unwrap_or(word);
            if key == "cfg80211.ieee80211_regdom" {
                return Err(fault("is the country of Wi-Fi")
                    .hint("say `system.wifi.country`, which Wi-Fi is set with everywhere")
                    .into());
            }
            if matches!(key, "root" | "rootfstype" | "rootwait" | "resize" | "init") {
                return Err(fault("is the card's own: it would not boot, or not grow")
                    .hint("what the base says about its root file system stays as it is")
                    .into());
            }
        }
        Ok(cmdline)
    }
}

/// A setting of the Pi's firmware.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct FirmwareSetting {
    /// The boards that it is for: `all`, `pi4`.
    pub section: String,
    /// `dtparam`, or `include`
    pub key: String,
    /// `audio=off`
    pub value: String,
}

/// Reads lines as they stand in config.txt: settings, and sections in brackets for those that follow.
pub(super) fn config_txt(lines: &[String]) -> anyhow::Result<Vec<FirmwareSetting>> {
    let mut section = "all";
    let mut settings = Vec::new();
    for line in lines {
        let fault = |text: &str| Fault::input(format!("system.config-txt: {line:?} {text}"));
        if line.len() > MAX_LINE
            || !line
                .bytes()
                .all(|byte| byte == b' ' || byte.is_ascii_graphic())
        {
            return Err(fault("is not one line of at most 98 characters of ASCII").into());
        }
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            section = name;
            continue;
        }
        let setting = match line.strip_prefix("include ") {
            Some(file) => Some(("include", file)),
            None => line.split_once('='),
        };
        let Some((key, value)) = setting else {
            return Err(fault("sets nothing")
                .hint("write `key=value`, `include FILE`, or `[section]` for the lines behind it")
                .into());
        };
        let key = key.trim();
        if key == "include" && (line.contains('=') || value.trim().is_empty()) {
            return Err(fault("includes nothing")
                .hint("write `include FILE`")
                .into());
        }
        if matches!(
            key,
            "kernel" | "initramfs" | "auto_initramfs" | "arm_64bit" | "cmdline" | "os_prefix"
        ) {
            return Err(fault("is the card's own: with another it would not boot").into());
        }
        settings.push(FirmwareSetting {
            section: section.to_owned(),
            key: key.to_owned(),
            value: value.trim().to_owned(),
        });
    }
    Ok(settings)
}
