//! Secrets that a recipe may hold.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret as it stands in a recipe. Unlike [`Secret`](crate::secret::Secret) it can be copied and compared,
/// since recipes are; it is shown as little.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Hidden(String);

impl Hidden {
    /// Takes over `text`.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(..)")
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

/// Takes a text. What is no text is refused without being shown: serde's own words would have the value in
/// them, and a password of digits is a number to YAML.
struct Text;

impl Text {
    fn refused<E: de::Error>() -> E {
        E::custom("a secret is a text: put it in quotes")
    }
}

impl de::Visitor<'_> for Text {
    type Value = Hidden;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text in quotes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Hidden, E> {
        Ok(Hidden(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Hidden, E> {
        Ok(Hidden(text))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Hidden, E> {
        Err(Self::refused())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Hidden, E> {
        Err(Self::refused())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Hidden, E> {
        Err(Self::refused())
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<Hidden, E> {
        Err(Self::refused())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Hidden, E> {
        Err(Self::refused())
    }
}

impl JsonSchema for Hidden {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Hidden".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string"})
    }
}

#[cfg(test)]
mod tests {
    use super::Hidden;

    #[test]
    fn a_secret_is_shown_neither_in_debug_output_nor_in_errors() {
        assert_eq!(
            format!("{:?}", Hidden::new("hush".to_owned())),
            "Hidden(..)"
        );
        for yaml in [
            "12345678",
            "true",
            "1.5",
            "340282366920938463463374607431768211455",
        ] {
            let error = serde_yaml::from_str::<Hidden>(yaml)
                .unwrap_err()
                .to_string();
            assert!(error.contains("put it in quotes"), "{error}");
            assert!(!error.contains(yaml), "{error}");
        }
    }
}
