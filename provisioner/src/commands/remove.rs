//! `provision remove`.

use clap::Args;
use serde_json::json;

use super::push::ReachArgs;
use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::Fault;
use crate::output::Output;
use crate::prompt;
use crate::remote::{Destination, Facts, Root};
use crate::site::Site;

/// Removes the broker from a Pi: service, program, configuration, keys. The site keeps all of it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision remove broker\n  \
                        provision remove pi@192.168.1.189 --purge --yes")]
pub struct RemoveArgs {
    /// A host of the site that was pushed to, or where it is.
    #[arg(value_name = "HOST|USER@HOST[:PORT]")]
    host: String,
    /// Also remove what the broker has stored (retained messages, sessions) and its user.
    #[arg(long)]
    purge: bool,
    /// Don't ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    reach: ReachArgs,
}

/// Runs the command.
pub fn run(args: &RemoveArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let site = Site::open(&global.site)?;
    let destination = destination(args, &site)?;
    let keys = site.card_host_keys()?;
    let connection = args.reach.open(&destination, site.root(), keys)?;
    let facts = Facts::of(&connection)?;
    facts.target()?;
    let what = if args.purge {
        "the broker, its configuration and keys, and all messages that it has stored"
    } else {
        "the broker, its configuration and keys"
    };
    if !args.yes {
        confirm(&format!(
            "Remove {what} from {} ({destination})?",
            facts.hostname
        ))?;
    }
    if let Some(said) = connection.remember(site.root())? {
        output.status(&said);
    }
    Root::of(&connection, &facts)?.uninstall(args.purge)?;
    for host in &site.config().hosts {
        let push = site.last_push(host)?;
        if push.is_some_and(|push| push.machine == facts.id) {
            site.forget_push(host)?;
        }
    }
    output.status(&format!("Removed {what} from {}", facts.hostname));
    if !args.purge {
        output.note("What it has stored is still in /var/lib/mqtt-broker there; --purge removes that as well.");
    }
    if output.policy().json {
        output.json(&json!({
            "version": 1,
            "host": facts.hostname,
            "destination": destination.to_string(),
            "purged": args.purge,
        }))?;
    } else {
        output.data(&facts.hostname)?;
    }
    Ok(ExitStatus::Success)
}

fn confirm(question: &str) -> anyhow::Result<()> {
    if !prompt::can_ask() {
        let text =
            "there is no terminal to ask whether the broker shall be removed; nothing was changed";
        return Err(Fault::input(text).hint("say --yes").into());
    }
    if !prompt::confirm(question)? {
        return Err(Fault::new("the broker stays; nothing was changed").into());
    }
    Ok(())
}

/// Where the host is: as it was pushed to last, unless the argument says so itself.
fn destination(args: &RemoveArgs, site: &Site) -> anyhow::Result<Destination> {
    if args.host.contains('@') {
        let parsed: Result<Destination, _> = args.host.parse();
        return parsed.map_err(|error| Fault::input(error.to_string()).into());
    }
    let host = site.host(Some(&args.host))?;
    let Some(push) = site.last_push(host)? else {
        let text = format!(
            "{} was never pushed to, so it is not known where it is",
            host.name
        );
        return Err(Fault::input(text)
            .hint("say where: provision remove USER@HOST")
            .into());
    };
    let parsed: Result<Destination, _> = push.destination.parse();
    parsed.map_err(|error| Fault::input(error.to_string()).into())
}
