//! A recipe, resolved: no option, no relative path, no number without a unit.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::model::{Plain, Recipe, Sudo};
use super::size::Size;
use crate::hint::{Fault, nearest};
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
    /// The image that everything is added to.
    pub base: BaseChoice,
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
    /// The broker.
    pub broker: BrokerPlan,
}

/// A base image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseChoice {
    /// Built from Debian's packages.
    Debian,
    /// An image file.
    File(PathBuf),
}

/// The user that may log in over SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub name: String,
    /// What it may do as root.
    pub sudo: Sudo,
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
        let base = overrides.base.or(self.base).context(incomplete("base"))?;
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
        let timezone = self
            .system
            .timezone
            .context(incomplete("system.timezone"))?;
        check_words("system.timezone", &timezone, |c| {
            c.is_ascii_alphanumeric() || "_+-/".contains(c)
        })?;
        let log_types = broker.log_types.context(incomplete("broker.log-types"))?;
        for log_type in &log_types {
            check_words("broker.log-types", log_type, |c| c.is_ascii_lowercase())?;
        }
        Ok(Plan {
            base: base_choice(&base, dir)?,
            target,
            overlays: own.chain(added).collect(),
            free: overrides
                .free
                .or(self.free)
                .context(incomplete("free"))?
                .bytes(),
            login: Login {
                name: self
                    .system
                    .login
                    .name
                    .context(incomplete("system.login.name"))?,
                sudo: self
                    .system
                    .login
                    .sudo
                    .context(incomplete("system.login.sudo"))?,
            },
            timezone,
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

fn base_choice(base: &str, dir: &Path) -> anyhow::Result<BaseChoice> {
    const NAMES: [&str; 1] = ["debian"];
    if base == "debian" {
        return Ok(BaseChoice::Debian);
    }
    let path = dir.join(base);
    if is_path(base) || path.exists() {
        return Ok(BaseChoice::File(path));
    }
    let fault = Fault::input(format!("there is no base {base}, and no file of that name"));
    Err(match nearest(base, NAMES) {
        Some(near) => fault.hint(format!("did you mean {near}?")),
        None => fault.hint("a base is `debian`, or the path of an .img or .img.xz"),
    }
    .into())
}

/// Refuses a value that would mean something else where it is written: a line break, a dot.
fn check_words(key: &str, value: &str, allowed: impl Fn(char) -> bool) -> anyhow::Result<()> {
    if value.is_empty() || !value.chars().all(allowed) {
        return Err(Fault::input(format!(
            "{key}: {value:?} has characters that none of its values has"
        ))
        .into());
    }
    Ok(())
}

/// Whether `text` names a file rather than something built in.
fn is_path(text: &str) -> bool {
    text.contains('/') || text.contains('.')
}

fn absolute(dir: &Path, path: &str) -> String {
    dir.join(path).to_string_lossy().into_owned()
}

fn incomplete(key: &str) -> String {
    format!("the built-in default recipe has no {key}")
}
