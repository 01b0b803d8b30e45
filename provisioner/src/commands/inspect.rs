//! `provision inspect`.

use std::path::PathBuf;

use clap::Args;
use image::inspect::{self, Inspection};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::look::{self, Broker, LoginKey, Opened};
use crate::output::Output;

/// Says what is on a card or an image: partitions, system, people, networks, units, the broker, and what is
/// wrong with it. Changes nothing, and shows no secret.
///
/// Ends with 0 if the card could be read, whatever is on it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision inspect pi.img\n  \
                        provision inspect /dev/sdX --strict\n  \
                        provision inspect raspios-lite.img.xz --json | jq .system")]
pub struct InspectArgs {
    /// The image, packed or not, or the device that a card is in.
    #[arg(value_name = "IMG|DEVICE")]
    card: PathBuf,
    /// End with 3 if something is wrong with it.
    #[arg(long)]
    strict: bool,
}

/// Runs the command.
pub fn run(args: &InspectArgs, _: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let opened = look::open(&args.card, output)?;
    let inspected = inspect::inspect(&opened.card).map_err(::image::Error::from)?;
    let mut findings = inspected.findings.clone();
    if opened.was_running {
        let what = "it was not shut down: its journal was replayed in a copy";
        findings.insert(0, inspect::Finding::new("ext4 file system", what));
    }
    let broker = look::broker(&opened.card, OffsetDateTime::now_utc(), &mut findings)?;
    let is_clean = findings.is_empty();
    let inspected = Inspection {
        findings,
        ..inspected
    };
    if output.policy().json {
        output.json(&object(args, &opened, &inspected, broker.as_ref())?)?;
    } else {
        for line in look::lines(&inspected, broker.as_ref()) {
            output.data(&line)?;
        }
    }
    Ok(if args.strict && !is_clean {
        ExitStatus::Findings
    } else {
        ExitStatus::Success
    })
}

fn object(
    args: &InspectArgs,
    opened: &Opened,
    inspected: &Inspection,
    broker: Option<&Broker>,
) -> anyhow::Result<Value> {
    let mut object = serde_json::to_value(inspected)?;
    // Keys by fingerprint, which is what people compare.
    if let Some(users) = object["users"].as_array_mut() {
        for (user, known) in users.iter_mut().zip(&inspected.users) {
            let keys = known.authorized_keys.iter().map(|line| LoginKey::of(line));
            user["ssh_keys"] = serde_json::to_value(keys.collect::<Vec<_>>())?;
        }
    }
    object["version"] = json!(1);
    object["image"] = json!(args.card);
    object["device"] = json!(opened.is_device);
    object["broker"] = serde_json::to_value(broker)?;
    Ok(object)
}
