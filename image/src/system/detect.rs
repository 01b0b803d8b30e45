//! Telling systems apart by the files that make the difference.

use std::fmt;

use super::issue::Issue;
use crate::card::{Card, CardError};
use crate::release::{Architecture, OsRelease};

/// Marks of rpi-preseed, which is not installed together with cloud-init.
const PRESEED: [&str; 2] = [
    "/usr/bin/rpi-preseed",
    "/usr/lib/systemd/system/rpi-preseed.service",
];
/// How cloud-init is told to read the FAT partition, and what it reads there. Both must be there: the first
/// alone is also in images that were made without it.
const CLOUD_INIT: [&str; 2] = [
    "/etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg",
    "/boot/firmware/user-data",
];
/// The program that runs instead of systemd at the first boot, and its reader of `custom.toml`.
const SYSTEMD: [&str; 2] = [
    "/usr/lib/raspberrypi-sys-mods/firstboot",
    "/usr/lib/raspberrypi-sys-mods/init_config",
];
/// What Raspberry Pi OS without either has: no `custom.toml`, but a `firstrun.sh` finds its helpers.
const HELPERS: [&str; 2] = [
    "/usr/lib/raspberrypi-sys-mods/imager_custom",
    "/usr/lib/userconf-pi/userconf",
];

/// How a system takes settings at its first boot. What this crate writes needs none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirstBoot {
    /// Raspberry Pi OS bookworm: `custom.toml`, or a `firstrun.sh` that the command line names.
    Systemd,
    /// Raspberry Pi OS trixie since 2025-11: cloud-init with its files on the FAT partition.
    CloudInit,
    /// Raspberry Pi OS with rpi-preseed.
    Preseed,
    /// Plain Debian, which has nothing of the kind.
    Debian,
    /// Something else.
    Unknown,
}

impl FirstBoot {
    /// The name that rpi-imager's list of systems has for it (`init_format`); none for the last two.
    pub const fn init_format(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::CloudInit => "cloudinit-rpi",
            Self::Preseed => "rpi-preseed",
            Self::Debian | Self::Unknown => "none",
        }
    }

    /// Whether it is Raspberry Pi OS, with its wizard for the first user and its own growth.
    pub const fn is_raspberry_pi_os(self) -> bool {
        matches!(self, Self::Systemd | Self::CloudInit | Self::Preseed)
    }
}

impl fmt::Display for FirstBoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Systemd => "Raspberry Pi OS with custom.toml or firstrun.sh",
            Self::CloudInit => "Raspberry Pi OS with cloud-init",
            Self::Preseed => "Raspberry Pi OS with rpi-preseed",
            Self::Debian => "Debian",
            Self::Unknown => "an unknown system",
        })
    }
}

/// What `/etc/machine-id` says of whether the system has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineId {
    /// `uninitialized`, or no file: the next boot is the first (`ConditionFirstBoot=`), and systemd
    /// enables every unit that no preset forbids.
    FirstBoot,
    /// An empty file: a number is made up at boot, but presets are not looked at.
    Empty,
    /// A number: the system has run, or would have others believe so.
    Set,
}

/// How the root file system comes to fill its card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Growth {
    /// `resize` on the kernel's command line, which the initramfs acts on (trixie).
    Resize,
    /// `init=…/firstboot` on the kernel's command line (bookworm).
    Init,
}

/// What was found out about a card.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Detected {
    /// How it takes settings.
    pub first_boot: FirstBoot,
    /// The files by which that was told.
    pub evidence: Vec<&'static str>,
    /// Why it may be otherwise, in words; empty if nothing speaks against it.
    pub doubts: Vec<String>,
    /// When and of what the image was made, if it says so.
    pub issue: Option<Issue>,
    /// Its name and version.
    pub release: OsRelease,
    /// What its programs are compiled for.
    pub architecture: Option<Architecture>,
    /// Whether it has run.
    pub machine_id: MachineId,
    /// How it grows by itself, if it still will.
    pub growth: Option<Growth>,
}

impl Detected {
    /// Whether nothing speaks against what was told.
    pub fn is_sure(&self) -> bool {
        self.doubts.is_empty()
    }

    /// Whether a `custom.toml` on the FAT partition would be read.
    pub fn reads_custom_toml(&self) -> bool {
        self.first_boot == FirstBoot::Systemd && self.evidence.contains(&SYSTEMD[1])
    }

    pub(crate) fn of(card: &Card) -> Result<Self, CardError> {
        let release = card.os_release()?;
        let mut issue = None;
        for path in Issue::PATHS {
            if issue.is_none() {
                let bytes = card.read(path)?;
                issue = bytes.map(|bytes| Issue::parse(&String::from_utf8_lossy(&bytes)));
            }
        }
        let mut detected = Self {
            first_boot: FirstBoot::Unknown,
            evidence: Vec::new(),
            doubts: Vec::new(),
            issue,
            release,
            architecture: card.architecture()?,
            machine_id: machine_id(card)?,
            growth: growth(card)?,
        };
        detected.tell(card)?;
        detected.compare();
        Ok(detected)
    }

    /// Finds the mechanism; the order matters, since each has remains of those before it.
    fn tell(&mut self, card: &Card) -> Result<(), CardError> {
        let preseed = present(card, PRESEED)?;
        let cloud = present(card, CLOUD_INIT)?;
        let systemd = present(card, SYSTEMD)?;
        let helpers = present(card, HELPERS)?;
        if !preseed.is_empty() {
            if cloud.contains(&CLOUD_INIT[0]) {
                self.doubt("both rpi-preseed and cloud-init are there, which exclude each other");
            }
            self.found(FirstBoot::Preseed, preseed);
        } else if cloud.len() == CLOUD_INIT.len() {
            self.found(FirstBoot::CloudInit, cloud);
        } else if systemd.len() == SYSTEMD.len() {
            self.found(FirstBoot::Systemd, systemd);
        } else if cloud.contains(&CLOUD_INIT[0]) || !systemd.is_empty() || !helpers.is_empty() {
            self.incomplete(cloud, systemd, helpers);
        } else if matches!(self.release.id.as_str(), "debian" | "raspbian") && self.issue.is_none()
        {
            self.found(FirstBoot::Debian, vec!["/etc/os-release"]);
            if card.find("/usr/bin/cloud-init")?.is_some() {
                self.doubt("cloud-init is installed, not as Raspberry Pi OS has it");
            }
        }
        Ok(())
    }

    /// Raspberry Pi OS, but not all of one kind. A `user-data` alone proves nothing: anybody can put it there.
    fn incomplete(
        &mut self,
        cloud: Vec<&'static str>,
        systemd: Vec<&'static str>,
        helpers: Vec<&'static str>,
    ) {
        for path in CLOUD_INIT {
            if !cloud.is_empty() && !cloud.contains(&path) {
                self.doubt(&format!("of cloud-init's files, {path} is missing"));
            }
        }
        if cloud.is_empty() {
            self.doubt("its first-boot programs are not all there: custom.toml would be ignored");
        }
        self.found(FirstBoot::Systemd, [cloud, systemd, helpers].concat());
    }

    fn found(&mut self, first_boot: FirstBoot, evidence: Vec<&'static str>) {
        self.first_boot = first_boot;
        self.evidence = evidence;
    }

    fn doubt(&mut self, reason: &str) {
        self.doubts.push(reason.to_owned());
    }

    /// Looks whether the release's name agrees with what was told.
    fn compare(&mut self) {
        let codename = self.release.codename.clone();
        if codename.is_empty() {
            self.doubt("/etc/os-release names no release");
        }
        let expected = match self.first_boot {
            FirstBoot::Systemd if self.reads_custom_toml() => "bookworm",
            FirstBoot::CloudInit | FirstBoot::Preseed => "trixie",
            FirstBoot::Systemd | FirstBoot::Debian => return,
            FirstBoot::Unknown => {
                self.doubt("it has no first-boot mechanism that is known, and is not plain Debian");
                return;
            }
        };
        if !codename.is_empty() && codename != expected {
            self.doubt(&format!(
                "{} is known from {expected}, and this is {codename}",
                self.first_boot
            ));
        }
        if self.issue.is_none() {
            self.doubt("there is no /etc/rpi-issue, which every Raspberry Pi OS has");
        }
    }
}

impl Card {
    /// What system is on the card, and how it would be set up at its first boot: told by its files.
    pub fn first_boot(&self) -> Result<Detected, CardError> {
        Detected::of(self)
    }
}

fn present<const N: usize>(
    card: &Card,
    paths: [&'static str; N],
) -> Result<Vec<&'static str>, CardError> {
    let mut found = Vec::new();
    for path in paths {
        if card.find(path)?.is_some() {
            found.push(path);
        }
    }
    Ok(found)
}

fn machine_id(card: &Card) -> Result<MachineId, CardError> {
    let bytes = card.read("/etc/machine-id")?;
    let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    Ok(match text.as_deref() {
        None | Some("uninitialized") => MachineId::FirstBoot,
        Some("") => MachineId::Empty,
        Some(_) => MachineId::Set,
    })
}

fn growth(card: &Card) -> Result<Option<Growth>, CardError> {
    let bytes = card.read("/boot/firmware/cmdline.txt")?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let growth = text.split_whitespace().find_map(|word| match word {
        "resize" => Some(Growth::Resize),
        "init=/usr/lib/raspberrypi-sys-mods/firstboot" => Some(Growth::Init),
        _ => None,
    });
    Ok(growth)
}
