//! `site.yaml`: what the site is called, where its topics begin, which hosts it has.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Deserialize;

use super::name::Name;
use crate::pki::AltName;

/// The whole of `site.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SiteConfig {
    /// Named in certificates.
    pub organization: String,
    /// Named in the authority's certificate.
    #[serde(default)]
    pub email: Option<String>,
    /// The first levels of every location's topic: `<topic-base>/<user>/<device>`.
    #[serde(default = "default_topic_base")]
    pub topic_base: String,
    /// The Pis of this site.
    pub hosts: Vec<Host>,
}

/// One Pi.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Host {
    /// Its host name, without a domain.
    pub name: String,
    /// Addresses that its certificate is good for.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// Further names (or addresses) that its certificate is good for.
    #[serde(default)]
    pub san: Vec<String>,
    /// The port of its TLS listener.
    #[serde(default = "default_port")]
    pub port: u16,
    /// The port for people with a client certificate instead of a password. It is listened on once
    /// somebody has one.
    #[serde(default = "default_certificate_port")]
    pub certificate_port: u16,
    /// Who may log in to it; everybody of the site if absent.
    #[serde(default)]
    pub people: Option<BTreeSet<Name>>,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            name: String::new(),
            addresses: Vec::new(),
            san: Vec::new(),
            port: Self::DEFAULT_PORT,
            certificate_port: Self::DEFAULT_CERTIFICATE_PORT,
            people: None,
        }
    }
}

impl SiteConfig {
    /// The topic base of OwnTracks' apps when nobody changes it.
    pub const DEFAULT_TOPIC_BASE: &'static str = "owntracks";

    /// Checks what the types can't.
    pub fn check(&self) -> Result<(), String> {
        broker::topic::validate_name(&self.topic_base)
            .map_err(|error| format!("topic-base: {error}"))?;
        if self.topic_base.starts_with(['$', '/']) || self.topic_base.ends_with('/') {
            return Err(format!(
                "topic-base: {:?} begins or ends with a slash, or begins with $",
                self.topic_base
            ));
        }
        if self.hosts.is_empty() {
            return Err("hosts: a site needs at least one".to_owned());
        }
        for (index, host) in self.hosts.iter().enumerate() {
            host.check()
                .map_err(|error| format!("hosts[{index}]: {error}"))?;
            if self.hosts[..index]
                .iter()
                .any(|other| other.name == host.name)
            {
                return Err(format!(
                    "hosts[{index}]: there are two hosts named {}",
                    host.name
                ));
            }
        }
        Ok(())
    }

    /// The text of a new file.
    pub(super) fn template(&self) -> String {
        let email = self
            .email
            .iter()
            .map(|email| format!("email: {}\n", quoted(email)));
        let parts = [
            "# Who this broker is for. People are in people.yaml.\n".to_owned(),
            "# After a change here: `provision push`, or `provision image` for a new card.\n\n"
                .to_owned(),
            format!("organization: {}\n", quoted(&self.organization)),
            email.collect(),
            "\n# Locations are published to <topic-base>/<user>/<device>.\n".to_owned(),
            format!("topic-base: {}\n\nhosts:\n", quoted(&self.topic_base)),
        ];
        parts
            .into_iter()
            .chain(self.hosts.iter().map(Host::template))
            .collect()
    }
}

impl Host {
    /// The TLS port that IANA assigned to MQTT.
    pub const DEFAULT_PORT: u16 = 8883;

    /// The port that Mosquitto's own test server has for client certificates.
    pub const DEFAULT_CERTIFICATE_PORT: u16 = 8884;

    /// Adds a name that its certificate is to be good for.
    pub(super) fn add(&mut self, name: &AltName) {
        match name {
            AltName::Ip(address) => self.addresses.push(*address),
            AltName::Dns(name) => self.san.push(name.clone()),
        }
    }

    /// Every name its server certificate is good for, the host name first: host, host.local,
    /// localhost, both loopback addresses, then what the site says.
    pub fn alt_names(&self) -> Result<Vec<AltName>, String> {
        let fixed = [self.name.clone(), format!("{}.local", self.name)];
        let fixed = fixed
            .into_iter()
            .chain(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
        let addresses = self.addresses.iter().map(ToString::to_string);
        let mut names = Vec::new();
        for text in fixed.chain(addresses).chain(self.san.iter().cloned()) {
            let name = text.parse::<AltName>().map_err(|error| error.to_string())?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn template(&self) -> String {
        let list = |items: Vec<String>| items.join(", ");
        format!(
            "  - name: {}\n    addresses: [{}]\n    san: [{}]\n    port: {}\n",
            quoted(&self.name),
            list(
                self.addresses
                    .iter()
                    .map(|address| quoted(&address.to_string()))
                    .collect()
            ),
            list(self.san.iter().map(|name| quoted(name)).collect()),
            self.port,
        )
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.name.contains('.')
            || self.name.len() > 63
            || !matches!(self.name.parse(), Ok(AltName::Dns(_)))
        {
            return Err(format!(
                "{:?} is no host name: letters, digits and inner hyphens, no dots",
                self.name
            ));
        }
        if self.port == 0 {
            return Err("port 0 can't be listened on".to_owned());
        }
        if self.certificate_port == 0 || self.certificate_port == self.port {
            return Err("certificate-port is 0 or the same as port".to_owned());
        }
        self.alt_names().map(drop)
    }
}

fn default_topic_base() -> String {
    SiteConfig::DEFAULT_TOPIC_BASE.to_owned()
}

const fn default_port() -> u16 {
    Host::DEFAULT_PORT
}

const fn default_certificate_port() -> u16 {
    Host::DEFAULT_CERTIFICATE_PORT
}

/// A YAML double-quoted scalar, which is JSON's string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
