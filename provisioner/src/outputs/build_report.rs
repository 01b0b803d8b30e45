//! The report beside an image: what was written, and what it was made of.

use data_encoding::HEXLOWER;
use image::{Card, Report, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::facts::{BaseFacts, BrokerFacts, Facts, PlanFacts};

/// The whole report. Its first level is that of [`Report`], so that whoever wants only that reads it too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BuildReport {
    /// What was written.
    #[serde(flatten)]
    pub report: Report,
    /// The version of this program.
    pub provision: String,
    /// The recipe's name.
    pub recipe: String,
    /// What the recipe and the flags came to.
    pub plan: PlanFacts,
    /// The kind of board.
    pub target: String,
    /// The host's name.
    pub host: String,
    /// The broker.
    pub broker: BrokerFacts,
    /// What the image began with.
    pub base: BaseFacts,
    /// The date of all that was written.
    pub date: String,
    /// The files beside the image that were made with it, by name.
    pub outputs: Vec<OutputFacts>,
    /// Files with settings that lie on the FAT partition: those that are there later have been added.
    pub first_boot_files: Vec<SeedFacts>,
}

/// A file with settings for a first boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedFacts {
    /// Where it is: `/boot/firmware/custom.toml`.
    pub path: String,
    /// Its sha256, or `secret` if a secret is in it.
    pub sha256: String,
}

impl SeedFacts {
    /// Those of `card`.
    pub(super) fn of(card: &Card) -> anyhow::Result<Vec<Self>> {
        let mut files = Vec::new();
        for file in card.seed_files().map_err(image::Error::from)? {
            let sha256 = if file.secrets.is_empty() {
                let bytes = card.read(&file.path).map_err(image::Error::from)?;
                HEXLOWER.encode(&Sha256::digest(bytes.unwrap_or_default()))
            } else {
                "secret".to_owned()
            };
            files.push(Self {
                path: file.path,
                sha256,
            });
        }
        Ok(files)
    }
}

/// A file that was made with the image, or the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFacts {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its sha256, if it was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl BuildReport {
    pub(super) fn new(
        report: &Report,
        facts: &Facts<'_>,
        card: &Card,
        outputs: Vec<OutputFacts>,
    ) -> anyhow::Result<Self> {
        let mut report = report.clone();
        for written in &mut report.written {
            written.origin = facts.origin(&written.origin);
        }
        Ok(Self {
            report,
            provision: env!("CARGO_PKG_VERSION").to_owned(),
            recipe: facts.recipe.clone(),
            plan: facts.plan()?,
            target: facts.target().name().to_owned(),
            host: facts.host.to_owned(),
            broker: broker(facts),
            base: facts.base.clone(),
            date: date(facts.timestamp),
            outputs,
            first_boot_files: SeedFacts::of(card)?,
        })
    }

    /// The text of the file.
    pub(super) fn render(&self) -> anyhow::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }
}

pub(super) fn broker(facts: &Facts<'_>) -> BrokerFacts {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    BrokerFacts {
        release: facts.release.to_owned(),
        // The workspace has one version for all its packages.
        version: facts.compiled.then_some(version),
        sha256: HEXLOWER.encode(&Sha256::digest(&facts.broker.bytes)),
    }
}

fn date(timestamp: Timestamp) -> String {
    timestamp.to_string()
}
