//! Changes to `people.yaml` that keep its comments and its order.

use std::str::FromStr;

use anyhow::{Context, ensure};
use yaml_edit::{Document, Mapping, MappingBuilder, SequenceBuilder};

use super::name::Name;
use super::people::{People, Person};

/// Adds `person` to the text of `people.yaml`.
///
/// The result is read back and compared with what it should say, so that a file which the editor
/// can't handle is left as it is instead of being damaged.
pub(super) fn add_person(text: &str, name: &Name, person: &Person) -> anyhow::Result<String> {
    let mut wanted: People = serde_yaml::from_str(text).context("parsing people.yaml")?;
    wanted.people.insert(name.clone(), person.clone());
    let by_hand = || {
        format!(
            "people.yaml is written in a way that can't be edited by program; add {name} by hand"
        )
    };
    let document = Document::from_str(text).with_context(by_hand)?;
    let entry = mapping_of(person).with_context(by_hand)?;
    if let Some(people) = document.get_mapping("people") {
        people.set(name.as_str(), &entry);
    } else {
        let people =
            document_of(MappingBuilder::new().pair(name.as_str(), &entry)).with_context(by_hand)?;
        document.set("people", &people);
    }
    let edited = document.to_string();
    let is: People = serde_yaml::from_str(&edited).with_context(by_hand)?;
    ensure!(is == wanted, by_hand());
    Ok(edited)
}

fn mapping_of(person: &Person) -> Option<Mapping> {
    let mut entry = MappingBuilder::new();
    if !person.devices.is_empty() {
        let devices = person
            .devices
            .iter()
            .fold(SequenceBuilder::new(), |list, device| {
                list.item(device.as_str())
            });
        entry = entry.insert_sequence("devices", devices);
    }
    let sees = person
        .sees
        .iter()
        .fold(SequenceBuilder::new(), |list, sees| {
            list.item(sees.to_string())
        });
    document_of(entry.insert_sequence("sees", sees))
}

fn document_of(mapping: MappingBuilder) -> Option<Mapping> {
    mapping.build_document().as_mapping()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(text: &str, name: &str, sees: &[&str]) -> String {
        let sees = sees.iter().map(|sees| sees.parse().unwrap()).collect();
        add_person(
            text,
            &name.parse().unwrap(),
            &Person {
                sees,
                ..Person::default()
            },
        )
        .unwrap()
    }

    #[test]
    fn comments_and_order_survive() {
        let text = "# top\npeople:\n  # the first\n  zoe:   # an aside\n    sees: [adam]\n  adam:\n    sees: []\n\n\
                    # in between\ngroups: {}\n";
        insta::assert_snapshot!(add(text, "fred", &["zoe/5s"]), @r"
        # top
        people:
          # the first
          zoe:   # an aside
            sees: [adam]
          adam:
            sees: []
          fred:
            sees:
              - zoe/5s

        # in between
        groups: {}
        ");
    }

    #[test]
    fn every_way_to_write_no_people_takes_a_first() {
        for text in [
            "people: {}\n",
            "groups: {}\n",
            "people: {a: {}}\n",
            "# c\npeople:\n  a: {}\n",
        ] {
            let people: People = serde_yaml::from_str(&add(text, "12", &[])).unwrap();
            assert!(
                people.people.contains_key(&"12".parse().unwrap()),
                "{text:?}"
            );
        }
    }
}
