//! What the system is called and speaks.

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
    })
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
