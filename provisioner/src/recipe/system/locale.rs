//! Language and keyboard.

use anyhow::Context;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::{self, incomplete};
use crate::hint::Fault;
use crate::recipe::layers::layered;

/// What a recipe says of the keyboard, for whoever plugs one in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct KeyboardRecipe {
    /// The layout: us, gb, de. Several are joined by commas.
    pub layout: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The variant of the layout; may be empty.
    pub variant: Option<String>,
    /// Options: compose:menu; may be empty. Several are joined by commas.
    pub options: Option<String>,
}

/// A keyboard, in the words of X11's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Keyboard {
    /// The layouts, joined by commas.
    pub layout: String,
    /// The model.
    pub model: String,
    /// The variant; may be empty.
    pub variant: String,
    /// The options, joined by commas; may be empty.
    pub options: String,
}

impl Keyboard {
    /// Whether this is the keyboard that Linux assumes by itself.
    pub fn is_usual(&self) -> bool {
        self.layout == "us" && self.variant.is_empty() && self.options.is_empty()
    }
}

impl KeyboardRecipe {
    pub(super) fn over(self, base: Self) -> Self {
        layered!(self, base: layout, model, variant, options)
    }

    pub(super) fn resolve(self) -> anyhow::Result<Keyboard> {
        let keyboard = Keyboard {
            layout: self.layout.context(incomplete("system.keyboard.layout"))?,
            model: self.model.context(incomplete("system.keyboard.model"))?,
            variant: self.variant.unwrap_or_default(),
            options: self.options.unwrap_or_default(),
        };
        for (key, value) in [
            ("layout", &keyboard.layout),
            ("model", &keyboard.model),
            ("variant", &keyboard.variant),
            ("options", &keyboard.options),
        ] {
            if value.is_empty() && matches!(key, "variant" | "options") {
                continue;
            }
            check::words(&format!("system.keyboard.{key}"), value, |c| {
                c.is_ascii_alphanumeric() || "_,:()-+".contains(c)
            })?;
        }
        Ok(keyboard)
    }
}

/// Checks the name of a locale. Only those in UTF-8 are of use: everything else on the Pi is.
pub(super) fn check_locale(locale: &str) -> anyhow::Result<()> {
    let (name, rest) = locale.split_once('.').unwrap_or((locale, ""));
    let (encoding, modifier) = rest.split_once('@').unwrap_or((rest, "x"));
    let is_name = name == "C"
        || name.split_once('_').is_some_and(|(language, country)| {
            (2..=3).contains(&language.len())
                && language.bytes().all(|byte| byte.is_ascii_lowercase())
                && country.len() == 2
                && country.bytes().all(|byte| byte.is_ascii_uppercase())
        });
    let is_modifier =
        !modifier.is_empty() && modifier.bytes().all(|byte| byte.is_ascii_alphabetic());
    if is_name && encoding == "UTF-8" && is_modifier {
        return Ok(());
    }
    let text = format!("system.locale: {locale:?} is not the name of a locale in UTF-8");
    Err(Fault::input(text)
        .hint("as in C.UTF-8, en_GB.UTF-8 or de_DE.UTF-8")
        .into())
}
