//! What `image`, `render` and `push` have in common: recipe, broker, site.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::init::NewSiteArgs;
use crate::cli::Global;
use crate::fleet::Fleet;
use crate::hint::Fault;
use crate::lock::LockFile;
use crate::output::Output;
use crate::recipe::{self, Overrides, Plan};
use crate::site::{Host, KeyAccess, NewSite, Site};
use crate::toolchain::{self, BrokerBinary, Target, TargetParser};

/// How to build, for a card or for a machine that runs.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// A built-in recipe, or the path of one of your own.
    #[arg(long, value_name = "NAME|FILE", default_value = recipe::DEFAULT)]
    recipe: String,
    /// The kind of board [default: the recipe's].
    #[arg(long, value_parser = TargetParser)]
    target: Option<Target>,
    /// A folder of files to lay over those of the recipe; repeatable.
    #[arg(long, value_name = "DIR")]
    overlay: Vec<PathBuf>,
    /// A ready-made broker instead of a compiled one; no Rust is needed then.
    #[arg(long, value_name = "FILE")]
    broker: Option<PathBuf>,
    #[command(flatten)]
    new: NewSiteArgs,
}

impl BuildArgs {
    /// Resolves the recipe against the flags, here and in `card`.
    pub(super) fn plan(&self, card: Overrides) -> anyhow::Result<Plan> {
        let overrides = Overrides {
            target: self.target,
            overlays: self.overlay.clone(),
            ..card
        };
        let directory = std::env::current_dir().context("finding the working directory")?;
        recipe::load(&self.recipe)?.resolve(overrides, &directory)
    }

    /// Where the lock of the recipe is.
    pub(super) fn lock(&self, global: &Global) -> PathBuf {
        LockFile::place(&self.recipe, &global.site)
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

    /// The same for a site whose hosts are the cards of `fleet`.
    pub(super) fn new_site_for(
        &self,
        fleet: &Fleet,
        organization: &str,
        global: &Global,
    ) -> anyhow::Result<Option<NewSite>> {
        if Site::exists(&global.site) {
            return self.new_site(global);
        }
        let access = global.key_access();
        self.new
            .complete_for(fleet, organization, &access)
            .map(Some)
    }

    /// The flag that is about the one host that is built for, if it was given.
    pub(super) fn only_for_one(&self) -> Option<&'static str> {
        self.new.only_for_one()
    }

    /// Asks what a new site needs; its host is called `host` unless somebody says otherwise.
    pub(super) fn complete(&self, host: &str, access: &KeyAccess) -> anyhow::Result<NewSite> {
        self.new.complete(host, access)
    }

    /// The recipe for a machine of a kind that is known already. Its base does not matter.
    pub(super) fn plan_for(&self, target: Target) -> anyhow::Result<Plan> {
        if let Some(wanted) = self.target.filter(|wanted| *wanted != target) {
            let text = format!("--target {wanted}: the machine is {target}");
            return Err(Fault::input(text).into());
        }
        let mut plan = self.plan(Overrides::default())?;
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
    pub(super) fn named_broker(&self, target: Target) -> anyhow::Result<Option<BrokerBinary>> {
        let named = self.broker.as_deref();
        named
            .map(|path| toolchain::ready_made(target, path))
            .transpose()
    }

    /// The recipe's name, without the folder that it is in.
    pub(super) fn recipe_name(&self) -> String {
        let path = Path::new(&self.recipe);
        let name = path.file_name().unwrap_or(path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// Whether the broker is compiled from the source at hand.
    pub(super) fn compiles(&self) -> bool {
        self.broker.is_none()
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
