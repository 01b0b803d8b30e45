//! A base of Debian's packages: those of the lock, or the newest.

use anyhow::Context;
use clap::Args;
use image::Architecture;
use image::base::debian::{DebianBase, PinnedBase, Suite};

use super::choose::How;
use super::taken::{Base, What};
use crate::hint::Fault;
use crate::lock::{self, LockFile, Settled};
use crate::output::Output;

/// Where Debian's packages come from.
#[derive(Debug, Clone, Default, Args)]
pub struct DebianArgs {
    /// The Debian mirror that packages come from [default: apt's].
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// The mirror of Debian's security updates [default: Debian's own].
    #[arg(long, value_name = "URL")]
    security_mirror: Option<String>,
}

impl DebianArgs {
    fn base(
        &self,
        suite: Suite,
        architecture: Architecture,
        packages: &[String],
    ) -> anyhow::Result<DebianBase> {
        let mut base = DebianBase::new(suite, architecture)
            .ok_or_else(|| Fault::new(format!("Debian has no base for {architecture}")))?;
        if let Some(mirror) = &self.mirror {
            base = base.with_mirror(address("--mirror", mirror)?);
        }
        if let Some(mirror) = &self.security_mirror {
            base = base.with_security_mirror(address("--security-mirror", mirror)?);
        }
        let base = base.with_packages(packages);
        Ok(base.map_err(image::Error::from)?)
    }
}

/// Finds out which packages the base of `suite` is made of, and builds it where it isn't in the cache.
pub(super) fn prepare(suite: Suite, how: &How<'_>, output: &Output) -> anyhow::Result<Base> {
    let (pinned, settled) = settle(suite, how, output)?;
    let path = pinned
        .prepare(how.cache, &mut output.task())
        .map_err(image::Error::from)
        .context("building the Debian base")?;
    let description = format!("debian {suite} ({})", how.architecture);
    let mut base = Base::held(path, What::Debian(suite), description)?;
    base.lock = Some(settled);
    Ok(base)
}

/// Finds out which packages the base of `suite` is made of. Nothing is written.
pub fn settle(
    suite: Suite,
    how: &How<'_>,
    output: &Output,
) -> anyhow::Result<(PinnedBase, Settled)> {
    let locking = &how.locking;
    let base = how.debian.base(suite, how.architecture, locking.packages)?;
    let mut file = LockFile::open(locking.path.clone())?;
    let (mode, today) = (locking.mode, locking.today);
    let pinned = lock::pin(base, &mut file, mode, today, &mut output.task())?;
    if let Some(age) = &pinned.age {
        output.warn(age);
    }
    let outcome = pinned.outcome;
    let settled = Settled { file, outcome };
    settled.tell_changes(output);
    Ok((pinned.base, settled))
}

/// Refuses what would be something else than an address in a line of `sources.list`.
fn address<'a>(flag: &str, mirror: &'a str) -> anyhow::Result<&'a str> {
    let host = ["http://", "https://"]
        .into_iter()
        .find_map(|scheme| mirror.strip_prefix(scheme));
    let plain = |c: char| c.is_ascii_graphic() && !"[]\"'\\".contains(c);
    if host.is_some_and(|host| !host.is_empty()) && mirror.chars().all(plain) {
        return Ok(mirror);
    }
    Err(
        Fault::input(format!("{flag} {mirror:?} is no address of a mirror"))
            .hint("as in `http://deb.debian.org/debian`")
            .into(),
    )
}
