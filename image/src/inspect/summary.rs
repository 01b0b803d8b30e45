//! All of it.

use std::error::Error as _;

use serde::Serialize;

use super::accounts::{self, User};
use super::boot::{self, SecretOnBoot};
use super::finding::Finding;
use super::network::{self, Connection, Radio};
use super::partitions::{PartitionFacts, partitions};
use super::settings::{Settings, settings};
use super::units::{self, Units};
use crate::card::{Card, CardError};
use crate::fat::{Fat, FatDamage, FatError};
use crate::misnamed::misnamed;
use crate::system::{Detected, SeedFile};

/// What is on a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The size of the image or the card in bytes.
    pub size: u64,
    /// The first half of every `PARTUUID`.
    pub disk_id: String,
    /// The partitions.
    pub partitions: Vec<PartitionFacts>,
    /// Which system it is, and how it takes settings at its first boot.
    pub system: Detected,
    /// The versions of the kernels that have modules.
    pub kernels: Vec<String>,
    /// The boards that device trees are there for. A board may need more than that.
    pub device_trees: Vec<&'static str>,
    /// Names and places.
    pub settings: Settings,
    /// Root and people.
    pub users: Vec<User>,
    /// NetworkManager's profiles.
    pub connections: Vec<Connection>,
    /// The Wi-Fi radio.
    pub radio: Radio,
    /// What starts at boot.
    pub units: Units,
    /// Settings for the first boot on the FAT partition.
    pub first_boot_files: Vec<SeedFile>,
    /// Secrets on the FAT partition.
    pub secrets_on_boot: Vec<SecretOnBoot>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Device trees by the name of their file, in the kernels of Raspberry Pi and of Debian.
const TREES: [(&str, &str); 14] = [
    ("bcm2708-rpi-b.dtb", "Raspberry Pi 1"),
    ("bcm2835-rpi-b.dtb", "Raspberry Pi 1"),
    ("bcm2708-rpi-zero.dtb", "Raspberry Pi Zero"),
    ("bcm2835-rpi-zero.dtb", "Raspberry Pi Zero"),
    ("bcm2709-rpi-2-b.dtb", "Raspberry Pi 2"),
    ("bcm2836-rpi-2-b.dtb", "Raspberry Pi 2"),
    ("bcm2710-rpi-3-b.dtb", "Raspberry Pi 3"),
    ("bcm2837-rpi-3-b.dtb", "Raspberry Pi 3"),
    ("bcm2710-rpi-zero-2-w.dtb", "Raspberry Pi Zero 2 W"),
    ("bcm2837-rpi-zero-2-w.dtb", "Raspberry Pi Zero 2 W"),
    ("bcm2711-rpi-4-b.dtb", "Raspberry Pi 4"),
    ("bcm2838-rpi-4-b.dtb", "Raspberry Pi 4"),
    ("bcm2712-rpi-5-b.dtb", "Raspberry Pi 5"),
    ("bcm2712-d-rpi-5-b.dtb", "Raspberry Pi 5"),
];

/// Looks at everything that people ask about a card.
///
/// # Errors
///
/// Only if it can't be read: what is wrong with it is a finding.
pub fn inspect(card: &Card) -> Result<Inspection, CardError> {
    let damage = fat_damage(card);
    // The cause says more than the first file that can't be read because of it.
    look(card, damage.as_ref()).map_err(|error| match (error, damage) {
        (CardError::Boot(_), Some(damage)) => CardError::Boot(damage),
        (error, _) => error,
    })
}

/// What is wrong with the FAT file system itself. A wrong count of what is free harms nobody.
fn fat_damage(card: &Card) -> Option<FatError> {
    let checked = Fat::check(card.path(), card.mbr().boot().ok()?);
    checked.err().filter(|error| {
        !matches!(
            error,
            FatError::Damaged {
                source: FatDamage::FreeCount { .. },
                ..
            }
        )
    })
}

fn look(card: &Card, damage: Option<&FatError>) -> Result<Inspection, CardError> {
    let system = card.first_boot()?;
    let users = accounts::users(card)?;
    let units = units::units(card)?;
    let connections = network::connections(card)?;
    let radio = network::radio(card)?;
    let first_boot_files = card.seed_files()?;
    let secrets_on_boot = boot::secrets_on_boot(card)?;
    let mut findings = Vec::new();
    if let Some(why) = card.root().unclean() {
        findings.push(Finding::new("ext4 file system", why.to_string()));
    }
    if let Some(damage) = damage {
        // The text of what lies below is the one that says what is wrong.
        let what = damage
            .source()
            .map_or_else(|| damage.to_string(), ToString::to_string);
        findings.push(Finding::new(
            "FAT file system",
            format!("it is damaged: {what}"),
        ));
    }
    let misnamed = misnamed(card)?.into_iter();
    findings.extend(misnamed.map(|wrong| Finding::new(wrong.file, wrong.to_string())));
    findings.extend(
        system
            .doubts
            .iter()
            .map(|doubt| Finding::new("system", doubt)),
    );
    findings.extend(accounts::findings(&users));
    findings.extend(units::findings(&units));
    findings.extend(network::findings(&connections, &radio));
    findings.extend(boot::findings(&first_boot_files, &secrets_on_boot));
    Ok(Inspection {
        size: card.size(),
        disk_id: format!("{:08x}", card.mbr().disk_id()),
        partitions: partitions(card)?,
        system,
        kernels: card.list("/usr/lib/modules")?.unwrap_or_default(),
        device_trees: device_trees(card)?,
        settings: settings(card)?,
        users,
        connections,
        radio,
        units,
        first_boot_files,
        secrets_on_boot,
        findings,
    })
}

fn device_trees(card: &Card) -> Result<Vec<&'static str>, CardError> {
    let names: Vec<_> = card
        .boot()
        .list("")?
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    let mut boards: Vec<_> = TREES
        .iter()
        .filter(|(tree, _)| names.iter().any(|name| name == tree))
        .map(|(_, board)| *board)
        .collect();
    boards.dedup();
    Ok(boards)
}
