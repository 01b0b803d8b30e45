//! A recipe, resolved: no option, no relative path, no number without a unit.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::base::{self, BaseChoice, BaseNames};
use super::model::{Plain, Recipe};
use super::size::Size;
use super::system::check::{self, incomplete};
use super::system::{Login, System};
use crate::toolchain::Target;

/// What the command line says against the recipe.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// `--base`, relative to the working directory.
    pub base: Option<String>,
    /// `--target`.
    pub target: Option<Target>,
    /// `--free`.
    pub free: Option<Size>,
    /// `--overlay`, added after those of the recipe.
    pub overlays: Vec<PathBuf>,
}

/// How to build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The images that everything may be added to, in order of preference; one at least.
    pub base: Vec<BaseChoice>,
    /// The kind of board.
    pub target: Target,
    /// Trees of files, in order; names of built-in ones and absolute paths.
    pub overlays: Vec<String>,
    /// Bytes to leave free on the root file system.
    pub free: u64,
    /// Who may log in over SSH.
    pub login: Login,
    /// A name of the time-zone database.
    pub timezone: String,
    /// The rest of the operating system's settings.
    pub system: System,
    /// Packages of the operating system beside those of every base.
    pub packages: Vec<String>,
    /// The broker.
    pub broker: BrokerPlan,
}

/// The broker's settings, as far as a recipe decides them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerPlan {
    /// Who reaches a listener without TLS.
    pub plain: Plain,
    /// mosquitto.conf's `log_type`.
    pub log_types: Vec<String>,
    /// Whether state outlives a restart.
    pub persistence: bool,
    /// Seconds between two saves.
    pub autosave_interval: u32,
    /// Further lines of configuration; may be empty.
    pub extra: String,
}

impl Recipe {
    /// Resolves this recipe, which [`load`](fn@super::load) has completed, with what the command
    /// line says against it. Relative paths are relative to `dir`.
    pub fn resolve(self, overrides: Overrides, dir: &Path) -> anyhow::Result<Plan> {
        let base = overrides.base.map(BaseNames::One).or(self.base);
        let base = base.context(incomplete("base"))?;
        let base = base.names().iter().map(|name| base::choice(name, dir));
        let target = match overrides.target {
            Some(target) => target,
            None => self.target.context(incomplete("target"))?.parse()?,
        };
        let own = self.overlays.context(incomplete("overlays"))?;
        let own = own.into_iter().map(|overlay| {
            if is_path(&overlay) {
                absolute(dir, &overlay)
            } else {
                overlay
            }
        });
        let added = overrides
            .overlays
            .iter()
            .map(|path| absolute(dir, &path.to_string_lossy()));
        let broker = self.broker;
        let (login, timezone, system) = self.system.resolve(dir)?;
        let log_types = broker.log_types.context(incomplete("broker.log-types"))?;
        for log_type in &log_types {
            check::words("broker.log-types", log_type, |c| c.is_ascii_lowercase())?;
        }
        Ok(Plan {
            base: base.collect::<anyhow::Result<_>>()?,
            target,
            overlays: own.chain(added).collect(),
            free: overrides
                .free
                .or(self.free)
                .context(incomplete("free"))?
                .bytes(),
            login,
            timezone,
            packages: system.needed_packages(),
            system,
            broker: BrokerPlan {
                plain: broker.plain.context(incomplete("broker.plain"))?,
                log_types,
                persistence: broker
                    .persistence
                    .context(incomplete("broker.persistence"))?,
                autosave_interval: broker
                    .autosave_interval
                    .context(incomplete("broker.autosave-interval"))?,
                extra: broker.extra.unwrap_or_default(),
            },
        })
    }
}

/// Whether `text` names a file rather than something built in.
fn is_path(text: &str) -> bool {
    text.contains('/') || text.contains('.')
}

fn absolute(dir: &Path, path: &str) -> String {
    dir.join(path).to_string_lossy().into_owned()
}
