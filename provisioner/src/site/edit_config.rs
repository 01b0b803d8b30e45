//! Changes to `site.yaml` that keep its comments and its order.

use std::collections::BTreeSet;
use std::str::FromStr;

use anyhow::{Context, ensure};
use yaml_edit::{Document, Mapping, MappingBuilder, Sequence, SequenceBuilder, YamlNode};

use super::config::{Host, SiteConfig};
use super::name::Name;
use crate::pki::AltName;

/// Adds a name that the certificate of `host` is to be good for to the text of `site.yaml`.
pub(super) fn add_name(text: &str, host: &str, name: &AltName) -> anyhow::Result<String> {
    let key = match name {
        AltName::Ip(_) => "addresses",
        AltName::Dns(_) => "san",
    };
    let wanted = |config: &mut SiteConfig| {
        let host = config.hosts.iter_mut().find(|known| known.name == host)?;
        host.add(name);
        Some(())
    };
    let by_hand = format!("add {name} to {key} of the host {host} there by hand");
    edit(text, &by_hand, wanted, |document| {
        let entry = host_in(document, host)?;
        if let Some(list) = entry.get_sequence(key) {
            list.push(name.to_string());
        } else {
            let list = SequenceBuilder::new().item(name.to_string());
            let list = list.build_document().as_sequence()?;
            entry.set(key, &list);
        }
        Some(())
    })
}

/// Adds a host to the text of `site.yaml`.
pub(super) fn add_host(text: &str, host: &Host) -> anyhow::Result<String> {
    add_hosts(text, std::slice::from_ref(host))
}

/// Adds several at once.
pub(super) fn add_hosts(text: &str, hosts: &[Host]) -> anyhow::Result<String> {
    let names: Vec<_> = hosts.iter().map(|host| host.name.as_str()).collect();
    let by_hand = match names.as_slice() {
        [name] => format!("add the host {name} there by hand"),
        names => format!("add the hosts {} there by hand", names.join(", ")),
    };
    let wanted = |config: &mut SiteConfig| {
        config.hosts.extend_from_slice(hosts);
        Some(())
    };
    edit(text, &by_hand, wanted, |document| {
        let list = document.get_sequence("hosts")?;
        for host in hosts {
            list.push(&mapping_of(host)?);
        }
        Some(())
    })
}

/// Says who may log in to the host `name`; everybody if `people` is none.
pub(super) fn set_people(
    text: &str,
    name: &str,
    people: Option<&BTreeSet<Name>>,
) -> anyhow::Result<String> {
    let wanted = |config: &mut SiteConfig| {
        let host = config.hosts.iter_mut().find(|known| known.name == name)?;
        host.people = people.cloned();
        Some(())
    };
    let by_hand = format!("change people of the host {name} there by hand");
    edit(text, &by_hand, wanted, |document| {
        let host = host_in(document, name)?;
        match people {
            Some(people) => host.set("people", list_of(people)),
            None => drop(host.remove("people")),
        }
        Some(())
    })
}

fn host_in(document: &Document, name: &str) -> Option<Mapping> {
    let hosts = document.get_sequence("hosts")?;
    hosts.values().find_map(|node| {
        let mapping = node.as_mapping()?.clone();
        let known = mapping.get("name")?.as_scalar()?.as_string();
        (known == name).then_some(mapping)
    })
}

fn list_of<T: ToString>(items: impl IntoIterator<Item = T>) -> Sequence {
    let list = Sequence::new_flow();
    for item in items {
        list.push(item.to_string());
    }
    list
}

/// Takes a person out of the lists of those who may log in to a host; `None` if no list names them.
pub(super) fn remove_person(text: &str, name: &Name) -> anyhow::Result<Option<String>> {
    let config: SiteConfig = serde_yaml::from_str(text).context("parsing site.yaml")?;
    let lists = |host: &Host| {
        host.people
            .as_ref()
            .is_some_and(|people| people.contains(name))
    };
    if !config.hosts.iter().any(lists) {
        return Ok(None);
    }
    let by_hand = format!("take {name} out of people of the hosts there by hand");
    let wanted = |config: &mut SiteConfig| {
        for people in config
            .hosts
            .iter_mut()
            .filter_map(|host| host.people.as_mut())
        {
            people.remove(name);
        }
        Some(())
    };
    let edited = edit(text, &by_hand, wanted, |document| {
        for node in document.get_sequence("hosts")?.values() {
            let host = node.as_mapping()?.clone();
            let Some(list) = host.get_sequence("people") else {
                continue;
            };
            let is_named = |node: &YamlNode| {
                let scalar = node.as_scalar();
                scalar.is_some_and(|scalar| scalar.as_string() == name.as_str())
            };
            if let Some(index) = list.values().position(|node| is_named(&node)) {
                list.remove(index);
            }
        }
        Some(())
    })?;
    Ok(Some(edited))
}

fn mapping_of(host: &Host) -> Option<Mapping> {
    let list = |items: Vec<String>| {
        let all = items.into_iter();
        all.fold(SequenceBuilder::new(), SequenceBuilder::item)
    };
    let mut entry = MappingBuilder::new().pair("name", host.name.as_str());
    let addresses = host.addresses.iter().map(ToString::to_string).collect();
    let people = host.people.iter().flatten();
    let people = people.map(ToString::to_string).collect();
    for (key, items) in [
        ("addresses", addresses),
        ("san", host.san.clone()),
        ("people", people),
    ] {
        if !items.is_empty() {
            entry = entry.insert_sequence(key, list(items));
        }
    }
    entry.build_document().as_mapping()
}

/// Reads the result back and compares it with what it should say, so that a file which the editor
/// can't handle is left as it is instead of being damaged.
fn edit(
    text: &str,
    by_hand: &str,
    want: impl FnOnce(&mut SiteConfig) -> Option<()>,
    change: impl FnOnce(&Document) -> Option<()>,
) -> anyhow::Result<String> {
    let by_hand =
        || format!("site.yaml is written in a way that can't be edited by program; {by_hand}");
    let mut wanted: SiteConfig = serde_yaml::from_str(text).context("parsing site.yaml")?;
    want(&mut wanted).with_context(by_hand)?;
    let document = Document::from_str(text).with_context(by_hand)?;
    change(&document).with_context(by_hand)?;
    let edited = document.to_string();
    let is: SiteConfig = serde_yaml::from_str(&edited).with_context(by_hand)?;
    ensure!(is == wanted, by_hand());
    Ok(edited)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = "# ours\norganization: x\n\nhosts:\n  # the first\n  - name: broker\n    addresses: [\"10.0.0.1\"]\n    san: []\n    port: 8883\n";

    #[test]
    fn a_name_joins_the_lists_of_its_host_and_comments_survive() {
        let text = add_name(SITE, "broker", &"10.0.0.2".parse().unwrap()).unwrap();
        let text = add_name(&text, "broker", &"pi.example.com".parse().unwrap()).unwrap();
        insta::assert_snapshot!(text, @r#"
        # ours
        organization: x

        hosts:
          # the first
          - name: broker
            addresses: ["10.0.0.1", "10.0.0.2"]
            san: [pi.example.com]
            port: 8883
        "#);
    }

    #[test]
    fn a_host_without_lists_gets_one() {
        let text = add_name(
            "organization: x\nhosts:\n  - name: b\n",
            "b",
            &"::1".parse().unwrap(),
        );
        insta::assert_snapshot!(text.unwrap(), @r"
        organization: x
        hosts:
          - name: b
            addresses:
              - '::1'
        ");
    }

    #[test]
    fn a_host_is_added_below_the_others() {
        let host = Host {
            name: "second".to_owned(),
            addresses: vec!["192.168.1.189".parse().unwrap()],
            san: vec!["pi.lan".to_owned()],
            ..Host::default()
        };
        insta::assert_snapshot!(add_host(SITE, &host).unwrap(), @r#"
        # ours
        organization: x

        hosts:
          # the first
          - name: broker
            addresses: ["10.0.0.1"]
            san: []
            port: 8883
          - name: second
            addresses:
              - 192.168.1.189
            san:
              - pi.lan
        "#);
    }

    #[test]
    fn who_leaves_goes_from_the_lists_of_hosts_too() {
        let text = format!(
            "{SITE}    people: [jane, fred]\n  - name: c\n    people:\n      - fred # him\n"
        );
        let fred = "fred".parse().unwrap();
        insta::assert_snapshot!(remove_person(&text, &fred).unwrap().unwrap(), @r#"
        # ours
        organization: x

        hosts:
          # the first
          - name: broker
            addresses: ["10.0.0.1"]
            san: []
            port: 8883
            people: [jane]
          - name: c
            people: []
        "#);
        assert_eq!(remove_person(SITE, &fred).unwrap(), None);
    }

    #[test]
    fn a_host_that_is_not_there_is_an_error_that_says_what_to_do() {
        let error = add_name(SITE, "brokr", &"::1".parse().unwrap()).unwrap_err();
        insta::assert_snapshot!(error, @"site.yaml is written in a way that can't be edited by program; add ::1 to addresses of the host brokr there by hand");
    }
}
