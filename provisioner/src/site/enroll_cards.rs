//! The cards of a fleet as hosts of the site.

use anyhow::Context;

use super::config::{Host, SiteConfig};
use super::edit_config;
use super::store::Site;
use crate::fleet::{Card, Fleet};
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::pki::AltName;

/// What `site.yaml` says once it knows all cards of a fleet. Only in memory until
/// [`Site::keep_cards`].
#[derive(Debug)]
pub struct EnrolledCards {
    /// The host of each card, in the file's order.
    pub hosts: Vec<Host>,
    /// What changes, one sentence each.
    pub said: Vec<String>,
    text: String,
}

impl Site {
    /// Makes every card a host of the site: new ones are added, known ones get the names and, if it names any, the
    /// people that their card has. Nothing is written.
    ///
    /// # Errors
    ///
    /// If a card names somebody who isn't in `people.yaml`, has the name of a host in other letters, or
    /// `site.yaml` can't be edited by program.
    pub fn enroll_cards(&self, fleet: &Fleet) -> anyhow::Result<EnrolledCards> {
        let mut enrolled = EnrolledCards {
            hosts: Vec::new(),
            said: Vec::new(),
            text: self.read("site.yaml")?,
        };
        let mut new = Vec::new();
        for (index, card) in fleet.cards.iter().enumerate() {
            for name in card.people.iter().flatten() {
                self.people().require(name).map_err(|error| {
                    fleet
                        .fault(index, &error)
                        .hint("`provision add-user` adds people to the site")
                })?;
            }
            let same = |host: &&Host| host.name.eq_ignore_ascii_case(&card.name);
            match self.config().hosts.iter().find(same) {
                Some(host) if host.name != card.name => {
                    let text = format!("the site has a host {}: write it like that", host.name);
                    return Err(fleet.fault(index, &text).into());
                }
                Some(host) => enrolled.change(host, card)?,
                None => {
                    let host = Host::of_card(card);
                    host.check().map_err(|error| fleet.fault(index, &error))?;
                    new.push(host);
                }
            }
        }
        enrolled.add(&new)?;
        let config: SiteConfig = serde_yaml::from_str(&enrolled.text)?;
        for card in &fleet.cards {
            let mut hosts = config.hosts.iter();
            let host = hosts.find(|host| host.name == card.name).cloned();
            let host = host.with_context(|| format!("site.yaml has no host {}", card.name))?;
            enrolled.hosts.push(host);
        }
        Ok(enrolled)
    }

    /// Writes what [`enroll_cards`](Self::enroll_cards) found out.
    pub fn keep_cards(&mut self, enrolled: &EnrolledCards) -> anyhow::Result<()> {
        if enrolled.said.is_empty() {
            return Ok(());
        }
        let path = self.root().join("site.yaml");
        let config = serde_yaml::from_str(&enrolled.text)?;
        fsio::write_atomic(&path, enrolled.text.as_bytes(), Access::Public)?;
        self.config = config;
        Ok(())
    }
}

impl EnrolledCards {
    fn add(&mut self, hosts: &[Host]) -> anyhow::Result<()> {
        if hosts.is_empty() {
            return Ok(());
        }
        self.text = edit_config::add_hosts(&self.text, hosts)?;
        let said = hosts
            .iter()
            .map(|host| format!("Added host {} to the site", host.name));
        self.said.extend(said);
        Ok(())
    }

    fn change(&mut self, host: &Host, card: &Card) -> anyhow::Result<()> {
        let known = host.alt_names().map_err(Fault::input)?;
        let addresses = card.address.iter().map(|address| AltName::Ip(address.ip));
        let names = card.san.iter().filter_map(|name| name.parse().ok());
        for name in addresses.chain(names).filter(|name| !known.contains(name)) {
            self.text = edit_config::add_name(&self.text, &host.name, &name)?;
            self.said
                .push(format!("Added {name} to the names of {}", host.name));
        }
        // A table without that column opens no host to everybody.
        if card.people.is_some() && host.people != card.people {
            let people = card.people.as_ref();
            self.text = edit_config::set_people(&self.text, &host.name, people)?;
            self.said
                .push(format!("Changed who may log in to {}", host.name));
        }
        Ok(())
    }
}

impl Host {
    /// A new host for a card.
    pub fn of_card(card: &Card) -> Self {
        Self {
            name: card.name.clone(),
            addresses: card.address.iter().map(|address| address.ip).collect(),
            san: card.san.clone(),
            people: card.people.clone(),
            ..Self::default()
        }
    }
}
