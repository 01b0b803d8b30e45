//! What `image` and `render` have in common: from arguments to a payload.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use image::base::debian::DebianBase;

use super::init::{self, NewSiteArgs, Told};
use crate::cli::Global;
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::output::Output;
use crate::payload::{self, Inputs, Payload, Sink};
use crate::recipe::{self, BaseChoice, Overrides, Plan, Size};
use crate::site::{Host, HostFiles, KeyAccess, NewSite, Site};
use crate::toolchain::{self, BrokerBinary, Target, TargetParser};

/// How to build.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// A built-in recipe, or the path of one of your own.
    #[arg(long, value_name = "NAME|FILE", default_value = recipe::DEFAULT)]
    recipe: String,
    /// The base image: `debian`, or an .img or .img.xz [default: the recipe's].
    #[arg(long, value_name = "NAME|FILE")]
    base: Option<String>,
    /// The kind of board [default: the recipe's].
    #[arg(long, value_parser = TargetParser)]
    target: Option<Target>,
    /// Room to leave on the root file system [default: the recipe's].
    #[arg(long, value_name = "SIZE")]
    free: Option<Size>,
    /// A folder of files to lay over those of the recipe; repeatable.
    #[arg(long, value_name = "DIR")]
    overlay: Vec<PathBuf>,
    /// A ready-made broker instead of a compiled one; no Rust is needed then.
    #[arg(long, value_name = "FILE")]
    broker: Option<PathBuf>,
    /// The Debian mirror that packages come from [default: apt's].
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    #[command(flatten)]
    new: NewSiteArgs,
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

impl BuildArgs {
    /// Resolves the recipe against the flags.
    pub(super) fn plan(&self) -> anyhow::Result<Plan> {
        let overrides = Overrides {
            base: self.base.clone(),
            target: self.target,
            free: self.free,
            overlays: self.overlay.clone(),
        };
        let directory = std::env::current_dir().context("finding the working directory")?;
        recipe::load(&self.recipe)?.resolve(overrides, &directory)
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

    /// Asks what a new site needs, if there is none.
    pub(super) fn new_site(&self, global: &Global) -> anyhow::Result<Option<NewSite>> {
        let root = &global.site;
        if Site::exists(root) {
            if self.new.only_for_new() {
                let text = format!(
                    "{} is a site already, and these flags are for a new one",
                    root.display()
                );
                return Err(Fault::input(text)
                    .hint("edit site.yaml and people.yaml in it instead")
                    .into());
            }
            return Ok(None);
        }
        self.complete("broker", &global.key_access()).map(Some)
    }

    /// Asks what a new site needs; its host is called `host` unless somebody says otherwise.
    pub(super) fn complete(&self, host: &str, access: &KeyAccess) -> anyhow::Result<NewSite> {
        self.new.complete(host, access)
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
        let new = self.new_site(global)?;
        // Looked at first: nobody shall wait for a base and then hear that the broker doesn't fit.
        let named = self.named_broker(plan.target)?;
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

    /// The recipe for a machine of a kind that is known already. Its base does not matter.
    pub(super) fn plan_for(&self, target: Target) -> anyhow::Result<Plan> {
        if let Some(wanted) = self.target.filter(|wanted| *wanted != target) {
            let text = format!("--target {wanted}: the machine is {target}");
            return Err(Fault::input(text).into());
        }
        let mut plan = self.plan()?;
        plan.target = target;
        Ok(plan)
    }

    /// The broker for `target`.
    pub(super) fn broker(
        &self,
        target: Target,
        cache: &Path,
        output: &Output,
    ) -> anyhow::Result<BrokerBinary> {
        match self.named_broker(target)? {
            Some(named) => Ok(named),
            None => toolchain::compiled(target, cache, &mut output.task()),
        }
    }

    /// The ready-made broker that was named on the command line.
    fn named_broker(&self, target: Target) -> anyhow::Result<Option<BrokerBinary>> {
        let named = self.broker.as_deref();
        named
            .map(|path| toolchain::ready_made(target, path))
            .transpose()
    }

    /// The host that was named on the command line.
    pub(super) fn host_name(&self) -> Option<&str> {
        self.new.host.as_deref()
    }

    /// The host that is built for.
    pub(super) fn host<'a>(&self, site: &'a Site) -> anyhow::Result<&'a Host> {
        site.host(self.new.host.as_deref())
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
