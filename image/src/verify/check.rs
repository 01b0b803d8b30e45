//! The walk over a report.

use serde::Serialize;

use super::disk;
use super::paths::PathCheck;
use super::settled::Settled;
use super::used;
use crate::card::{Card, CardError};
use crate::progress::Progress;
use crate::report::Report;

/// The outcome for one path, or for something of the card as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The path, or in words what was looked at.
    pub what: String,
    /// How it is.
    pub status: Status,
    /// What is otherwise than the report says, and why if that is known; empty if nothing is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// How something is beside what the report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it was written.
    Same,
    /// As a boot makes it of what was written.
    Expected,
    /// It could not be looked at.
    Skipped,
    /// Otherwise.
    Differs,
}

impl Status {
    /// The word for it, the same for people and in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Expected => "expected",
            Self::Skipped => "skipped",
            Self::Differs => "differs",
        }
    }
}

/// How a card came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was shut down, or never ran.
    ShutDown,
    /// It was not: what is looked at is a copy whose journal was replayed.
    Replayed,
}

/// What became of the things in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// By what it is seen that the card has run; empty if it hasn't.
    pub used: Vec<String>,
    /// Every thing that was looked at, in the order of the report.
    pub checks: Vec<Checked>,
    /// Whether it ended early, because [`Progress::cancelled`] said so.
    #[serde(skip)]
    pub cancelled: bool,
}

impl Verification {
    /// How many things have this status.
    pub fn count(&self, status: Status) -> usize {
        let matching = self.checks.iter().filter(|check| check.status == status);
        matching.count()
    }
}

impl Checked {
    pub(super) fn new(what: impl Into<String>, status: Status, why: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            status,
            why: why.into(),
        }
    }

    pub(super) fn same(what: impl Into<String>) -> Self {
        Self::new(what, Status::Same, "")
    }
}

/// Compares `card` with what `report` says of the image that it was made as.
///
/// # Errors
///
/// Only if the card can't be read: what differs is a result.
pub fn verify(
    card: &Card,
    report: &Report,
    end: End,
    progress: &mut dyn Progress,
) -> Result<Verification, CardError> {
    let mut used = used::evidence(card, report)?;
    if end == End::Replayed {
        used.push("it was not shut down".to_owned());
    }
    let mut checks = disk::table(card, report, !used.is_empty());
    progress.begin("Checking card", Some(report.written.len() as u64));
    let settled = Settled::read(card, report)?;
    let paths = PathCheck {
        card,
        report,
        settled: &settled,
        is_used: !used.is_empty(),
    };
    let mut cancelled = false;
    for written in &report.written {
        cancelled = cancelled || progress.cancelled();
        if !cancelled {
            checks.push(paths.check(written)?);
            progress.advance(1);
        }
    }
    if !cancelled {
        checks.extend(disk::file_systems(card, end));
    }
    progress.end("Checked card");
    Ok(Verification {
        used,
        checks,
        cancelled,
    })
}
