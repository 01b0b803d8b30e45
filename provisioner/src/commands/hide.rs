//! `provision hide`.

use clap::Args;
use serde_json::json;

use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::output::Output;
use crate::site::{Name, Sees, Site, way_out};

/// Takes back what `sees` granted.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provision hide fred jane           all of jane's devices\n  \
                        provision hide fred jjolie/5s"
)]
pub struct HideArgs {
    /// Who shall see no longer.
    viewer: Name,
    /// Whom, all devices or one.
    #[arg(value_name = "NAME[/DEVICE]")]
    hidden: Sees,
}

/// Runs the command.
pub fn run(args: &HideArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let mut site = Site::open(&global.site)?;
    let HideArgs { viewer, hidden } = args;
    let outcome = site.change_people(|people| people.hide(viewer, hidden))?;
    let removed: Vec<_> = outcome.removed.iter().map(ToString::to_string).collect();
    output.status(&format!(
        "Removed {} from what {viewer} sees",
        removed.join(", ")
    ));
    for group in &outcome.still {
        output.warn(&format!(
            "{viewer} still sees {}, by group {group}; to change that: {}",
            hidden.name,
            way_out(viewer, group)
        ));
    }
    if output.policy().json {
        let still: Vec<_> = outcome.still.iter().map(Name::as_str).collect();
        output.json(&json!({
            "version": 1,
            "name": viewer.as_str(),
            "removed": removed,
            "still_by_groups": still,
        }))?;
    }
    output.note(super::UNTIL_THEN);
    Ok(ExitStatus::Success)
}
