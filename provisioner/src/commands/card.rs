//! What `image` and `render` have in common: from arguments to a base and a payload.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use image::base::debian::DebianBase;

use super::build::BuildArgs;
use super::init::{self, Told};
use crate::cli::Global;
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::output::Output;
use crate::payload::{self, Inputs, Payload, Sink};
use crate::recipe::{BaseChoice, Overrides, Plan, Size};
use crate::site::{Host, HostFiles, Site};
use crate::toolchain::{self, BrokerBinary};

/// How to build a card.
#[derive(Debug, Args)]
pub struct CardArgs {
    /// The base image: `debian`, or an .img or .img.xz [default: the recipe's].
    #[arg(long, value_name = "NAME|FILE")]
    base: Option<String>,
    /// Room to leave on the root file system [default: the recipe's].
    #[arg(long, value_name = "SIZE")]
    free: Option<Size>,
    /// The Debian mirror that packages come from [default: apt's].
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
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
        let cache = fsio::cache_directory()?;
        fsio::create_directory(&cache, Access::Public)?;
        let (base, broker) = std::thread::scope(|scope| {
            let base = scope.spawn(|| match with_base {
                WithBase::Yes => {
                    base_image(&plan, self.mirror.as_deref(), &cache, output).map(Some)
                }
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
        })
    }
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

fn base_image(
    plan: &Plan,
    mirror: Option<&str>,
    cache: &Path,
    output: &Output,
) -> anyhow::Result<PathBuf> {
    let begun = Instant::now();
    let mut task = output.task();
    let path = match &plan.base {
        BaseChoice::File(path) => {
            let base = image::base::local::open(path, cache, plan.target.architecture(), &mut task);
            base.map_err(image::Error::from)
                .with_context(|| format!("preparing base {}", path.display()))?
                .image
        }
        BaseChoice::Debian => {
            let architecture = plan.target.architecture();
            let base = DebianBase::new(architecture)
                .ok_or_else(|| Fault::new(format!("Debian has no base for {architecture}")))?;
            let base = match mirror {
                Some(mirror) => base.with_mirror(mirror),
                None => base,
            };
            let path = base
                .prepare(cache, &mut task)
                .map_err(image::Error::from)
                .context("building the Debian base")?;
            tell_age(&path, output);
            path
        }
    };
    output.detail(&format!(
        "base {} in {}",
        path.display(),
        crate::output::duration(begun.elapsed())
    ));
    Ok(path)
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
