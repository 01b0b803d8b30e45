//! From the names in a recipe to one base that is ready.

use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use image::Architecture;
use image::base::debian::DebianBase;
use image::base::local;
use image::base::official::{Age, Archive};

use super::net::NetArgs;
use super::official::{self, Failed};
use super::taken::{Base, What};
use crate::hint::Fault;
use crate::output::{Output, duration};
use crate::recipe::{BaseChoice, DebianSuite};

/// How to get at bases.
#[derive(Debug, Clone, Copy)]
pub struct How<'a> {
    /// Where everything is kept.
    pub cache: &'a Path,
    /// What the base's programs shall be compiled for.
    pub architecture: Architecture,
    /// Where Raspberry Pi OS comes from.
    pub net: &'a NetArgs,
    /// Where Debian's packages come from, if not from where apt has them.
    pub mirror: Option<&'a str>,
    /// How new the index must be.
    pub age: Age,
    /// What becomes of archives.
    pub archive: Archive,
}

/// Prepares the first of `choices` that can be had, and says which it is. A base whose site is out of reach is
/// passed over with a line that says so, unless it is the last.
pub fn prepare(choices: &[BaseChoice], how: &How<'_>, output: &Output) -> anyhow::Result<Base> {
    let begun = Instant::now();
    let mut others = choices.iter();
    while let Some(choice) = others.next() {
        let made = match choice {
            BaseChoice::File(path) => file(path, how, output).map_err(Failed::Other),
            BaseChoice::Debian(suite) => debian(*suite, how, output).map_err(Failed::Other),
            BaseChoice::Official(name) => official::prepare(name, how, output),
        };
        match made {
            Ok(base) => {
                output.status(&format!("Took base {}", base.description));
                output.detail(&format!(
                    "base {} in {}",
                    base.image.display(),
                    duration(begun.elapsed())
                ));
                return Ok(base);
            }
            Err(Failed::OutOfReach(error)) if !others.as_slice().is_empty() => {
                output.status(&format!("Skipped base {choice}: {error}"));
            }
            Err(Failed::OutOfReach(error)) => {
                return Err(anyhow::Error::from(error)).with_context(|| preparing(choice));
            }
            Err(Failed::Other(error)) => return Err(error),
        }
    }
    Err(Fault::input("no base is named").into())
}

fn preparing(choice: &BaseChoice) -> String {
    format!("preparing base {choice}")
}

fn file(path: &Path, how: &How<'_>, output: &Output) -> anyhow::Result<Base> {
    let base = local::open(path, how.cache, how.architecture, &mut output.task())
        .map_err(image::Error::from)
        .with_context(|| format!("preparing base {}", path.display()))?;
    let system = match base.release.pretty_name.as_str() {
        "" => &base.release.codename,
        name => name,
    };
    let description = format!("{} ({system}, {})", path.display(), base.architecture);
    let what = What::File(path.to_owned());
    let mut taken = if base.image.starts_with(how.cache) {
        Base::held(base.image, what, description)?
    } else {
        Base::in_place(base.image, what, description)
    };
    taken.sha256 = Some(base.sha256);
    Ok(taken)
}

fn debian(suite: DebianSuite, how: &How<'_>, output: &Output) -> anyhow::Result<Base> {
    let architecture = how.architecture;
    let base = DebianBase::new(architecture)
        .filter(|base| base.suite() == suite.name())
        .ok_or_else(|| {
            let text = format!(
                "there is no base of Debian {} for {architecture}",
                suite.name()
            );
            Fault::input(text).hint("`--base debian` is the stable release")
        })?;
    let base = match how.mirror {
        Some(mirror) => base.with_mirror(mirror),
        None => base,
    };
    let path = base
        .prepare(how.cache, &mut output.task())
        .map_err(image::Error::from)
        .context("building the Debian base")?;
    tell_age(&path, output);
    let description = format!("debian {} ({architecture})", suite.name());
    Base::held(path, What::Debian(suite), description)
}

/// A base's packages are as old as the base, and so are their security updates.
fn tell_age(base: &Path, output: &Output) {
    const OLD: u64 = 30;
    let built = std::fs::metadata(base).and_then(|meta| meta.modified());
    let age = built.ok().and_then(|built| built.elapsed().ok());
    let days = age.map_or(0, |age| age.as_secs() / (24 * 60 * 60));
    if days >= OLD {
        output.warn(&format!(
            "the base's packages are {days} days old; remove {} to have it built of newer ones",
            base.display()
        ));
    }
}
