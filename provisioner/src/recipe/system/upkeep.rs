//! What keeps a Pi well for years: time, updates, logs, the card.

use anyhow::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::{self, incomplete};
use crate::hint::Fault;
use crate::recipe::Size;
use crate::recipe::layers::layered;

/// What a recipe says of time servers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct NtpRecipe {
    /// Servers to ask; none means those that the router or the operating system names.
    pub servers: Option<Vec<String>>,
    /// Servers to ask when nobody names any; none means the operating system's.
    pub fallback: Option<Vec<String>>,
}

/// Time servers. Empty lists leave things as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ntp {
    /// Asked first.
    pub servers: Vec<String>,
    /// Asked when nobody else is known.
    pub fallback: Vec<String>,
}

impl NtpRecipe {
    pub(super) fn over(self, base: Self) -> Self {
        layered!(self, base: servers, fallback)
    }

    pub(super) fn resolve(self) -> anyhow::Result<Ntp> {
        let ntp = Ntp {
            servers: self.servers.unwrap_or_default(),
            fallback: self.fallback.unwrap_or_default(),
        };
        for (key, servers) in [("servers", &ntp.servers), ("fallback", &ntp.fallback)] {
            for server in servers {
                check::host(&format!("system.ntp.{key}"), server)?;
            }
        }
        Ok(ntp)
    }
}

/// Which updates the Pi installs by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Upgrades {
    /// Those that close holes: Debian's security updates, and all that Raspbian and Raspberry Pi's own archive (kernel,
    /// firmware) have, since these don't tell them from others. Nothing restarts the Pi.
    Security,
    /// None.
    None,
}

/// Where the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// In memory: gone after a restart, and the card is spared.
    Volatile,
    /// On the card.
    Persistent,
}

/// What a recipe says of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct JournalRecipe {
    /// Where it is.
    pub storage: Option<Storage>,
    /// The room that it may take.
    pub max_size: Option<Size>,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Journal {
    /// Where it is.
    pub storage: Storage,
    /// The bytes that it may take.
    pub max_size: u64,
}

impl JournalRecipe {
    pub(super) fn over(self, base: Self) -> Self {
        layered!(self, base: storage, max_size)
    }

    pub(super) fn resolve(self) -> anyhow::Result<Journal> {
        const LEAST: Size = Size::mib(8);
        let max_size = self
            .max_size
            .context(incomplete("system.journal.max-size"))?;
        if max_size < LEAST {
            let text = format!("system.journal.max-size: {max_size} is less than {LEAST}");
            return Err(Fault::input(text).into());
        }
        Ok(Journal {
            storage: self.storage.context(incomplete("system.journal.storage"))?,
            max_size: max_size.bytes(),
        })
    }
}

/// Where memory that isn't used goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Swap {
    /// Into memory, compressed.
    Zram,
    /// Nowhere.
    None,
    /// As the base has it: on Raspberry Pi OS a file on the card.
    Keep,
}

/// What a recipe says of sparing the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SdCardRecipe {
    /// Where memory that isn't used goes.
    pub swap: Option<Swap>,
    /// Whether reading a file writes nothing (`noatime`).
    pub noatime: Option<bool>,
    /// Seconds until what programs don't insist on is written. What the broker promised to keep is written
    /// at once. 5 is what Linux does by itself.
    #[schemars(range(min = 1, max = 300))]
    pub commit_interval: Option<u32>,
}

/// What spares the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SdCard {
    /// Where memory that isn't used goes.
    pub swap: Swap,
    /// Whether reading a file writes nothing.
    pub noatime: bool,
    /// Seconds, 1 to 300.
    pub commit_interval: u32,
}

impl SdCardRecipe {
    pub(super) fn over(self, base: Self) -> Self {
        layered!(self, base: swap, noatime, commit_interval)
    }

    pub(super) fn resolve(self) -> anyhow::Result<SdCard> {
        let key = "system.sd-card.commit-interval";
        let commit_interval = self.commit_interval.context(incomplete(key))?;
        if !(1..=300).contains(&commit_interval) {
            return Err(Fault::input(format!(
                "{key}: {commit_interval} is not within 1 to 300 seconds"
            ))
            .into());
        }
        Ok(SdCard {
            swap: self.swap.context(incomplete("system.sd-card.swap"))?,
            noatime: self.noatime.context(incomplete("system.sd-card.noatime"))?,
            commit_interval,
        })
    }
}

/// Checks the names of packages (Debian Policy 5.6.1).
pub(super) fn check_packages(packages: &[String]) -> anyhow::Result<()> {
    for package in packages {
        let first = package.bytes().next().unwrap_or(b' ');
        let good = package.len() >= 2
            && (first.is_ascii_lowercase() || first.is_ascii_digit())
            && package.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte)
            });
        if !good {
            return Err(Fault::input(format!(
                "system.packages: {package:?} is not the name of a package"
            ))
            .into());
        }
    }
    Ok(())
}
