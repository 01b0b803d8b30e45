//! Settings that somebody has put on the FAT partition for the first boot: what they are, whether this
//! system would take them, and whether a secret is among them. Names only: no value leaves this file.

use super::detect::{Detected, FirstBoot};
use super::forms::{Form, is_secret, settings};
use crate::bootconfig::Cmdline;
use crate::card::{Card, CardError};

/// A file with settings on the FAT partition.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SeedFile {
    /// `/boot/firmware/custom.toml`.
    pub path: String,
    /// What the system does with it.
    pub fate: Fate,
    /// What it sets, by name: `hostname`, `user.password`.
    pub settings: Vec<String>,
    /// Those of them that are secret, which everybody can read who has the card.
    pub secrets: Vec<String>,
}

/// What becomes of a file with settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// The system takes it at its first boot, over whatever was written before.
    Applied,
    /// Nothing reads it.
    Ignored,
}

/// The names on the FAT partition, and what is in them.
const FILES: [(&str, Form); 10] = [
    ("custom.toml", Form::Toml),
    ("firstrun.sh", Form::Script),
    ("network-config", Form::Yaml),
    ("rpi-preseed.toml", Form::Toml),
    ("ssh", Form::Mark),
    ("ssh.txt", Form::Mark),
    ("user-data", Form::Yaml),
    ("userconf", Form::UserConf),
    ("userconf.txt", Form::UserConf),
    ("wpa_supplicant.conf", Form::Supplicant),
];

/// More than this of a file isn't looked at.
const LONGEST: usize = 256 << 10;

impl Card {
    /// The files with settings that lie on the FAT partition. Stock ones, with nothing but comments, are none.
    pub fn seed_files(&self) -> Result<Vec<SeedFile>, CardError> {
        let detected = self.first_boot()?;
        let mut found = Vec::new();
        for (name, form) in FILES {
            let path = format!("/boot/firmware/{name}");
            let Some(bytes) = self.read(&path)? else {
                continue;
            };
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]);
            let settings = settings(form, &text);
            if settings.is_empty() {
                continue;
            }
            let secrets = settings
                .iter()
                .filter(|name| is_secret(form, name))
                .cloned();
            found.push(SeedFile {
                fate: self.fate(name, &detected)?,
                secrets: secrets.collect(),
                settings,
                path,
            });
        }
        Ok(found)
    }

    /// Those of them that nothing would read.
    pub fn ignored_settings(&self) -> Result<Vec<SeedFile>, CardError> {
        let mut files = self.seed_files()?;
        files.retain(|file| file.fate == Fate::Ignored);
        Ok(files)
    }

    fn fate(&self, name: &str, detected: &Detected) -> Result<Fate, CardError> {
        let has = |path: &str| Ok::<_, CardError>(self.find(path)?.is_some());
        let applied = match name {
            "custom.toml" => detected.reads_custom_toml(),
            "rpi-preseed.toml" => detected.first_boot == FirstBoot::Preseed,
            "user-data" | "network-config" => {
                detected.first_boot == FirstBoot::CloudInit
                    && !has("/etc/cloud/cloud-init.disabled")?
            }
            "userconf" | "userconf.txt" => {
                has("/usr/lib/systemd/system/userconfig.service")?
                    && has("/etc/systemd/system/multi-user.target.wants/userconfig.service")?
            }
            "ssh" | "ssh.txt" => has("/usr/lib/systemd/system/sshswitch.service")?,
            // systemd.run is part of systemd, so that this works everywhere.
            "firstrun.sh" => self.runs_firstrun()?,
            // NetworkManager has taken its place.
            _ => false,
        };
        Ok(if applied {
            Fate::Applied
        } else {
            Fate::Ignored
        })
    }

    fn runs_firstrun(&self) -> Result<bool, CardError> {
        let bytes = self.read("/boot/firmware/cmdline.txt")?.unwrap_or_default();
        let Ok(cmdline) = Cmdline::parse(&String::from_utf8_lossy(&bytes)) else {
            return Ok(false);
        };
        let program = cmdline.value("systemd.run");
        Ok(program.is_some_and(|program| program.contains("firstrun.sh")))
    }
}
