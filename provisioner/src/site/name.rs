//! Names of people and devices, which become levels of topics, user names and file names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// The name of a person or a device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} can't be a name: {rule}")]
pub struct NameError {
    name: String,
    rule: &'static str,
}

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match broken_rule(name) {
            Some(rule) => Err(NameError {
                name: name.to_owned(),
                rule,
            }),
            None => Ok(Self(name.to_owned())),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

fn broken_rule(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > 64 {
        Some("it is longer than 64 bytes")
    } else if name.contains(['+', '#']) {
        Some("+ and # are wildcards in MQTT")
    } else if name.contains(['/', '\\']) {
        Some("a slash divides the levels of a topic")
    } else if name.contains(':') {
        Some("a colon ends the name in a password file")
    } else if name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        Some("it has white space or a control character")
    } else if name.starts_with(['.', '-', '$', '~', '_']) {
        Some("it begins with one of . - $ ~ _")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn ordinary_names_are_taken() {
        for name in ["fred", "jane-5s", "5s", "Jürgen", "a.b", "o'neil"] {
            assert!(name.parse::<Name>().is_ok(), "{name:?} was refused");
        }
    }

    #[test]
    fn names_that_mean_something_else_are_refused() {
        for name in [
            "",
            "a+b",
            "#",
            "a/b",
            "..",
            ".ssh",
            "a:b",
            "a b",
            "a\nb",
            "$SYS",
            "-rf",
            "_provision",
            "a\\b",
            "a\0b",
        ] {
            assert!(name.parse::<Name>().is_err(), "{name:?} was taken");
        }
    }
}
