//! The base images that a recipe names, in order of preference.

use std::fmt;
use std::path::{Path, PathBuf};

use image::base::debian::Suite;
use image::base::official::is_identifier;
use schemars::JsonSchema;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::hint::{Fault, nearest};

/// One base, or several in order of preference.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum BaseNames {
    /// The name of a base, or the path of an image, relative to the recipe.
    One(String),
    /// The first that can be had is taken.
    Several(Vec<String>),
}

impl BaseNames {
    /// All names.
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }

    /// The same with each name changed by `change`.
    pub(super) fn map(self, change: impl Fn(String) -> String) -> Self {
        match self {
            Self::One(name) => Self::One(change(name)),
            Self::Several(names) => Self::Several(names.into_iter().map(change).collect()),
        }
    }
}

impl<'de> Deserialize<'de> for BaseNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Names)
    }
}

/// Reads a name or a list, with one clear word on anything else.
struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = BaseNames;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a base, or a list of them")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<BaseNames, E> {
        Ok(BaseNames::One(name.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<BaseNames, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = list.next_element()? {
            names.push(name);
        }
        if names.is_empty() {
            return Err(serde::de::Error::custom("a list of bases has one at least"));
        }
        Ok(BaseNames::Several(names))
    }
}

/// A base image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseChoice {
    /// Built from Debian's packages.
    Debian(Suite),
    /// An entry of the official index, as recipes call it: `raspios-lite`.
    Official(String),
    /// An image file.
    File(PathBuf),
}

/// Names that need no index to be known.
pub const KNOWN: [&str; 9] = [
    "debian",
    "debian-trixie",
    "debian-bookworm",
    "raspios-lite",
    "raspios",
    "raspios-full",
    "raspios-oldstable-lite",
    "raspios-oldstable",
    "raspios-oldstable-full",
];

/// The base that `name` means; paths are relative to `dir`.
pub(super) fn choice(name: &str, dir: &Path) -> anyhow::Result<BaseChoice> {
    if let Some(suite) = Suite::of_base(name) {
        return Ok(BaseChoice::Debian(suite));
    }
    // Without the "./" of people and of recipes.
    let path: PathBuf = dir.join(name).components().collect();
    if name.contains(['/', '.']) || path.exists() {
        return Ok(BaseChoice::File(path));
    }
    // The index may have others than are known here.
    if is_identifier(name) && (name == "raspios" || name.starts_with("raspios-")) {
        return Ok(BaseChoice::Official(name.to_owned()));
    }
    let fault = Fault::input(format!("there is no base {name}, and no file of that name"));
    Err(match nearest(name, KNOWN) {
        Some(near) => fault.hint(format!("did you mean {near}?")),
        None => fault.hint(
            "a base is `raspios-lite`, `debian`, another name that `provision bases` lists, or the path of an image",
        ),
    }
    .into())
}

impl fmt::Display for BaseChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Debian(Suite::STABLE) => f.write_str("debian"),
            Self::Debian(suite) => f.write_str(suite.base_name()),
            Self::Official(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Recipe, yaml};

    fn base(text: &str) -> Result<Vec<String>, String> {
        let recipe = yaml::parse::<Recipe>("my.yaml", text).map_err(|error| error.to_string())?;
        Ok(recipe
            .base
            .map_or_else(Vec::new, |base| base.names().to_vec()))
    }

    #[test]
    fn one_name_and_a_list_are_both_fine() {
        assert_eq!(base("base: debian\n").unwrap(), ["debian"]);
        assert_eq!(
            base("base: [raspios-lite, debian]\n").unwrap(),
            ["raspios-lite", "debian"]
        );
    }

    #[test]
    fn anything_else_is_an_error_with_its_place() {
        insta::assert_snapshot!(base("base: {a: b}\n").unwrap_err(), @"my.yaml:1:7: base: invalid type: map, expected the name of a base, or a list of them");
        insta::assert_snapshot!(base("base: []\n").unwrap_err(), @"my.yaml:1:7: base: a list of bases has one at least");
        insta::assert_snapshot!(base("base: [debian, [x]]\n").unwrap_err(), @"my.yaml:1:16: base[1]: invalid type: sequence, expected a string");
    }

    #[test]
    fn names_are_told_from_files_and_typing_errors() {
        let dir = tempfile::tempdir().unwrap();
        let of = |name: &str| choice(name, dir.path()).map(|choice| choice.to_string());
        for name in KNOWN.into_iter().filter(|name| *name != "debian-trixie") {
            assert_eq!(of(name).unwrap(), name);
        }
        assert_eq!(
            of("raspios-something-new").unwrap(),
            "raspios-something-new"
        );
        assert_eq!(
            of("./debian").unwrap(),
            dir.path().join("debian").display().to_string()
        );
        let error = choice("rasbios-lite", dir.path()).unwrap_err();
        assert_eq!(
            crate::hint::of(&error).unwrap(),
            "did you mean raspios-lite?"
        );
    }
}
