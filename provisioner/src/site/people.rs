//! `people.yaml`: people, devices, groups, who sees whom. No secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use super::name::{Name, NameError};

/// The whole of `people.yaml`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct People {
    /// Who may log in.
    #[serde(default)]
    pub people: BTreeMap<Name, Person>,
    /// Sets of people of whom everybody sees everybody.
    #[serde(default)]
    pub groups: BTreeMap<Name, BTreeSet<Name>>,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Person {
    /// Devices known by name; others may publish too.
    #[serde(default)]
    pub devices: BTreeSet<Name>,
    /// Whose locations this person may read.
    #[serde(default)]
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
