//! What the system is called and speaks.

use std::path::Path;

use serde::Serialize;

use super::files::{assigned, text};
use crate::card::{Card, CardError};
use crate::ext4::FoundKind;

/// Settings of the operating system; none where nothing is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// `/etc/hostname`.
    pub host_name: Option<String>,
    /// `Europe/London`.
    pub timezone: Option<String>,
    /// `en_GB.UTF-8`.
    pub locale: Option<String>,
    /// `gb`.
    pub keyboard: Option<String>,
    /// Where the SSH server listens, if its settings say so.
    pub ssh_port: Option<u16>,
}

pub(super) fn settings(card: &Card) -> Result<Settings, CardError> {
    let name = text(card, "/etc/hostname")?.trim().to_owned();
    let mut locale = None;
    for path in ["/etc/locale.conf", "/etc/default/locale"] {
        locale = locale.or(assigned(&text(card, path)?, "LANG"));
    }
    Ok(Settings {
        host_name: (!name.is_empty()).then_some(name),
        timezone: timezone(card)?,
        locale,
        keyboard: assigned(&text(card, "/etc/default/keyboard")?, "XKBLAYOUT"),
        ssh_port: ssh_port(card)?,
    })
}

/// The first `Port` in `sshd_config.d`, whose files are read in the order of their names, or behind them in
/// `sshd_config`, as Debian's includes them.
fn ssh_port(card: &Card) -> Result<Option<u16>, CardError> {
    const FOLDER: &str = "/etc/ssh/sshd_config.d";
    let mut names = card.list(FOLDER)?.unwrap_or_default();
    names.retain(|name| Path::new(name).extension().is_some_and(|end| end == "conf"));
    names.sort();
    let mut paths: Vec<_> = names
        .iter()
        .map(|name| format!("{FOLDER}/{name}"))
        .collect();
    paths.push("/etc/ssh/sshd_config".to_owned());
    for path in paths {
        let text = text(card, &path)?;
        let port = text.lines().find_map(|line| {
            let (key, value) = line.trim().split_once([' ', '\t', '='])?;
            key.eq_ignore_ascii_case("port")
                .then(|| value.trim().parse().ok())?
        });
        if port.is_some() {
            return Ok(port);
        }
    }
    Ok(None)
}

/// Where the link `/etc/localtime` leads is what counts; `/etc/timezone` only says so.
fn timezone(card: &Card) -> Result<Option<String>, CardError> {
    let zone = match card.find("/etc/localtime")?.map(|found| found.kind) {
        Some(FoundKind::Symlink(target)) => target
            .split_once("/zoneinfo/")
            .map(|(_, zone)| zone.to_owned()),
        _ => None,
    };
    let said = text(card, "/etc/timezone")?.trim().to_owned();
    Ok(zone.or((!said.is_empty()).then_some(said)))
}
