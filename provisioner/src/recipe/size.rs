//! Sizes as people write them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// A number of bytes, written `256 MiB`, `8G` or `1048576`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no size: write a number and a unit, as 256 MiB, 8G or 1048576")]
pub struct SizeError(String);

impl Size {
    /// `count` MiB.
    pub const fn mib(count: u32) -> Self {
        Self((count as u64) << 20)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = SizeError;

    /// Units are binary whether or not an `i` is written, as in `truncate -s` and `dd`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || SizeError(text.to_owned());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let count: u64 = text[..digits].parse().or(Err(fail()))?;
        let shift = match text[digits..].trim().to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "k" | "kib" => 10,
            "m" | "mib" => 20,
            "g" | "gib" => 30,
            _ => return Err(fail()),
        };
        count.checked_mul(1 << shift).map(Self).ok_or_else(fail)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::output::bytes(self.0))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(bytes) => Ok(Self(bytes)),
            Written::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

impl JsonSchema for Size {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "minimum": 0,
            "pattern": "^[0-9]+ *([kKmMgG]([iI][bB])?|[bB])?$",
            "examples": ["256 MiB", "8G", 1_048_576],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn units_are_binary() {
        let bytes =
            ["256 MiB", "8G", "1048576", "4k"].map(|text| text.parse::<Size>().unwrap().bytes());
        assert_eq!(bytes, [256 << 20, 8 << 30, 1 << 20, 4096]);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "MiB",
            "-1",
            "1.5G",
            "3 parsecs",
            "99999999999999999999",
            "18446744073709551615 G",
        ] {
            assert!(text.parse::<Size>().is_err(), "{text:?} was taken");
        }
    }
}
