//! A recipe as it is written. Everything may be left out; what is left out comes from the recipe
//! it extends, in the end from `default`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::base::BaseNames;
use super::layers::layered;
use super::size::Size;
use super::system::SystemRecipe;

/// The whole of a recipe file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Recipe {
    /// One sentence for people.
    pub description: Option<String>,
    /// The recipe that this one changes: a name, or a path relative to this file.
    pub extends: Option<String>,
    /// The base image: `raspios-lite`, `debian`, another name, or a path to an image, relative to this file; or a
    /// list in order of preference.
    pub base: Option<BaseNames>,
    /// The kind of board: `aarch64` or `armv7`.
    pub target: Option<String>,
    /// Trees of files: names, or paths relative to this file. Later ones win.
    pub overlays: Option<Vec<String>>,
    /// Room to leave on the root file system.
    pub free: Option<Size>,
    /// The operating system.
    pub system: SystemRecipe,
    /// The broker.
    pub broker: BrokerRecipe,
}

/// What a recipe says of the broker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BrokerRecipe {
    /// Whether there is a listener without TLS on port 1883, and who reaches it.
    pub plain: Option<Plain>,
    /// mosquitto.conf's `log_type`.
    pub log_types: Option<Vec<String>>,
    /// Whether sessions and retained messages outlive a restart.
    pub persistence: Option<bool>,
    /// Seconds between two saves.
    pub autosave_interval: Option<u32>,
    /// Lines in mosquitto.conf's language, put at the end of the configuration.
    pub extra: Option<String>,
}

/// Who reaches a listener without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Plain {
    /// Nobody: there is none.
    None,
    /// Programs on the Pi itself.
    Loopback,
    /// Everybody on the network. Passwords travel in clear text.
    Lan,
}

impl Recipe {
    /// Fills what this recipe leaves out with what `base` says.
    #[must_use]
    pub fn over(self, base: Self) -> Self {
        let extends = self.extends.clone();
        let merged = layered!(self, base: description, extends, base, target, overlays, free; system, broker);
        Self { extends, ..merged }
    }
}

impl BrokerRecipe {
    fn over(self, base: Self) -> Self {
        layered!(self, base: plain, log_types, persistence, autosave_interval, extra)
    }
}
