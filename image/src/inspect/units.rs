//! What starts at boot.

use serde::Serialize;

use super::finding::Finding;
use crate::card::{Card, CardError};
use crate::ext4::FoundKind;

const FOLDER: &str = "/etc/systemd/system";
const NOWHERE: &str = "/dev/null";

/// The units that somebody switched on or off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Units {
    /// Those that are linked into another's `wants` or `requires`.
    pub enabled: Vec<EnabledUnit>,
    /// Those that can't be started.
    pub masked: Vec<String>,
}

/// A unit that another one pulls in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EnabledUnit {
    /// `ssh.service`.
    pub name: String,
    /// `multi-user.target`.
    pub by: String,
    /// Where the link leads.
    pub file: String,
    /// Whether that is there.
    pub exists: bool,
}

pub(super) fn units(card: &Card) -> Result<Units, CardError> {
    let mut units = Units {
        enabled: Vec::new(),
        masked: Vec::new(),
    };
    for name in card.list(FOLDER)?.unwrap_or_default() {
        let path = format!("{FOLDER}/{name}");
        if let Some(by) = name
            .strip_suffix(".wants")
            .or(name.strip_suffix(".requires"))
        {
            for unit in card.list(&path)?.unwrap_or_default() {
                if let Some(target) = target(card, &format!("{path}/{unit}"))? {
                    units.enabled.push(EnabledUnit {
                        exists: leads(card, &path, &target)?,
                        name: unit,
                        by: by.to_owned(),
                        file: target,
                    });
                }
            }
        } else if target(card, &path)?.as_deref() == Some(NOWHERE) {
            units.masked.push(name);
        }
    }
    Ok(units)
}

fn target(card: &Card, path: &str) -> Result<Option<String>, CardError> {
    Ok(match card.find(path)?.map(|found| found.kind) {
        Some(FoundKind::Symlink(target)) => Some(target),
        _ => None,
    })
}

/// Whether a link in `folder` leads to something.
fn leads(card: &Card, folder: &str, target: &str) -> Result<bool, CardError> {
    let whole = if target.starts_with('/') {
        target.to_owned()
    } else {
        format!("{folder}/{target}")
    };
    Ok(card.root().resolve(&whole)?.is_some())
}

pub(super) fn findings(units: &Units) -> Vec<Finding> {
    let dead = units.enabled.iter().filter(|unit| !unit.exists);
    dead.map(|unit| {
        Finding::new(
            &unit.name,
            format!("is enabled, and {} is not there", unit.file),
        )
    })
    .collect()
}
