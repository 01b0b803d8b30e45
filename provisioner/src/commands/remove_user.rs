//! `provision remove-user`.

use clap::Args;
use serde_json::json;

use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::Fault;
use crate::output::Output;
use crate::prompt;
use crate::site::{Departure, Name, Sees, Site};

/// Removes a person.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision remove-user jjolie\n  \
                        provision remove-user jjolie --yes     in a script")]
pub struct RemoveUserArgs {
    /// The person's name.
    name: Name,
    /// Don't ask.
    #[arg(long)]
    yes: bool,
}

/// Runs the command.
pub fn run(args: &RemoveUserArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let mut site = Site::open(&global.site)?;
    let departure = site.departure(&args.name)?;
    if !args.yes {
        confirm(&args.name, &departure)?;
    }
    let now = time::OffsetDateTime::now_utc();
    site.revoke_client(&args.name, &global.key_access(), now)?;
    site.remove_person(&args.name, &departure)?;
    if output.policy().json {
        output.json(&as_json(&args.name, &departure))?;
    } else {
        output.data(args.name.as_str())?;
    }
    output.status(&match departure.farewell {
        Some(_) => format!("Removed {}", args.name),
        None => format!("Removed what was left of {}", args.name),
    });
    for lost in losses(&departure) {
        output.note(&format!("  also {lost}"));
    }
    output.note(super::UNTIL_THEN);
    Ok(ExitStatus::Success)
}

fn confirm(name: &Name, departure: &Departure) -> anyhow::Result<()> {
    if !prompt::can_ask() {
        let text = format!(
            "there is no terminal to ask whether {name} shall be removed; nothing was changed"
        );
        return Err(Fault::input(text).hint("say --yes").into());
    }
    let losses = losses(departure).join("; ");
    if !prompt::confirm(&format!("With {name} go {losses}.\nRemove {name}?"))? {
        return Err(Fault::new(format!("{name} stays; nothing was changed")).into());
    }
    Ok(())
}

/// What goes with the person, in words.
fn losses(departure: &Departure) -> Vec<String> {
    let mut losses = Vec::new();
    if let Some(farewell) = &departure.farewell {
        for (viewer, seen) in &farewell.seen_by {
            losses.push(format!("{} in what {viewer} sees", joined(seen)));
        }
        for group in &farewell.groups {
            losses.push(if farewell.emptied.contains(group) {
                format!("group {group} (nobody else is in it)")
            } else {
                format!("the place in group {group}")
            });
        }
    }
    if departure.client_certificate {
        losses.push("the client certificate, which is revoked".to_owned());
    }
    losses.push(if departure.kept_password {
        "the password, not handed over yet".to_owned()
    } else {
        "the password".to_owned()
    });
    losses
}

fn joined(seen: &[Sees]) -> String {
    let seen: Vec<_> = seen.iter().map(ToString::to_string).collect();
    seen.join(", ")
}

fn as_json(name: &Name, departure: &Departure) -> serde_json::Value {
    let farewell = departure.farewell.clone().unwrap_or_default();
    let texts = |names: &[Name]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    let seen_by: Vec<_> = farewell
        .seen_by
        .iter()
        .flat_map(|(viewer, seen)| {
            seen.iter()
                .map(move |seen| json!({ "name": viewer.as_str(), "sees": seen.to_string() }))
        })
        .collect();
    json!({
        "version": 1,
        "name": name.as_str(),
        "seen_by": seen_by,
        "groups": texts(&farewell.groups),
        "removed_groups": texts(&farewell.emptied),
    })
}
