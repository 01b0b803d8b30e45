//! A recipe as it is written. Everything may be left out; what is left out comes from the recipe
//! it extends, in the end from `default`.

use serde::Deserialize;

use super::size::Size;

/// The whole of a recipe file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Recipe {
    /// One sentence for people.
    pub description: Option<String>,
    /// The recipe that this one changes: a name, or a path relative to this file.
    pub extends: Option<String>,
    /// The base image: `debian`, or a path to an `.img` or `.img.xz`, relative to this file.
    pub base: Option<String>,
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

/// What a recipe says of the operating system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SystemRecipe {
    /// Who may log in over SSH.
    pub login: LoginRecipe,
    /// A name of the time-zone database: `Europe/London`.
    pub timezone: Option<String>,
}

/// What a recipe says of the login user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct LoginRecipe {
    /// The user's name.
    pub name: Option<String>,
    /// What it may do as root.
    pub sudo: Option<Sudo>,
}

/// What the login user may do as root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sudo {
    /// Everything, without being asked: the user has no password, only SSH keys.
    Passwordless,
    /// Nothing.
    None,
}

/// What a recipe says of the broker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
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
        Self {
            description: self.description.or(base.description),
            extends: self.extends,
            base: self.base.or(base.base),
            target: self.target.or(base.target),
            overlays: self.overlays.or(base.overlays),
            free: self.free.or(base.free),
            system: SystemRecipe {
                login: LoginRecipe {
                    name: self.system.login.name.or(base.system.login.name),
                    sudo: self.system.login.sudo.or(base.system.login.sudo),
                },
                timezone: self.system.timezone.or(base.system.timezone),
            },
            broker: BrokerRecipe {
                plain: self.broker.plain.or(base.broker.plain),
                log_types: self.broker.log_types.or(base.broker.log_types),
                persistence: self.broker.persistence.or(base.broker.persistence),
                autosave_interval: self
                    .broker
                    .autosave_interval
                    .or(base.broker.autosave_interval),
                extra: self.broker.extra.or(base.broker.extra),
            },
        }
    }
}
