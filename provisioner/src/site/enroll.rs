//! Which host of the site a machine is that somebody pushes to, and what `site.yaml` then has to say.

use super::config::Host;
use super::edit_config;
use super::store::Site;
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::pki::AltName;
use crate::ssh;

/// A machine, as it shows itself.
#[derive(Debug, Clone)]
pub struct Machine<'a> {
    /// What it calls itself.
    pub hostname: &'a str,
    /// A digest of its machine id.
    pub id: &'a str,
    /// Its public SSH host key, as OpenSSH writes it, without a comment.
    pub ssh_host_key: &'a str,
    /// The name or address that it was reached by.
    pub reached_by: &'a AltName,
}

/// What the user says about which host it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wish<'a> {
    /// The name of a host, in the site or to be added.
    pub host: Option<&'a str>,
    /// It takes the place of another machine that had this name.
    pub replace: bool,
}

/// A host for a machine. What is new about it is only in memory until [`Site::keep_enrolled`].
#[derive(Debug)]
pub struct Enrolled {
    /// The host, with the name that the machine was reached by.
    pub host: Host,
    /// What changes in `site.yaml`, in sentences.
    pub said: Vec<String>,
    /// The new text of `site.yaml`.
    text: Option<String>,
}

impl Site {
    /// Finds the host that `machine` is: the one that `wish` names, the one that was pushed to this
    /// machine last, the one whose card has this SSH host key, the one of that name or address. A
    /// machine that is none of them becomes a new host.
    ///
    /// # Errors
    ///
    /// If another machine was pushed to under this name: two machines never share a key.
    pub fn enroll(&self, machine: &Machine<'_>, wish: Wish<'_>) -> anyhow::Result<Enrolled> {
        let mut text = None;
        let mut said = Vec::new();
        let mut host = if let Some(host) = self.find_host(machine, wish)? {
            host.clone()
        } else {
            let name = wish.host.unwrap_or(machine.hostname);
            let host = new_host(name)?;
            text = Some(edit_config::add_host(&self.read("site.yaml")?, &host)?);
            said.push(format!("Added host {name} to the site"));
            host
        };
        let names = host.alt_names().map_err(Fault::input)?;
        let name = machine.reached_by;
        if !names.contains(name) {
            let before = match text.take() {
                Some(text) => text,
                None => self.read("site.yaml")?,
            };
            text = Some(edit_config::add_name(&before, &host.name, name)?);
            host.add(name);
            said.push(format!("Added {name} to the names of {}", host.name));
        }
        Ok(Enrolled { host, said, text })
    }

    /// Writes into `site.yaml` what [`enroll`](Self::enroll) found out.
    pub fn keep_enrolled(&mut self, enrolled: &Enrolled) -> anyhow::Result<()> {
        let Some(text) = &enrolled.text else {
            return Ok(());
        };
        let path = self.root().join("site.yaml");
        fsio::write_atomic(&path, text.as_bytes(), Access::Public)?;
        self.config = serde_yaml::from_str(text)?;
        Ok(())
    }

    fn find_host(&self, machine: &Machine<'_>, wish: Wish<'_>) -> anyhow::Result<Option<&Host>> {
        let hosts = &self.config().hosts;
        let mut by_push = None;
        let mut by_key = None;
        for host in hosts {
            let push = self.last_push(host)?;
            if push.is_some_and(|push| !machine.id.is_empty() && push.machine == machine.id) {
                by_push = Some(host);
            }
            let key = self.card_host_key(host)?;
            if key.is_some_and(|key| ssh::is_same_key(&key, machine.ssh_host_key)) {
                by_key = Some(host);
            }
        }
        let named = match wish.host {
            Some(name) => hosts.iter().find(|host| host.name == name),
            None => by_push.or(by_key).or(self.host_named(machine)),
        };
        let Some(host) = named else {
            return Ok(None);
        };
        let known = by_push.is_some_and(|by| by.name == host.name)
            || by_key.is_some_and(|by| by.name == host.name);
        if !known && !wish.replace && self.last_push(host)?.is_some() {
            let name = &host.name;
            let text =
                format!("another machine was pushed to as {name}, and two never share a key");
            return Err(Fault::input(text)
                .hint("--host NAME gives this one a name of its own; --replace, if the other one is gone")
                .into());
        }
        Ok(Some(host))
    }

    fn host_named(&self, machine: &Machine<'_>) -> Option<&Host> {
        let hosts = &self.config().hosts;
        let reached = |host: &&Host| {
            !is_loopback(machine.reached_by)
                && host
                    .alt_names()
                    .is_ok_and(|names| names.contains(machine.reached_by))
        };
        let same_name = |host: &&Host| host.name.eq_ignore_ascii_case(machine.hostname);
        hosts.iter().find(reached).or(hosts.iter().find(same_name))
    }
}

/// Every host has these.
fn is_loopback(name: &AltName) -> bool {
    match name {
        AltName::Ip(address) => address.is_loopback(),
        AltName::Dns(name) => name == "localhost",
    }
}

fn new_host(name: &str) -> anyhow::Result<Host> {
    let host = Host {
        name: name.to_ascii_lowercase(),
        ..Host::default()
    };
    host.check()
        .map_err(|error| Fault::input(error).hint("--host NAME names it for the site"))?;
    Ok(host)
}
