//! What `image` and `render` have in common: from arguments to a base and a payload.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::Args;
use image::Card;
use image::base::official::{Age, Archive};
use time::OffsetDateTime;

use super::build::BuildArgs;
use super::init::{self, Told};
use super::lock::LockArgs;
use crate::bases::{self, Base, DebianArgs, How, Locking, NetArgs};
use crate::cli::Global;
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::lock::{Mode, Settled};
use crate::output::Output;
use crate::payload::{self, BaseSystem, Inputs, Payload, Sink};
use crate::recipe::{BaseChoice, Overrides, Plan, Size};
use crate::site::{Host, HostFiles, NewSite, Site};
use crate::toolchain::{self, BrokerBinary};

/// How old a copy of the index may be before its site is asked again: whoever bakes twice in an hour wants
/// neither to wait nor to get another system.
const INDEX_AGE: Duration = Duration::from_hours(24);

/// How to build a card.
#[derive(Debug, Args)]
pub struct CardArgs {
    /// The base image: `raspios-lite`, `debian`, `debian-bookworm`, another name that `provision bases` lists, or an .img, .xz, .gz,
    /// .zst or .zip [default: the first of the recipe's that can be had].
    #[arg(long, value_name = "NAME|FILE")]
    base: Option<String>,
    /// Room to leave on the root file system, as 500M [default: the recipe's].
    #[arg(long, value_name = "SIZE")]
    free: Option<Size>,
    #[command(flatten)]
    net: NetArgs,
    #[command(flatten)]
    debian: DebianArgs,
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
    /// The base, if it was asked for.
    pub(super) base: Option<Base>,
}

/// Whether the base image is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithBase {
    Yes,
    No,
}

impl CardArgs {
    pub(super) fn plan(&self) -> anyhow::Result<Plan> {
        self.build.plan(Overrides {
            base: self.base.clone(),
            free: self.free,
            ..Overrides::default()
        })
    }

    /// How to get at the base.
    fn how<'a>(&'a self, plan: &'a Plan, global: &Global, cache: &'a Path) -> How<'a> {
        How {
            cache,
            architecture: plan.target.architecture(),
            net: &self.net,
            debian: &self.debian,
            locking: Locking {
                path: self.build.lock(global),
                mode: self.lock.mode(),
                today: OffsetDateTime::now_utc().date(),
                packages: &plan.packages,
            },
            // Whoever asks for the newest doesn't mean that of this morning.
            age: match self.lock.mode() {
                Mode::Update => Age::Newest,
                Mode::Obey | Mode::Locked => Age::Within(INDEX_AGE, SystemTime::now()),
            },
            archive: Archive::Remove,
        }
    }

    /// Refuses a target that boots from no card, before anything is made for it.
    pub(super) fn check_card(&self) -> anyhow::Result<()> {
        self.plan()?.target.check_card()
    }

    /// Makes or finds everything that takes long, side by side, then opens or makes the site:
    /// last, so that a failure before leaves no site behind.
    pub(super) fn parts(
        &self,
        with_base: WithBase,
        global: &Global,
        output: &Output,
    ) -> anyhow::Result<Parts> {
        let new = self.build.new_site(global)?;
        self.parts_with(new, with_base, global, output)
    }

    /// The same with what a new site needs, if there is none.
    pub(super) fn parts_with(
        &self,
        new: Option<NewSite>,
        with_base: WithBase,
        global: &Global,
        output: &Output,
    ) -> anyhow::Result<Parts> {
        let plan = self.plan()?;
        // Looked at first: nobody shall wait for a base and then hear that the broker doesn't fit.
        let named = self.build.named_broker(plan.target)?;
        output.watch_interrupts().context("watching for Ctrl-C")?;
        let cache = fsio::cache_directory()?;
        fsio::create_directory(&cache, Access::Public)?;
        let (base, broker) = std::thread::scope(|scope| {
            let base = scope.spawn(|| match with_base {
                WithBase::Yes => {
                    bases::prepare(&plan.base, &self.how(&plan, global, &cache), output).map(Some)
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

    /// Says what `--locked` and `--update` would come to for a base of Debian's packages, and changes nothing.
    pub(super) fn preview_lock(&self, global: &Global, output: &Output) -> anyhow::Result<()> {
        let plan = self.plan()?;
        if let [BaseChoice::Debian(suite)] = plan.base.as_slice()
            && self.lock.mode() != Mode::Obey
        {
            let cache = fsio::cache_directory()?;
            bases::settle_debian(*suite, &self.how(&plan, global, &cache), output)?;
        }
        Ok(())
    }
}

impl Parts {
    /// The lock that says what the base is made of.
    pub(super) fn lock(&self) -> Option<&Settled> {
        self.base.as_ref()?.lock.as_ref()
    }

    /// Assembles the payload for `host`.
    pub(super) fn payload(&self, host: &Host, files: &HostFiles) -> anyhow::Result<Payload> {
        self.payload_by(&self.plan, host, files)
    }

    /// The same by a plan of its own.
    pub(super) fn payload_by(
        &self,
        plan: &Plan,
        host: &Host,
        files: &HostFiles,
    ) -> anyhow::Result<Payload> {
        payload::assemble(&Inputs {
            plan,
            site: &self.site,
            host,
            files,
            broker: &self.broker,
            sink: Sink::Card,
            system: self.system()?,
        })
    }

    /// What the base is. Without a base, `debian` is what it says, and of a file that can't be looked into it
    /// is not known.
    fn system(&self) -> anyhow::Result<Option<BaseSystem>> {
        if let Some(base) = &self.base {
            let card = Card::open(&base.image).map_err(image::Error::from)?;
            let detected = card.first_boot().map_err(image::Error::from)?;
            return Ok(Some(detected.first_boot.into()));
        }
        let path = match self.plan.base.as_slice() {
            [BaseChoice::Debian(_)] => return Ok(Some(BaseSystem::Debian)),
            [BaseChoice::File(path)] => path,
            // Which of them it will be, or what an official image has in it, is only known once it is there.
            _ => return Ok(None),
        };
        let detected = Card::open(path).and_then(|card| card.first_boot());
        Ok(detected.ok().map(|detected| detected.first_boot.into()))
    }
}
