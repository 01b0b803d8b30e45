//! What is known of a build beside what was written.

use image::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::bases::{Base, What};
use crate::recipe::{BrokerPlan, Plain, Plan, Sudo};
use crate::toolchain::{BrokerBinary, Target};

/// What an image is made of and for. Nothing in it depends on the folder it is made in.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The recipe's name.
    pub recipe: String,
    /// How to build.
    pub plan: &'a Plan,
    /// What the image began with.
    pub base: BaseFacts,
    /// The site's host that it is for.
    pub host: &'a str,
    /// The id of the broker's release.
    pub release: &'a str,
    /// The broker.
    pub broker: &'a BrokerBinary,
    /// Whether it was compiled from the source at hand, or named by the user.
    pub compiled: bool,
    /// The date of everything that was written.
    pub timestamp: Timestamp,
}

/// What an image began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BaseFacts {
    /// `debian`, `official`, or `file`.
    pub kind: String,
    /// The name of the file, or of the base in the cache, which holds a digest of what it is made of.
    pub name: String,
    /// The sha256 of the file that was named, packed as it is; of an official image that of the raw one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl BaseFacts {
    /// The base that was taken.
    pub fn new(base: &Base) -> Self {
        let (kind, name) = match &base.what {
            What::Debian(_) => ("debian", base.image.file_stem()),
            What::Official(_) => ("official", base.image.file_stem()),
            What::File(path) => ("file", path.file_name()),
        };
        let sha256 = match &base.what {
            What::Official(image) => Some(image.extract_sha256.as_str()),
            What::Debian(_) | What::File(_) => base.sha256.as_deref(),
        };
        Self {
            kind: kind.to_owned(),
            name: name.unwrap_or_default().to_string_lossy().into_owned(),
            sha256: sha256.map(str::to_owned),
        }
    }
}

/// The broker on an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BrokerFacts {
    /// The id of its release: a digest of program and configuration.
    pub release: String,
    /// The version of its source, if it was compiled from the source at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The sha256 of the program.
    pub sha256: String,
}

/// The recipe and the flags, as they were resolved: all that went into the card but secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlanFacts {
    /// Names of the trees of files.
    pub overlays: Vec<String>,
    /// Bytes that were to be left free.
    pub free: u64,
    /// The user that may log in.
    pub login: String,
    /// Whether it has a password, which is not said.
    pub password: bool,
    /// What it may do as root.
    pub sudo: Sudo,
    /// A name of the time-zone database.
    pub timezone: String,
    /// Packages of the operating system beside those of every base: those that the settings need too.
    pub packages: Vec<String>,
    /// The rest of the operating system's settings, under the names that they have in a recipe.
    pub system: Value,
    /// The broker's settings.
    pub broker: BrokerPlanFacts,
}

/// The broker's settings, as far as a recipe decides them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BrokerPlanFacts {
    /// Who reaches a listener without TLS.
    pub plain: Plain,
    /// mosquitto.conf's `log_type`.
    pub log_types: Vec<String>,
    /// Whether state outlives a restart.
    pub persistence: bool,
    /// Seconds between two saves.
    pub autosave_interval: u32,
    /// The names of the options in further lines of configuration. What they are set to may be a password.
    pub extra: Vec<String>,
}

impl Facts<'_> {
    /// What the target is called.
    pub fn target(&self) -> Target {
        self.plan.target
    }

    /// What the recipe and the flags came to.
    pub(super) fn plan(&self) -> anyhow::Result<PlanFacts> {
        // Without `..`, so that nothing new is forgotten here.
        let Plan {
            base: _,
            target: _,
            overlays,
            free,
            login,
            timezone,
            system,
            packages,
            broker,
        } = self.plan;
        let overlays = overlays.iter().map(|overlay| short(overlay).to_owned());
        Ok(PlanFacts {
            overlays: overlays.collect(),
            free: *free,
            login: login.name.clone(),
            password: login.password.is_some(),
            sudo: login.sudo,
            timezone: timezone.clone(),
            packages: packages.clone(),
            system: serde_json::to_value(system)?,
            broker: BrokerPlanFacts::new(broker),
        })
    }

    /// Where something came from, without the folders of this computer.
    pub(super) fn origin(&self, origin: &str) -> String {
        let own = self
            .plan
            .overlays
            .iter()
            .filter(|overlay| overlay.starts_with('/'));
        let found = own.filter_map(|overlay| {
            let at = origin.find(overlay.as_str())?;
            let (before, after) = (&origin[..at], &origin[at + overlay.len()..]);
            let is_whole = after.is_empty() || after.starts_with('/');
            is_whole.then(|| (overlay.len(), format!("{before}{}{after}", short(overlay))))
        });
        // The longest one, if one lies in another.
        let found = found.max_by_key(|(length, _)| *length);
        found.map_or_else(|| origin.to_owned(), |(_, origin)| origin)
    }
}

impl BrokerPlanFacts {
    fn new(plan: &BrokerPlan) -> Self {
        let BrokerPlan {
            plain,
            log_types,
            persistence,
            autosave_interval,
            extra,
        } = plan;
        let lines = extra.lines().map(str::trim);
        let set = lines.filter(|line| !line.starts_with('#'));
        let names = set.filter_map(|line| line.split_whitespace().next());
        Self {
            plain: *plain,
            log_types: log_types.clone(),
            persistence: *persistence,
            autosave_interval: *autosave_interval,
            extra: names.map(str::to_owned).collect(),
        }
    }
}

/// The last part of a path; of a name the name.
fn short(overlay: &str) -> &str {
    let overlay = overlay.trim_end_matches('/');
    overlay.rsplit_once('/').map_or(overlay, |(_, name)| name)
}
