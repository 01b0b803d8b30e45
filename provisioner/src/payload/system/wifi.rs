//! Wireless networks: one profile each, readable by root alone, and the country.

use std::num::NonZeroU32;

use image::{Entry, Overlay};
use zeroize::Zeroizing;

use super::base::put;
use super::keyfile::Keyfile;
use super::network::{self, PROFILES};
use super::secrets;
use crate::recipe::Hidden;
use crate::recipe::system::{Addressing, Security, Wifi, WifiNetwork, WifiSecret, check_secret};

const ORIGIN: &str = "recipe";

/// `addresses` is how the Pi is in every one of the networks; `None` leaves it out of them.
pub(super) fn add(
    files: &mut Overlay,
    wifi: &Wifi,
    addresses: Option<&Addressing>,
) -> anyhow::Result<()> {
    // The kernel's command line says it too, but is written anew by updates of Debian's kernel.
    let country = format!(
        "# Where the Pi is: which channels may be used. Made by provision.\noptions cfg80211 ieee80211_regdom={}\n",
        wifi.country
    );
    put(
        files,
        "/etc/modprobe.d/provision-wifi-country.conf",
        Entry::file(country, 0o644, ORIGIN),
    )?;
    let Some(addresses) = addresses else {
        return Ok(());
    };
    for (index, one) in wifi.networks.iter().enumerate() {
        let key = format!("system.wifi.networks[{index}]");
        let secret = secret(&key, one)?;
        put(
            files,
            &format!("{PROFILES}/wifi-{}.nmconnection", index + 1),
            Entry::file(profile(one, secret.as_ref(), addresses), 0o600, ORIGIN).secret(),
        )?;
    }
    Ok(())
}

fn secret(key: &str, one: &WifiNetwork) -> anyhow::Result<Option<Hidden>> {
    match &one.secret {
        None => Ok(None),
        Some(WifiSecret::Text(text)) => Ok(Some(text.clone())),
        Some(WifiSecret::File(path)) => {
            let text = secrets::read(&format!("{key}.password-file"), path)?;
            check_secret(key, text.expose(), one.security)?;
            Ok(Some(text))
        }
    }
}

fn profile(one: &WifiNetwork, secret: Option<&Hidden>, addresses: &Addressing) -> String {
    let mut file = Keyfile::new("Made by provision from its recipe.", "wifi", &one.ssid);
    file.set("autoconnect-priority", &one.priority.to_string());
    file.section("wifi");
    file.set("mode", "infrastructure");
    file.set_bytes("ssid", &one.ssid);
    if one.hidden {
        file.set("hidden", "true");
    }
    // 2 turns power saving off: a broker that sleeps answers late, and some firmware doesn't wake up again.
    file.set("powersave", "2");
    security(&mut file, one, secret);
    network::addresses(&mut file, addresses);
    file.finish()
}

fn security(file: &mut Keyfile, one: &WifiNetwork, secret: Option<&Hidden>) {
    let management = match one.security {
        Security::Open => return,
        Security::Owe => "owe",
        Security::Wpa3 => "sae",
        // With the password at hand, NetworkManager takes WPA3 where the network and the adapter have it.
        Security::Wpa2 | Security::Wpa2Wpa3 => "wpa-psk",
    };
    file.section("wifi-security");
    file.set("key-mgmt", management);
    match (secret, one.security) {
        (None, _) => {}
        (Some(secret), Security::Wpa2) => file.set("psk", &key(secret.expose(), &one.ssid)),
        // SAE proves that it knows the password, not the key that WPA2 makes of it: it has to be there itself.
        (Some(secret), _) => file.set("psk", secret.expose()),
    }
}

/// The key that WPA2 makes of a password (IEEE 802.11 J.4.1), in hexadecimal digits; a key is one already.
fn key(secret: &str, ssid: &[u8]) -> Zeroizing<String> {
    const ROUNDS: NonZeroU32 = NonZeroU32::new(4096).expect("it is not 0");
    if secret.len() == 64 {
        return Zeroizing::new(secret.to_ascii_lowercase());
    }
    let mut key = Zeroizing::new([0; 32]);
    let kind = ring::pbkdf2::PBKDF2_HMAC_SHA1;
    ring::pbkdf2::derive(kind, ROUNDS, ssid, secret.as_bytes(), key.as_mut());
    Zeroizing::new(data_encoding::HEXLOWER.encode(key.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_password_is_that_of_the_standards_examples() {
        // IEEE 802.11-2020, J.4.2.
        assert_eq!(
            *key("password", b"IEEE"),
            "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"
        );
        assert_eq!(
            *key("ThisIsAPassword", b"ThisIsASSID"),
            "0dc0d6eb90555ed6419756b9a15ec3e3209b63df707dd508d14581f8982721af"
        );
    }
}
