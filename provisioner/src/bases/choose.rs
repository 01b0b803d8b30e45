//! From the names in a recipe to one base that is ready.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use image::Architecture;
use image::base::local;
use image::base::official::{Age, Archive};

use super::debian::{self, DebianArgs};
use super::net::NetArgs;
use super::official::{self, Failed};
use super::taken::{Base, What};
use crate::hint::Fault;
use crate::lock::{LockFile, Mode};
use crate::output::{Output, duration};
use crate::recipe::BaseChoice;
use time::Date;

/// How to get at bases.
#[derive(Debug, Clone)]
pub struct How<'a> {
    /// Where everything is kept.
    pub cache: &'a Path,
    /// What the base's programs shall be compiled for.
    pub architecture: Architecture,
    /// Where Raspberry Pi OS comes from.
    pub net: &'a NetArgs,
    /// Where Debian's packages come from.
    pub debian: &'a DebianArgs,
    /// What a lock says, and may be made to say.
    pub locking: Locking<'a>,
    /// How new the index must be.
    pub age: Age,
    /// What becomes of archives.
    pub archive: Archive,
}

/// What bases are to be made of.
#[derive(Debug, Clone)]
pub struct Locking<'a> {
    /// Where the lock is, or will be.
    pub path: PathBuf,
    /// What may be done with it.
    pub mode: Mode,
    /// The day, for what is locked anew.
    pub today: Date,
    /// Packages beside those of every base of Debian.
    pub packages: &'a [String],
}

impl Locking<'_> {
    /// The first of `choices` that the lock knows, alone: what was taken once is taken again, whatever could be
    /// reached today. All of them if the lock knows none or is to be made anew.
    fn first<'c>(
        &self,
        choices: &'c [BaseChoice],
        architecture: Architecture,
    ) -> anyhow::Result<&'c [BaseChoice]> {
        if self.mode == Mode::Update {
            return Ok(choices);
        }
        let file = LockFile::open(self.path.clone())?;
        let known = choices.iter().position(|choice| match choice {
            BaseChoice::Debian(suite) => file.debian(*suite, architecture).is_some(),
            BaseChoice::Official(name) => file.official(name, architecture).is_some(),
            BaseChoice::File(_) => false,
        });
        Ok(known.map_or(choices, |at| &choices[at..=at]))
    }
}

/// Prepares the first of `choices` that can be had, and says which it is. A base whose site is out of reach is
/// passed over with a line that says so, unless it is the last.
pub fn prepare(choices: &[BaseChoice], how: &How<'_>, output: &Output) -> anyhow::Result<Base> {
    let begun = Instant::now();
    let mut others = how.locking.first(choices, how.architecture)?.iter();
    while let Some(choice) = others.next() {
        let made = match choice {
            BaseChoice::File(path) => file(path, how, output).map_err(Failed::Other),
            BaseChoice::Debian(suite) => {
                debian::prepare(*suite, how, output).map_err(Failed::Other)
            }
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
