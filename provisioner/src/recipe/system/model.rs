//! All that a recipe says of the operating system.

use std::path::Path;

use anyhow::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::boot::{self, Cmdline, CmdlineRecipe, FirmwareSetting};
use super::check::{self, incomplete};
use super::locale::{self, Keyboard, KeyboardRecipe};
use super::login::{Login, LoginRecipe};
use super::network::{Network, NetworkRecipe};
use super::ssh::{Ssh, SshRecipe};
use super::upkeep::{self, Journal, JournalRecipe, Ntp, NtpRecipe, SdCard, SdCardRecipe, Upgrades};
use super::wifi::{Wifi, WifiRecipe};
use crate::hint::Fault;
use crate::recipe::layers::layered;

/// What a recipe says of the operating system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SystemRecipe {
    /// The Pi's name [default: that of the site's host].
    #[schemars(regex(pattern = "^(?![0-9]+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub hostname: Option<String>,
    /// Who may log in.
    pub login: LoginRecipe,
    /// How people log in over the network.
    pub ssh: SshRecipe,
    /// Wireless networks.
    pub wifi: WifiRecipe,
    /// Addresses.
    pub network: NetworkRecipe,
    /// A name of the time-zone database: Europe/London.
    pub timezone: Option<String>,
    /// The keyboard, for whoever plugs one in.
    pub keyboard: KeyboardRecipe,
    /// The language: C.UTF-8, en_GB.UTF-8.
    #[schemars(regex(pattern = r"^(C|[a-z]{2,3}_[A-Z]{2})\.UTF-8(@[A-Za-z]+)?$"))]
    pub locale: Option<String>,
    /// Time servers.
    pub ntp: NtpRecipe,
    /// Which updates the Pi installs by itself.
    pub upgrades: Option<Upgrades>,
    /// The log.
    pub journal: JournalRecipe,
    /// Whether only what is needed comes in: SSH, the broker's listeners, names of the local network.
    pub firewall: Option<Switch>,
    /// What spares the card.
    pub sd_card: SdCardRecipe,
    /// Further packages of the operating system.
    #[schemars(inner(regex(pattern = "^[a-z0-9][a-z0-9+.-]+$")))]
    pub packages: Option<Vec<String>>,
    /// Settings of the Pi's firmware, as they stand in config.txt; a line `[pi4]` holds for those behind it.
    pub config_txt: Option<Vec<String>>,
    /// Changes to the kernel's command line.
    pub cmdline: CmdlineRecipe,
}

/// Something that is there or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// It is there.
    On,
    /// It isn't.
    Off,
}

/// The operating system's settings beside login and time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct System {
    /// The Pi's name, if it isn't that of the site's host.
    pub hostname: Option<String>,
    /// How people log in over the network.
    pub ssh: Ssh,
    /// Wireless networks, if Wi-Fi is on.
    pub wifi: Option<Wifi>,
    /// Addresses.
    pub network: Network,
    /// The keyboard.
    pub keyboard: Keyboard,
    /// The language.
    pub locale: String,
    /// Time servers.
    pub ntp: Ntp,
    /// Which updates the Pi installs by itself.
    pub upgrades: Upgrades,
    /// The log.
    pub journal: Journal,
    /// Whether only what is needed comes in.
    pub firewall: Switch,
    /// What spares the card.
    pub sd_card: SdCard,
    /// The packages that the recipe names.
    pub packages: Vec<String>,
    /// Settings of the Pi's firmware.
    pub config_txt: Vec<FirmwareSetting>,
    /// Changes to the kernel's command line.
    pub cmdline: Cmdline,
}

impl SystemRecipe {
    pub(in crate::recipe) fn over(self, base: Self) -> Self {
        layered!(self, base:
            hostname, timezone, locale, upgrades, firewall, packages, config_txt;
            login, ssh, wifi, network, keyboard, ntp, journal, sd_card, cmdline)
    }

    /// Whether a secret stands in the recipe itself.
    pub(in crate::recipe) fn holds_secrets(&self) -> bool {
        self.login.password_hash.is_some() || self.wifi.holds_secrets()
    }

    /// Changes every path of a file with a secret.
    pub(in crate::recipe) fn anchor(&mut self, anchor: impl Fn(&str) -> String) {
        let networks = self.wifi.networks.iter_mut().flatten();
        let files = networks.map(|network| &mut network.password_file);
        for file in files.chain([&mut self.login.password_file]) {
            *file = file.as_deref().map(&anchor);
        }
    }

    /// Login, time zone, and all the rest. Relative paths are relative to `dir`.
    pub(in crate::recipe) fn resolve(self, dir: &Path) -> anyhow::Result<(Login, String, System)> {
        let login = self.login.resolve(dir)?;
        let timezone = self.timezone.context(incomplete("system.timezone"))?;
        check::words("system.timezone", &timezone, |c| {
            c.is_ascii_alphanumeric() || "_+-/".contains(c)
        })?;
        if let Some(name) = &self.hostname {
            check_hostname(name)?;
        }
        let locale = self.locale.context(incomplete("system.locale"))?;
        locale::check_locale(&locale)?;
        let packages = self.packages.unwrap_or_default();
        upkeep::check_packages(&packages)?;
        let config_txt = boot::config_txt(&self.config_txt.unwrap_or_default())?;
        let wifi = self.wifi.resolve(dir)?;
        let in_air = wifi.as_ref().is_some_and(|wifi| !wifi.networks.is_empty());
        let system = System {
            hostname: self.hostname,
            ssh: self.ssh.resolve(&login)?,
            network: self.network.resolve(in_air)?,
            wifi,
            keyboard: self.keyboard.resolve()?,
            locale,
            ntp: self.ntp.resolve()?,
            upgrades: self.upgrades.context(incomplete("system.upgrades"))?,
            journal: self.journal.resolve()?,
            firewall: self.firewall.context(incomplete("system.firewall"))?,
            sd_card: self.sd_card.resolve()?,
            packages,
            config_txt,
            cmdline: self.cmdline.resolve()?,
        };
        Ok((login, timezone, system))
    }
}

impl System {
    /// The packages that the settings need, beside what every base has, and those that the recipe names;
    /// sorted, each once.
    pub fn needed_packages(&self) -> Vec<String> {
        let mut packages = self.settings_packages();
        packages.extend_from_slice(&self.packages);
        packages.sort();
        packages.dedup();
        packages
    }

    /// The packages that the settings need, without those that the recipe names.
    pub fn settings_packages(&self) -> Vec<String> {
        let mut packages = Vec::new();
        let mut need = |package: &str| packages.push(package.to_owned());
        if self.firewall == Switch::On {
            need("nftables");
        }
        if self.upgrades == Upgrades::Security {
            need("unattended-upgrades");
        }
        if self.locale != "C.UTF-8" {
            need("locales");
        }
        if !self.keyboard.is_usual() {
            need("console-setup");
            need("keyboard-configuration");
        }
        if self.wifi.is_some() {
            need("rfkill");
            need("wireless-regdb");
            need("wpasupplicant");
        }
        packages
    }
}

/// One label in lower case: what `NAME.local` is made of.
fn check_hostname(name: &str) -> anyhow::Result<()> {
    let good = (1..=63).contains(&name.len())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !name.bytes().all(|byte| byte.is_ascii_digit());
    if good {
        return Ok(());
    }
    let text = format!(
        "system.hostname: {name:?} is not 1 to 63 lower-case letters, digits and inner hyphens"
    );
    Err(Fault::input(text).into())
}
