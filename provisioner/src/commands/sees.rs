//! `provision sees`.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::output::Output;
use crate::site::{Granted, Name, Sees, Site};

/// Lets a person see another's locations.
#[derive(Debug, Args)]
#[command(
    after_help = "Seeing is reading the location, `event` and `info` of a device; never `cmd` or `waypoints`.\n\n\
                  Examples:\n  provision sees fred jane           all of jane's devices\n  \
                  provision sees fred jjolie/5s jjolie/watch"
)]
pub struct SeesArgs {
    /// Who may see.
    viewer: Name,
    /// Whom, all devices or one.
    #[arg(required = true, value_name = "NAME[/DEVICE]")]
    seen: Vec<Sees>,
}

/// Runs the command.
pub fn run(args: &SeesArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let mut site = Site::open(&global.site)?;
    let viewer = &args.viewer;
    let granted = site.change_people(|people| {
        let each = args.seen.iter().map(|seen| people.grant(viewer, seen));
        each.collect::<Result<Vec<_>, _>>()
    })?;
    let outcomes = || args.seen.iter().zip(&granted);
    for (seen, granted) in outcomes() {
        output.status(&told(viewer, seen, granted));
        if let Some(doubt) = seen
            .device
            .as_ref()
            .and_then(|device| site.doubt(&seen.name, device))
        {
            output.warn(&doubt);
        }
    }
    let changed = |granted: &Granted| matches!(granted, Granted::Added(_));
    if output.policy().json {
        let list: Vec<_> = outcomes()
            .map(|(seen, granted)| json!({ "sees": seen.to_string(), "changed": changed(granted) }))
            .collect();
        output.json(
            &json!({ "version": 1, "name": viewer.as_str(), "granted": Value::from(list) }),
        )?;
    }
    if granted.iter().any(changed) {
        output.note(super::UNTIL_THEN);
    }
    Ok(ExitStatus::Success)
}

fn told(viewer: &Name, seen: &Sees, granted: &Granted) -> String {
    match granted {
        Granted::Added(covered) if covered.is_empty() => format!("Granted: {viewer} sees {seen}"),
        Granted::Added(covered) => {
            let covered: Vec<_> = covered.iter().map(ToString::to_string).collect();
            let covered = covered.join(", ");
            format!("Granted: {viewer} sees {seen}, all devices; this replaces {covered}")
        }
        Granted::Listed => format!("Unchanged: {viewer} sees {seen} already"),
        Granted::ByGroup(group) => {
            format!("Unchanged: {viewer} sees {seen} already, by group {group}")
        }
    }
}
