//! What `image` and `render` have in common: from arguments to a base and a payload.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use image::base::debian::{DebianBase, PinnedBase, Suite};
use time::OffsetDateTime;

use super::build::BuildArgs;
use super::init::{self, Told};
use super::lock::{LockArgs, Settled};
use crate::cli::Global;
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::lock::{self, LockFile};
use crate::output::Output;
use crate::payload::{self, Inputs, Payload, Sink};
use crate::recipe::{BaseChoice, Overrides, Plan, Size};
use crate::site::{Host, HostFiles, Site};
use crate::toolchain::{self, BrokerBinary};

/// How to build a card.
#[derive(Debug, Args)]
pub struct CardArgs {
    /// The base image: `debian`, `debian-bookworm`, or an .img or .img.xz [default: the recipe's].
    #[arg(long, value_name = "NAME|FILE")]
    base: Option<String>,
    /// Room to leave on the root file system [default: the recipe's].
    #[arg(long, value_name = "SIZE")]
    free: Option<Size>,
    /// The Debian mirror that packages come from [default: apt's].
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// The mirror of Debian's security updates [default: Debian's own].
    #[arg(long, value_name = "URL")]
    security_mirror: Option<String>,
    #[command(flatten)]
    lock: LockArgs,
    /// What a card has in common with a machine that runs.
    #[command(flatten)]
    pub build: BuildArgs,
}

/// The parts that a payload and an image are made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) plan: Plan,
    pub(super) site: Site,
    pub(super) told: Option<Told>,
    pub(super) broker: BrokerBinary,
    /// The raw base image, if it was asked for.
    pub(super) base: Option<PathBuf>,
    /// What the base is made of, if it is a lock that says so.
    pub(super) lock: Option<Settled>,
}

/// Whether the base image is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithBase {
    Yes,
    No,
}

impl CardArgs {
    fn plan(&self) -> anyhow::Result<Plan> {
        self.build.plan(Overrides {
            base: self.base.clone(),
            free: self.free,
            ..Overrides::default()
        })
    }

    /// Refuses a target that boots from no card, before anything is made for it.
    pub(super) fn check_card(&self) -> anyhow::Result<()> {
        let target = self.plan()?.target;
        if target.is_pi() {
            return Ok(());
        }
        let text = format!("no card can be made for {target}: it is no Raspberry Pi");
        Err(Fault::input(text)
            .hint("choose --target aarch64 (Pi 3, Zero 2 W, 4) or --target armv7 (Pi 2, 3)")
            .into())
    }

    /// Makes or finds everything that takes long, side by side, then opens or makes the site:
    /// last, so that a failure before leaves no site behind.
    pub(super) fn parts(
        &self,
        with_base: WithBase,
        global: &Global,
        output: &Output,
    ) -> anyhow::Result<Parts> {
        let plan = self.plan()?;
        let new = self.build.new_site(global)?;
        // Looked at first: nobody shall wait for a base and then hear that the broker doesn't fit.
        let named = self.build.named_broker(plan.target)?;
        output.watch_interrupts().context("watching for Ctrl-C")?;
        // So is what the base is made of.
        let (pinned, lock) = match (with_base, &plan.base) {
            (WithBase::Yes, BaseChoice::Debian(suite)) => {
                let (pinned, lock) = self.pinned(*suite, &plan, global, output)?;
                (Some(pinned), Some(lock))
            }
            _ => (None, None),
        };
        let cache = fsio::cache_directory()?;
        fsio::create_directory(&cache, Access::Public)?;
        let (base, broker) = std::thread::scope(|scope| {
            let base = scope.spawn(|| match with_base {
                WithBase::Yes => base_image(&plan, pinned.as_ref(), &cache, output),
                WithBase::No => Ok(None),
            });
            let broker = match named {
                Some(named) => Ok(named),
                None => toolchain::compiled(plan.target, &cache, &mut output.task()),
            };
            (base.join(), broker)
        });
        let base = base.or(Err(Fault::new("preparing the base image panicked")))??;
        let broker = broker?;
        let (site, told) = match new {
            None => (Site::open(&global.site)?, None),
            Some(new) => {
                init::create(new, &global.site, output).map(|(site, told)| (site, Some(told)))?
            }
        };
        Ok(Parts {
            plan,
            site,
            told,
            broker,
            base,
            lock,
        })
    }

    /// The Debian base that `plan` asks for, with the packages that it is made of.
    fn pinned(
        &self,
        suite: Suite,
        plan: &Plan,
        global: &Global,
        output: &Output,
    ) -> anyhow::Result<(PinnedBase, Settled)> {
        let base = self.debian(suite, plan)?;
        let mut file = LockFile::open(self.build.lock(global))?;
        let today = OffsetDateTime::now_utc().date();
        let mode = self.lock.mode();
        let pinned = lock::pin(base, &mut file, mode, today, &mut output.task())?;
        if let Some(age) = &pinned.age {
            output.warn(age);
        }
        let outcome = pinned.outcome;
        let settled = Settled { file, outcome };
        settled.tell_changes(output);
        Ok((pinned.base, settled))
    }

    fn debian(&self, suite: Suite, plan: &Plan) -> anyhow::Result<DebianBase> {
        let architecture = plan.target.architecture();
        let mut base = DebianBase::new(suite, architecture)
            .ok_or_else(|| Fault::new(format!("Debian has no base for {architecture}")))?;
        if let Some(mirror) = &self.mirror {
            base = base.with_mirror(address("--mirror", mirror)?);
        }
        if let Some(mirror) = &self.security_mirror {
            base = base.with_security_mirror(address("--security-mirror", mirror)?);
        }
        let base = base.with_packages(&plan.packages);
        Ok(base.map_err(image::Error::from)?)
    }

    /// Says what `--locked` and `--update` would come to, and changes nothing.
    pub(super) fn preview_lock(&self, global: &Global, output: &Output) -> anyhow::Result<()> {
        let plan = self.plan()?;
        if let BaseChoice::Debian(suite) = plan.base
            && self.lock.mode() != lock::Mode::Obey
        {
            self.pinned(suite, &plan, global, output)?;
        }
        Ok(())
    }
}

/// Makes or finds the base.
fn base_image(
    plan: &Plan,
    pinned: Option<&PinnedBase>,
    cache: &Path,
    output: &Output,
) -> anyhow::Result<Option<PathBuf>> {
    let begun = Instant::now();
    let mut task = output.task();
    let path = match (&plan.base, pinned) {
        (BaseChoice::File(path), _) => {
            let base = image::base::local::open(path, cache, plan.target.architecture(), &mut task);
            base.map_err(image::Error::from)
                .with_context(|| format!("preparing base {}", path.display()))?
                .image
        }
        (BaseChoice::Debian(_), Some(pinned)) => pinned
            .prepare(cache, &mut task)
            .map_err(image::Error::from)
            .context("building the Debian base")?,
        (BaseChoice::Debian(_), None) => return Ok(None),
    };
    output.detail(&format!(
        "base {} in {}",
        path.display(),
        crate::output::duration(begun.elapsed())
    ));
    Ok(Some(path))
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

impl Parts {
    /// Assembles the payload for `host`.
    pub(super) fn payload(&self, host: &Host, files: &HostFiles) -> anyhow::Result<Payload> {
        payload::assemble(&Inputs {
            plan: &self.plan,
            site: &self.site,
            host,
            files,
            broker: &self.broker,
            sink: Sink::Card,
        })
    }
}
