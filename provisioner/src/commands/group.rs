//! `provision group`.

use clap::Args;
use serde_json::json;

use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::Fault;
use crate::output::Output;
use crate::site::{Name, Site};

/// Changes or shows a group.
#[derive(Debug, Args)]
#[command(after_help = "Everybody in a group sees everybody in it.\n\n\
                        Examples:\n  provision group family jane fred    makes it, or adds to it\n  \
                        provision group family --remove fred\n  provision group family --delete\n  \
                        provision group family              prints who is in it")]
pub struct GroupArgs {
    /// The group's name.
    name: Name,
    /// Who comes into it; without anybody and without a flag, its members are printed.
    #[arg(value_name = "PERSON")]
    members: Vec<Name>,
    /// Who leaves it; the last one takes it along; repeatable.
    #[arg(long, value_name = "PERSON")]
    remove: Vec<Name>,
    /// Remove the group; the people stay.
    #[arg(long, conflicts_with_all = ["members", "remove"])]
    delete: bool,
}

/// Runs the command.
pub fn run(args: &GroupArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let mut site = Site::open(&global.site)?;
    let changed = if args.delete {
        delete(args, &mut site, output)?
    } else if args.members.is_empty() && args.remove.is_empty() {
        for member in site.people().group(&args.name)? {
            if !output.policy().json {
                output.data(member.as_str())?;
            }
        }
        false
    } else {
        change(args, &mut site, output)?
    };
    if output.policy().json {
        let members = site.people().groups.get(&args.name);
        let members: Vec<_> = members.into_iter().flatten().map(Name::as_str).collect();
        output.json(&json!({
            "version": 1,
            "name": args.name.as_str(),
            "members": members,
            "changed": changed,
        }))?;
    }
    if changed {
        output.note(super::UNTIL_THEN);
    }
    Ok(ExitStatus::Success)
}

fn delete(args: &GroupArgs, site: &mut Site, output: &Output) -> anyhow::Result<bool> {
    let members = site.change_people(|people| people.dissolve(&args.name))?;
    let text = format!("Removed group {}", args.name);
    output.status(&match members.len() {
        0 => format!("{text}, which was empty"),
        _ => format!("{text} of {}", listed(&members)),
    });
    Ok(true)
}

/// Brings people in and out in one step.
fn change(args: &GroupArgs, site: &mut Site, output: &Output) -> anyhow::Result<bool> {
    let name = &args.name;
    if let Some(both) = args.members.iter().find(|name| args.remove.contains(name)) {
        return Err(Fault::input(format!(
            "{both} is both to come into group {name} and to leave it"
        ))
        .into());
    }
    let (joined, gone) = site.change_people(|people| {
        let joined = match args.members.as_slice() {
            [] => None,
            members => Some(people.join(name, members)?),
        };
        let gone = match args.remove.as_slice() {
            [] => false,
            leavers => people.leave(name, leavers)?,
        };
        Ok((joined, gone))
    })?;
    let mut changed = !args.remove.is_empty();
    if let Some(joined) = joined {
        changed |= joined.created || !joined.added.is_empty();
        output.status(&match (joined.created, joined.added.is_empty()) {
            (true, _) => format!("Created group {name} of {}", listed(&joined.added)),
            (false, false) => format!("Added {} to group {name}", listed(&joined.added)),
            (false, true) => format!("Unchanged: {} in group {name} already", are(&args.members)),
        });
    }
    if !args.remove.is_empty() {
        output.status(&format!(
            "Removed {} from group {name}",
            listed(&args.remove)
        ));
    }
    if gone {
        output.status(&format!("Removed group {name}: nobody is in it any longer"));
    }
    Ok(changed)
}

fn listed<'a>(names: impl IntoIterator<Item = &'a Name>) -> String {
    let names: Vec<_> = names.into_iter().map(Name::as_str).collect();
    names.join(", ")
}

fn are(names: &[Name]) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", listed(names))
}
