//! The cards of a fleet as hosts of the site.

use super::config::Host;
use super::edit_config;
use super::store::Site;
use crate::fleet::Card;
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::pki::AltName;

/// What `site.yaml` says once it knows all cards of a fleet. Only in memory until
/// [`Site::keep_cards`].
#[derive(Debug)]
pub struct EnrolledCards {
    /// What changes, one sentence each.
    pub said: Vec<String>,
    text: String,
}

impl Site {
    /// Makes every card a host of the site: new ones are added, known ones get the names and the people that
    /// their card has. Nothing is written.
    ///
    /// # Errors
    ///
    /// If a card names somebody who isn't in `people.yaml`, or `site.yaml` can't be edited by program.
    pub fn enroll_cards(&self, cards: &[Card]) -> anyhow::Result<EnrolledCards> {
        let mut enrolled = EnrolledCards {
            said: Vec::new(),
            text: self.read("site.yaml")?,
        };
        for card in cards {
            for name in card.people.iter().flatten() {
                self.people().require(name).map_err(|error| {
                    Fault::input(format!("card {}: {error}", card.name))
                        .hint("`provision add-user` adds people to the site")
                })?;
            }
            let known = self.config().hosts.iter();
            match known.clone().find(|host| host.name == card.name) {
                Some(host) => enrolled.change(host, card)?,
                None => enrolled.add(card)?,
            }
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
    fn add(&mut self, card: &Card) -> anyhow::Result<()> {
        let host = Host {
            name: card.name.clone(),
            addresses: card.address.iter().map(|address| address.ip).collect(),
            san: card.san.clone(),
            people: card.people.clone(),
            ..Host::default()
        };
        host.check().map_err(Fault::input)?;
        self.text = edit_config::add_host(&self.text, &host)?;
        self.said
            .push(format!("Added host {} to the site", host.name));
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
        if host.people != card.people {
            let people = card.people.as_ref();
            self.text = edit_config::set_people(&self.text, &host.name, people)?;
            self.said
                .push(format!("Changed who may log in to {}", host.name));
        }
        Ok(())
    }
}
