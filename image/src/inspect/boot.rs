//! What lies on the FAT partition for the first boot, and what should not lie there.

use serde::Serialize;

use super::files::text;
use super::finding::Finding;
use crate::card::{Card, CardError};
use crate::fat::FatKind;
use crate::secrets::{SecretKind, secrets};
use crate::system::{Detected, FirstBoot};

/// Texts for people and first-boot programs are shorter.
const LARGEST: u64 = 1 << 20;
/// No card has more; a damaged directory may.
const MOST: usize = 10_000;
const DEEPEST: usize = 8;

/// A file by which settings are given to the first boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FirstBootFile {
    /// Its name on the FAT partition.
    pub name: &'static str,
    /// Whether this system reads it.
    pub read: bool,
}

/// Where a secret lies that everybody can read who has the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretOnBoot {
    /// The file.
    pub path: String,
    /// The line in it.
    pub line: usize,
    /// What it looks like.
    pub kind: SecretKind,
}

/// The files that some release of Raspberry Pi OS reads or read.
const NAMES: [&str; 10] = [
    "custom.toml",
    "firstrun.sh",
    "userconf",
    "userconf.txt",
    "ssh",
    "ssh.txt",
    "wpa_supplicant.conf",
    "user-data",
    "network-config",
    "rpi-preseed.toml",
];

/// Those of the files that are there and set something.
pub(super) fn first_boot_files(
    card: &Card,
    detected: &Detected,
) -> Result<Vec<FirstBootFile>, CardError> {
    let cloud_init_is_off = card.find("/etc/cloud/cloud-init.disabled")?.is_some();
    let cmdline = text(card, "/boot/firmware/cmdline.txt")?;
    let is_raspberry_pi_os = detected.first_boot.is_raspberry_pi_os();
    let mut files = Vec::new();
    for name in NAMES {
        if !matches!(card.boot().kind(name)?, Some(FatKind::File(_))) {
            continue;
        }
        let is_seed = matches!(name, "user-data" | "network-config");
        // Raspberry Pi OS ships these with comments alone.
        if is_seed && is_comment(&text(card, &format!("/boot/firmware/{name}"))?) {
            continue;
        }
        let read = match name {
            "custom.toml" => detected.reads_custom_toml(),
            "firstrun.sh" => is_raspberry_pi_os && cmdline.contains("systemd.run="),
            "userconf" | "userconf.txt" | "ssh" | "ssh.txt" => is_raspberry_pi_os,
            "user-data" | "network-config" => {
                detected.first_boot == FirstBoot::CloudInit && !cloud_init_is_off
            }
            "rpi-preseed.toml" => detected.first_boot == FirstBoot::Preseed,
            _ => false,
        };
        files.push(FirstBootFile { name, read });
    }
    Ok(files)
}

fn is_comment(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    lines.all(|line| line.is_empty() || line.starts_with('#'))
}

/// Looks through all texts on the FAT partition.
pub(super) fn secrets_on_boot(card: &Card) -> Result<Vec<SecretOnBoot>, CardError> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = folders.pop() {
        for entry in card.boot().list(&folder)? {
            seen += 1;
            if seen > MOST {
                return Ok(found);
            }
            let path = if folder.is_empty() {
                entry.name
            } else {
                format!("{folder}/{}", entry.name)
            };
            match entry.kind {
                FatKind::Directory if depth < DEEPEST => folders.push((path, depth + 1)),
                FatKind::File(size) if size <= LARGEST => {
                    let bytes = card.boot().read(&path)?.unwrap_or_default();
                    found.extend(secrets(&bytes).into_iter().map(|secret| SecretOnBoot {
                        path: format!("/boot/firmware/{path}"),
                        line: secret.line,
                        kind: secret.kind,
                    }));
                }
                FatKind::Directory | FatKind::File(_) => {}
            }
        }
    }
    found.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    Ok(found)
}

pub(super) fn findings(files: &[FirstBootFile], secrets: &[SecretOnBoot]) -> Vec<Finding> {
    let ignored = files.iter().filter(|file| !file.read).map(|file| {
        let path = format!("/boot/firmware/{}", file.name);
        Finding::new(
            path,
            "this system does not read it: its settings would be ignored",
        )
    });
    let open = secrets.iter().map(|secret| {
        let what = format!(
            "line {} has {}, and everybody with the card can read it",
            secret.line, secret.kind
        );
        Finding::new(&secret.path, what)
    });
    ignored.chain(open).collect()
}
