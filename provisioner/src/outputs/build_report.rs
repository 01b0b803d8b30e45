//! The report beside an image: what was written, and what it was made of.

use data_encoding::HEXLOWER;
use image::{Report, Timestamp};
use serde::Serialize;
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
}

/// A file that was made with the image, or the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputFacts {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its sha256, if it was computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl BuildReport {
    pub(super) fn new(
        report: &Report,
        facts: &Facts<'_>,
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
