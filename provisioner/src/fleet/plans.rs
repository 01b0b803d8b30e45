//! How each card is built: what its row says wins over the recipe.

use super::file::{Card, Fleet};
use crate::hint::Fault;
use crate::recipe::Plan;
use crate::recipe::system::{Addressing, Network};

impl Fleet {
    /// The plan of each card, in the file's order: `plan`, with the card's own name and address.
    ///
    /// # Errors
    ///
    /// If several cards would get one address from the recipe, or a card has an address for a cable that the
    /// recipe does not use.
    pub fn plans(&self, plan: &Plan) -> anyhow::Result<Vec<Plan>> {
        self.check_wifi(plan)?;
        let cards = self.cards.iter().enumerate();
        let plans = cards.map(|(index, card)| {
            let network = &plan.system.network;
            let wired = wired(card, network).map_err(|error| self.fault(index, &error))?;
            let mut own = plan.clone();
            own.system.hostname = None;
            own.system.network.wired = wired;
            Ok(own)
        });
        plans.collect()
    }

    /// The file says nothing of addresses in wireless networks, so that all cards have those of the recipe.
    fn check_wifi(&self, plan: &Plan) -> anyhow::Result<()> {
        let system = &plan.system;
        let in_air = system.network.wifi.as_ref();
        let fixed = in_air.and_then(|wifi| wifi.addresses.first());
        let has_wifi = system
            .wifi
            .as_ref()
            .is_some_and(|wifi| !wifi.networks.is_empty());
        if let Some(address) = fixed.filter(|_| has_wifi && self.cards.len() > 1) {
            let text = format!("system.network.wifi: {address} would be the address of all cards");
            return Err(Fault::input(text)
                .hint("let a router give addresses in Wi-Fi, `method: dhcp`")
                .into());
        }
        Ok(())
    }
}

/// What `card` gets on the cable. Name servers and domains are the recipe's where the card has none.
fn wired(card: &Card, network: &Network) -> Result<Option<Addressing>, String> {
    let name = &card.name;
    let own = card.addressing()?;
    let (own, recipe) = match (own, &network.wired) {
        (None, None) => return Ok(None),
        (Some(_), None) => {
            return Err(format!(
                "{name} has an address, and the recipe turns the cable off"
            ));
        }
        (None, Some(recipe)) => {
            return match recipe.addresses.first() {
                None => Ok(Some(recipe.clone())),
                Some(shared) => Err(format!(
                    "{name} has no address with a prefix, and the recipe's {shared} is for one card alone"
                )),
            };
        }
        (Some(own), Some(recipe)) => (own, recipe),
    };
    let dns = if own.dns.is_empty() {
        recipe.dns.clone()
    } else {
        own.dns
    };
    Ok(Some(Addressing {
        dns,
        search: recipe.search.clone(),
        ..own
    }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::recipe::{Overrides, Recipe, yaml};

    const WIFI: &str = "wifi: {country: GB, networks: [{ssid: x, security: open}]}";

    fn plan(network: &str) -> Plan {
        let text = format!("system:\n  hostname: pi\n  network: {network}\n  {WIFI}\n");
        let recipe: Recipe = yaml::parse("my.yaml", &text).unwrap();
        let default = crate::recipe::load(crate::recipe::DEFAULT).unwrap();
        let recipe = recipe.over(default);
        recipe
            .resolve(Overrides::default(), Path::new("/"))
            .unwrap()
    }

    fn fleet(text: &str) -> Fleet {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.csv");
        crate::fsio::write_atomic(&path, text.as_bytes(), crate::fsio::Access::Public).unwrap();
        Fleet::read(&path).unwrap()
    }

    fn error(text: &str, network: &str) -> String {
        let error = fleet(text).plans(&plan(network)).unwrap_err().to_string();
        let at = error.find("/fleet.csv").map_or(0, |at| at + 1);
        error[at..].to_owned()
    }

    #[test]
    fn what_a_row_says_wins_and_what_it_leaves_out_is_the_recipes() {
        let fleet = fleet(
            "name,address,gateway,dns\nb1,10.0.0.11/24,10.0.0.1,\nb2,10.0.0.12/24,,9.9.9.9\n",
        );
        let recipe =
            "{wired: {method: static, addresses: [10.0.0.2/24], dns: [10.0.0.1], search: [lan]}}";
        let plans = fleet.plans(&plan(recipe)).unwrap();
        let shown = plans.iter().map(|plan| {
            let wired = plan.system.network.wired.as_ref().unwrap();
            let Addressing {
                addresses,
                gateways,
                dns,
                search,
            } = wired;
            format!(
                "{:?} {addresses:?} {gateways:?} {dns:?} {search:?}",
                plan.system.hostname
            )
        });
        let shown: Vec<_> = shown.collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        None [Prefix { address: 10.0.0.11, length: 24 }] [10.0.0.1] [10.0.0.1] ["lan"]
        None [Prefix { address: 10.0.0.12, length: 24 }] [] [9.9.9.9] ["lan"]
        "#);
    }

    #[test]
    fn no_two_cards_get_one_address_from_a_recipe() {
        let fixed = "{wired: {method: static, addresses: [10.0.0.2/24]}}";
        insta::assert_snapshot!(error("name,address\nb1,10.0.0.3/24\nb2,10.0.0.4\n", fixed), @"fleet.csv:3: b2 has no address with a prefix, and the recipe's 10.0.0.2/24 is for one card alone");
        let off = "{wired: {method: off}}";
        insta::assert_snapshot!(error("name,address\nb1,10.0.0.3/24\n", off), @"fleet.csv:2: b1 has an address, and the recipe turns the cable off");
        assert!(fleet("name\nb1\n").plans(&plan(off)).is_ok());
        let wifi = "{wifi: {method: static, addresses: [10.0.0.2/24]}}";
        assert!(fleet("name\nb1\n").plans(&plan(wifi)).is_ok());
        insta::assert_snapshot!(error("name\nb1\nb2\n", wifi), @"system.network.wifi: 10.0.0.2/24 would be the address of all cards");
    }
}
