//! `provision fetch`.

use clap::Args;
use image::base::official::{Age, Archive};
use serde_json::json;
use time::OffsetDateTime;

use super::lock::LockArgs;
use crate::bases::{self, DebianArgs, How, Locking, NetArgs};
use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::fsio::{self, Access};
use crate::lock::LockFile;
use crate::output::Output;
use crate::recipe::{self, Overrides};
use crate::toolchain::{self, Target, TargetParser};

/// Fetches what a card is made of, so that it can be made without a network later.
///
/// A download that was cut goes on where it was.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provision fetch\n  provision fetch raspios-lite debian --target armv7\n  \
                        https_proxy=http://proxy.example:3128 provision fetch\n  \
                        provision fetch --image-mirror https://mirror.example/raspbian"
)]
pub struct FetchArgs {
    /// The bases: names as `provision bases` lists them, or files [default: the first of the recipe's that can be had].
    #[arg(value_name = "BASE")]
    bases: Vec<String>,
    /// A built-in recipe, or the path of one of your own.
    #[arg(long, value_name = "NAME|FILE", default_value = recipe::DEFAULT)]
    recipe: String,
    /// The kind of board [default: the recipe's].
    #[arg(long, value_parser = TargetParser)]
    target: Option<Target>,
    #[command(flatten)]
    debian: DebianArgs,
    #[command(flatten)]
    lock: LockArgs,
    /// Keep archives in the cache once they are unpacked.
    #[arg(long)]
    keep_archives: bool,
    /// Compile the broker too, which needs its crates from the network.
    #[arg(long)]
    with_broker: bool,
    #[command(flatten)]
    net: NetArgs,
}

/// Runs the command.
pub fn run(args: &FetchArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let directory = std::env::current_dir()?;
    let plan = |base: Option<String>| {
        let overrides = Overrides {
            base,
            target: args.target,
            ..Overrides::default()
        };
        recipe::load(&args.recipe)?.resolve(overrides, &directory)
    };
    // All names are looked at before anything is fetched.
    let plans = if args.bases.is_empty() {
        vec![plan(None)?]
    } else {
        let named = args.bases.iter().map(|base| plan(Some(base.clone())));
        named.collect::<anyhow::Result<_>>()?
    };
    for plan in &plans {
        plan.target.check_card()?;
    }
    output.watch_interrupts()?;
    let cache = fsio::cache_directory()?;
    fsio::create_directory(&cache, Access::Public)?;
    let mut fetched = Vec::new();
    for plan in &plans {
        let how = How {
            cache: &cache,
            architecture: plan.target.architecture(),
            net: &args.net,
            debian: &args.debian,
            locking: Locking {
                path: LockFile::place(&args.recipe, &global.site),
                mode: args.lock.mode(),
                today: OffsetDateTime::now_utc().date(),
                packages: &plan.packages,
            },
            age: Age::Newest,
            archive: if args.keep_archives {
                Archive::Keep
            } else {
                Archive::Remove
            },
        };
        let base = bases::prepare(&plan.base, &how, output)?;
        if let Some(lock) = base.lock.as_ref().filter(|lock| lock.has_place()) {
            lock.save(output)?;
        }
        if !output.policy().json {
            output.data(&base.image.display().to_string())?;
        }
        fetched.push(base.json());
    }
    let target = plans[0].target;
    if args.with_broker {
        toolchain::compiled(target, &cache, &mut output.task())?;
    }
    let broker = toolchain::is_cached(target, &cache);
    if output.policy().json {
        output.json(&json!({
            "version": 1,
            "bases": fetched,
            "broker": { "target": target.name(), "cached": broker },
        }))?;
    }
    if broker {
        output.note(&format!(
            "The broker for {target} is in the cache too: `provision image` needs no network."
        ));
    } else {
        output.note(&format!(
            "Without a network `provision image` also needs the broker for {target}: compile it now with\n\
             `provision fetch --with-broker`, or name one with --broker FILE."
        ));
    }
    Ok(ExitStatus::Success)
}
