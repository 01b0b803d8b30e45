//! `people.yaml`: people, devices, groups, who sees whom. No secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::name::{Name, NameError};

/// The whole of `people.yaml`. A key without a value is an empty mapping or list, as people write it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct People {
    /// Who may log in.
    #[serde(default, deserialize_with = "each_once")]
    pub people: BTreeMap<Name, Person>,
    /// Sets of people of whom everybody sees everybody.
    #[serde(default, deserialize_with = "each_once")]
    pub groups: BTreeMap<Name, BTreeSet<Name>>,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Person {
    /// Devices known by name; others may publish too.
    #[serde(default, deserialize_with = "or_empty")]
    pub devices: BTreeSet<Name>,
    /// Whose locations this person may read.
    #[serde(default, deserialize_with = "or_empty")]
    pub sees: BTreeSet<Sees>,
}

/// A person, or one device of a person, as it stands in a `sees` list: `NAME[/DEVICE]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sees {
    /// Whose.
    pub name: Name,
    /// Which device; all if absent.
    pub device: Option<Name>,
}

impl Sees {
    /// All devices of `name`.
    pub fn whole(name: &Name) -> Self {
        Self {
            name: name.clone(),
            device: None,
        }
    }
}

impl FromStr for Sees {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once('/') {
            Some((name, device)) => Self {
                name: name.parse()?,
                device: Some(device.parse()?),
            },
            None => Self {
                name: text.parse()?,
                device: None,
            },
        })
    }
}

impl fmt::Display for Sees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.device {
            Some(device) => write!(f, "{}/{device}", self.name),
            None => self.name.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Sees {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl People {
    /// Checks that everybody who is named exists.
    pub fn check(&self) -> Result<(), String> {
        for (name, person) in &self.people {
            for sees in &person.sees {
                self.require(&sees.name)
                    .map_err(|error| format!("people.{name}.sees: {error}"))?;
            }
        }
        for (group, members) in &self.groups {
            for member in members {
                self.require(member)
                    .map_err(|error| format!("groups.{group}: {error}"))?;
            }
        }
        Ok(())
    }

    /// Those of `names`, with what they see of each other: nobody else is left in it, not even as a name in a list.
    #[must_use]
    pub fn only(&self, names: &BTreeSet<Name>) -> Self {
        let people = self.people.iter().filter(|(name, _)| names.contains(name));
        let people = people.map(|(name, person)| {
            let sees = person.sees.iter();
            let sees = sees.filter(|sees| names.contains(&sees.name));
            let person = Person {
                devices: person.devices.clone(),
                sees: sees.cloned().collect(),
            };
            (name.clone(), person)
        });
        let groups = self.groups.iter().map(|(group, members)| {
            let members = members.intersection(names).cloned().collect();
            (group.clone(), members)
        });
        Self {
            people: people.collect(),
            groups: groups.collect(),
        }
    }

    /// An error with the nearest name if there is no such person.
    pub fn require(&self, name: &Name) -> Result<(), String> {
        if self.people.contains_key(name) {
            return Ok(());
        }
        let known = self.people.keys().map(Name::as_str);
        Err(match crate::hint::nearest(name.as_str(), known) {
            Some(near) => format!("there is no person {name}; did you mean {near}?"),
            None => format!("there is no person {name}"),
        })
    }
}

/// Reads a value that may be missing after its colon.
fn or_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads a mapping in which a name that is there twice is an error: YAML would take the second, and
/// the first would lose its rights without a word.
fn each_once<'de, D, T>(deserializer: D) -> Result<BTreeMap<Name, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    deserializer.deserialize_any(EachOnce(PhantomData))
}

struct EachOnce<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for EachOnce<T> {
    type Value = BTreeMap<Name, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping whose keys are names")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(BTreeMap::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some(name) = map.next_key::<Name>()? {
            if entries.contains_key(&name) {
                return Err(A::Error::custom(format!("{name} is there twice")));
            }
            entries.insert(name, map.next_value::<Option<T>>()?.unwrap_or_default());
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_value_is_empty() {
        let written = "people:\n  jane:\n  fred:\n    sees:\n    devices: ~\ngroups:\n  family:\n";
        let people: People = serde_yaml::from_str(written).unwrap();
        let wanted = "people: {jane: {}, fred: {sees: [], devices: []}}\ngroups: {family: []}\n";
        assert_eq!(people, serde_yaml::from_str(wanted).unwrap());
        let nobody: People = serde_yaml::from_str("people:\ngroups:\n").unwrap();
        assert_eq!(nobody, People::default());
    }

    #[test]
    fn some_of_the_people_see_nobody_beside_each_other() {
        let all: People = serde_yaml::from_str(
            "people: {jane: {sees: [fred, ann/phone]}, fred: {}, ann: {sees: [jane]}}\n\
             groups: {family: [jane, fred, ann], others: [ann]}\n",
        )
        .unwrap();
        let names = ["jane", "fred"].map(|name| name.parse().unwrap());
        let some: People = serde_yaml::from_str(
            "people: {jane: {sees: [fred]}, fred: {}}\ngroups: {family: [jane, fred], others: []}\n",
        )
        .unwrap();
        assert_eq!(all.only(&names.into()), some);
    }

    #[test]
    fn a_name_that_is_there_twice_is_an_error_with_its_place() {
        let error = |text| crate::recipe::yaml::parse::<People>("people.yaml", text).unwrap_err();
        insta::assert_snapshot!(
            error("people:\n  jane: {sees: [fred]}\n  fred: {}\n  jane: {}\n"),
            @"people.yaml:2:3: people: jane is there twice"
        );
        insta::assert_snapshot!(error("groups: {f: [], f: []}\n"), @"people.yaml:1:9: groups: f is there twice");
        insta::assert_snapshot!(error("people: [jane]\n"), @"people.yaml:1:9: people: invalid type: sequence, expected a mapping whose keys are names");
    }
}
