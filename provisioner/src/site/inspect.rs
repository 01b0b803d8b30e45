//! Reading a site's files. By itself it locks nothing and makes nothing, so that it does for looking at a
//! site that another command has open.
//!
//! Files are replaced whole, so each is read as it was before or after what another command does.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::config::SiteConfig;
use super::people::People;
use super::store::{LAYOUT, VERSION};
use crate::fsio;
use crate::hint::Fault;

/// Reads which layout the site at `root` has.
///
/// # Errors
///
/// If it says none, or one that this program does not know.
pub fn layout(root: &Path) -> anyhow::Result<u32> {
    let path = root.join(VERSION);
    let Some(text) = fsio::read_optional(&path)? else {
        let text = format!(
            "{} is not there, which says how the site is laid out",
            path.display()
        );
        let hint = format!("`echo {LAYOUT} > {}`, if this is a site", path.display());
        return Err(Fault::input(text).hint(hint).into());
    };
    let text = text.trim();
    match text.parse() {
        Ok(LAYOUT) => Ok(LAYOUT),
        _ => Err(Fault::input(format!(
            "{} says {text:?}, and this program knows layout {LAYOUT}",
            path.display()
        ))
        .hint("use the version of provision that made the site, or a newer one")
        .into()),
    }
}

/// Reads `site.yaml`; an error names the place.
pub fn config(root: &Path) -> anyhow::Result<SiteConfig> {
    let path = root.join("site.yaml");
    let config: SiteConfig = read(&path)?;
    let checked = config.check();
    checked.map_err(|error| Fault::input(format!("{}: {error}", path.display())))?;
    Ok(config)
}

/// Reads `people.yaml`; an error names the place.
pub fn people(root: &Path) -> anyhow::Result<People> {
    let path = root.join("people.yaml");
    let people: People = read(&path)?;
    let checked = people.check();
    checked.map_err(|error| Fault::input(format!("{}: {error}", path.display())))?;
    Ok(people)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    crate::recipe::yaml::parse(&path.display().to_string(), &text)
}
