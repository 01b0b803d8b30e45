//! `provision verify`.

use std::path::PathBuf;

use clap::Args;
use image::verify::{self, End, Status, Verification};
use serde_json::json;

use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::{Fault, Interrupted};
use crate::look::{self, Whole, printable};
use crate::output::{Output, Verbosity};

/// Compares a card or an image with the report that was written when it was baked. Changes nothing.
///
/// A card that has booted has grown and has another disk id, and its secrets are the broker's to read: that
/// is expected, and said. An image that has the size of the report's is compared to the last byte if the report
/// has its digest (`provision image --with sums`). Ends with 0 if nothing is otherwise and with 3 if something is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision verify pi.img\n  \
                        provision verify /dev/sdX --report pi.report.json\n  \
                        provision verify pi.img --json | jq '.checks[] | select(.status == \"differs\")'")]
pub struct VerifyArgs {
    /// The image, packed or not, or the device that a card is in.
    #[arg(value_name = "IMG|DEVICE")]
    card: PathBuf,
    /// The report of the baking [default: the one beside the image, pi.report.json of pi.img].
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &VerifyArgs, _: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let path = match &args.report {
        Some(path) => path.clone(),
        None => look::beside(&args.card),
    };
    if args.report.is_none() && args.card.starts_with("/dev") {
        let fault = Fault::input(format!(
            "nothing says which image {} was written with",
            args.card.display()
        ));
        return Err(fault
            .hint("name the report: --report pi.report.json")
            .into());
    }
    let baking = look::read(&path)?;
    let opened = look::open(&args.card, output)?;
    let end = if opened.was_running {
        End::Replayed
    } else {
        End::ShutDown
    };
    let verified = verify::verify(&opened.card, &baking.report, end, &mut output.task());
    let mut verified = verified.map_err(::image::Error::from)?;
    if verified.cancelled {
        return Err(Interrupted.into());
    }
    verified
        .checks
        .extend(look::additions(&opened.card, &baking)?);
    let whole = look::whole(&args.card, &opened, &baking, &mut output.task())?;
    if let Whole::Compared(check) = &whole {
        verified.checks.push(check.clone());
    }
    let different = verified.count(Status::Differs);
    if output.policy().json {
        output.json(&json!({
            "version": 1,
            "image": args.card,
            "report": path,
            "used": verified.used,
            "checks": verified.checks,
            "same": verified.count(Status::Same),
            "expected": verified.count(Status::Expected),
            "skipped": verified.count(Status::Skipped),
            "differs": different,
        }))?;
    } else {
        for line in lines(&verified, output.policy().verbosity >= Verbosity::Verbose) {
            output.data(&line)?;
        }
    }
    output.status(&format!(
        "Verified {}: {}",
        args.card.display(),
        summary(&verified, &whole)
    ));
    Ok(if different == 0 {
        ExitStatus::Success
    } else {
        ExitStatus::Findings
    })
}

fn lines(verified: &Verification, all: bool) -> impl Iterator<Item = String> {
    let checks = verified
        .checks
        .iter()
        .filter(move |check| all || check.status != Status::Same);
    checks.map(|check| {
        let (word, what) = (check.status.word(), printable(&check.what));
        let line = format!("{word:8}  {what}  {}", printable(&check.why));
        line.trim_end().to_owned()
    })
}

fn summary(verified: &Verification, whole: &Whole) -> String {
    let counted = [
        (Status::Same, "as written"),
        (Status::Expected, "as expected"),
        (Status::Skipped, "not checked"),
        (Status::Differs, "otherwise"),
    ];
    let counted = counted.map(|(status, what)| (verified.count(status), what));
    let there = counted.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = there
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let used = match verified.used.as_slice() {
        [] => String::new(),
        used => format!(" (the card has run: {})", used.join(", ")),
    };
    let rest = match whole {
        Whole::Compared(check) if check.status == Status::Same => {
            "; it is the image of the report, byte for byte"
        }
        Whole::NoDigest => {
            "; what else is on it was not compared, the report has no digest of the image (--with sums)"
        }
        Whole::Compared(_) | Whole::Incomparable => "",
    };
    parts.join(", ") + &used + rest
}
