//! Wireless networks.

use std::path::{Path, PathBuf};

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use super::country;
use super::hidden::Hidden;
use crate::hint::Fault;
use crate::recipe::layers::layered;

/// What a recipe says of Wi-Fi. Without a country it stays off.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WifiRecipe {
    /// Where the Pi is, in two capital letters (ISO 3166-1): it decides which channels may be used.
    #[schemars(extend("enum" = country::CODES.as_slice()))]
    pub country: Option<String>,
    /// The networks, the preferred one first.
    pub networks: Option<Vec<WifiNetworkRecipe>>,
}

/// What a recipe says of one wireless network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WifiNetworkRecipe {
    /// Its name, 1 to 32 bytes.
    #[schemars(length(min = 1, max = 32))]
    pub ssid: Option<String>,
    /// Its name in hexadecimal digits, if it is no text.
    #[schemars(regex(pattern = "^([0-9A-Fa-f]{2}){1,32}$"))]
    pub ssid_hex: Option<String>,
    /// A file with nothing but its password in it, relative to this file; readable by its owner alone.
    pub password_file: Option<String>,
    /// Its password. The recipe's file must be readable by its owner alone then.
    #[schemars(regex(pattern = "^([ -~]{8,63}|[0-9A-Fa-f]{64})$"))]
    pub password: Option<Hidden>,
    /// Its key in 64 hexadecimal digits, instead of a password; for WPA2 alone. The recipe's file must be
    /// readable by its owner alone then.
    #[schemars(regex(pattern = "^[0-9A-Fa-f]{64}$"))]
    pub psk: Option<Hidden>,
    /// How it is secured [default: wpa2 with a password, open without one].
    pub security: Option<Security>,
    /// Whether it doesn't tell its name.
    pub hidden: Option<bool>,
    /// The higher, the more it is preferred, -999 to 999 [default: by the order of the list].
    #[schemars(range(min = -999, max = 999))]
    pub priority: Option<i32>,
}

/// How a wireless network is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Security {
    /// WPA2 with a password. Only the key that is made of it gets onto the card.
    Wpa2,
    /// WPA3 with a password (SAE), which is on the card as it is: SAE needs it so.
    Wpa3,
    /// Either of them, as the network likes. The password is on the card as it is.
    Wpa2Wpa3,
    /// None: everybody hears everything.
    Open,
    /// No password, but encrypted all the same (Enhanced Open).
    Owe,
}

/// Wireless networks, and where they are used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Wifi {
    /// Two capital letters.
    pub country: String,
    /// The networks; may be none.
    pub networks: Vec<WifiNetwork>,
}

/// One wireless network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WifiNetwork {
    /// Its name, 1 to 32 bytes.
    pub ssid: Vec<u8>,
    /// How it is secured.
    pub security: Security,
    /// Its password or key, where it needs one.
    pub secret: Option<WifiSecret>,
    /// Whether it doesn't tell its name.
    pub hidden: bool,
    /// The higher, the more it is preferred.
    pub priority: i32,
}

/// Everything but the secret.
impl Serialize for WifiNetwork {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            ssid,
            security,
            secret: _,
            hidden,
            priority,
        } = self;
        let mut map = serializer.serialize_map(Some(4))?;
        match std::str::from_utf8(ssid) {
            Ok(text) => map.serialize_entry("ssid", text)?,
            Err(_) => map.serialize_entry("ssid-hex", &HEXLOWER.encode(ssid))?,
        }
        map.serialize_entry("security", security)?;
        map.serialize_entry("hidden", hidden)?;
        map.serialize_entry("priority", priority)?;
        map.end()
    }
}

/// What a wireless network is entered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WifiSecret {
    /// A password, or a key in 64 hexadecimal digits.
    Text(Hidden),
    /// A file with either.
    File(PathBuf),
}

impl WifiRecipe {
    pub(super) fn over(self, base: Self) -> Self {
        layered!(self, base: country, networks)
    }

    /// `dir` is what a relative path is relative to.
    pub(super) fn resolve(self, dir: &Path) -> anyhow::Result<Option<Wifi>> {
        let networks = self.networks.unwrap_or_default();
        let Some(country) = self.country else {
            if networks.is_empty() {
                return Ok(None);
            }
            let text =
                "system.wifi: there are networks, but no `country`, and without it Wi-Fi stays off";
            return Err(Fault::input(text)
                .hint("say `country: GB`, or where else you are")
                .into());
        };
        country::check("system.wifi.country", &country)?;
        let count = networks.len();
        let networks: Vec<_> = networks
            .into_iter()
            .enumerate()
            .map(|(index, network)| network.resolve(index, count, dir))
            .collect::<Result<_, _>>()?;
        for (index, network) in networks.iter().enumerate() {
            if networks[..index]
                .iter()
                .any(|other| other.ssid == network.ssid)
            {
                let name = String::from_utf8_lossy(&network.ssid);
                let text = format!("system.wifi.networks: {name:?} is there twice");
                return Err(Fault::input(text).into());
            }
        }
        Ok(Some(Wifi { country, networks }))
    }

    /// Whether a secret stands in the recipe itself.
    pub(super) fn holds_secrets(&self) -> bool {
        let mut networks = self.networks.iter().flatten();
        networks.any(|network| network.password.is_some() || network.psk.is_some())
    }
}

impl WifiNetworkRecipe {
    fn resolve(self, index: usize, count: usize, dir: &Path) -> anyhow::Result<WifiNetwork> {
        let key = format!("system.wifi.networks[{index}]");
        let fault = |text: &str| Fault::input(format!("{key}: {text}"));
        let ssid = self.ssid_bytes().map_err(fault)?;
        let given = [
            self.password.is_some(),
            self.psk.is_some(),
            self.password_file.is_some(),
        ];
        if given.into_iter().filter(|given| *given).count() > 1 {
            return Err(fault("`password`, `psk` and `password-file` exclude each other").into());
        }
        let has_secret = given.contains(&true);
        let security = self.security.unwrap_or(if has_secret {
            Security::Wpa2
        } else {
            Security::Open
        });
        match (security.needs_secret(), has_secret) {
            (true, false) => {
                return Err(fault("it has no password")
                    .hint("say `password-file: FILE`, relative to the recipe")
                    .into());
            }
            (false, true) => return Err(fault("a network without security has no password").into()),
            _ => {}
        }
        if let Some(psk) = &self.psk
            && (psk.expose().len() != 64
                || !psk.expose().bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            return Err(fault("`psk` is not 64 hexadecimal digits").into());
        }
        let text = self.password.or(self.psk);
        if let Some(text) = &text {
            check_secret(&key, text.expose(), security)?;
        }
        let secret = match (text, self.password_file) {
            (Some(text), _) => Some(WifiSecret::Text(text)),
            (None, file) => file.map(|file| WifiSecret::File(dir.join(file))),
        };
        // The first is the best. A list is short: what doesn't fit is 0.
        let priority = self
            .priority
            .unwrap_or_else(|| i32::try_from(count - index).unwrap_or(0).min(999));
        if !(-999..=999).contains(&priority) {
            return Err(fault("`priority` is not within -999 to 999").into());
        }
        Ok(WifiNetwork {
            ssid,
            security,
            secret,
            hidden: self.hidden.unwrap_or(false),
            priority,
        })
    }

    fn ssid_bytes(&self) -> Result<Vec<u8>, &'static str> {
        let bytes = match (&self.ssid, &self.ssid_hex) {
            (Some(text), None) => text.clone().into_bytes(),
            (None, Some(hex)) => HEXLOWER_PERMISSIVE
                .decode(hex.as_bytes())
                .or(Err("`ssid-hex` is not pairs of hexadecimal digits"))?,
            (Some(_), Some(_)) => return Err("`ssid` and `ssid-hex` exclude each other"),
            (None, None) => return Err("it has no `ssid`"),
        };
        if (1..=32).contains(&bytes.len()) {
            Ok(bytes)
        } else {
            Err("a network's name has 1 to 32 bytes")
        }
    }
}

impl Security {
    /// Whether there is a password to it.
    pub fn needs_secret(self) -> bool {
        match self {
            Self::Wpa2 | Self::Wpa3 | Self::Wpa2Wpa3 => true,
            Self::Open | Self::Owe => false,
        }
    }
}

/// Refuses what no network of this kind can have for a password (IEEE 802.11 J.4.1: 8 to 63 characters of
/// ASCII) or key. The secret isn't said.
pub(crate) fn check_secret(key: &str, secret: &str, security: Security) -> anyhow::Result<()> {
    let fault = |text: &str| Fault::input(format!("{key}: {text}"));
    let is_key = secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_key && security != Security::Wpa2 {
        return Err(
            fault("WPA3 needs the password itself, not the key that WPA2 makes of it").into(),
        );
    }
    let is_password = (8..=63).contains(&secret.len())
        && secret
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if is_key || is_password {
        return Ok(());
    }
    Err(fault("a password has 8 to 63 characters of ASCII").into())
}
