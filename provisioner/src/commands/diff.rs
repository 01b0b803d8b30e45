//! `provision diff`.

use std::path::PathBuf;

use clap::Args;
use image::diff::{self, Difference, Field, Options, Side, Text};
use serde_json::json;

use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::Interrupted;
use crate::look::{self, printable};
use crate::output::{Output, Verbosity};

/// Tells what two cards or images differ in: the partition table, then path by path. Changes nothing.
///
/// Dates of modification are compared with -v. Extended attributes are not. Ends with 0 if the two are equal
/// and with 3 if they differ.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision diff base.img pi.img\n  \
                        provision diff --content old.img.xz pi.img\n  \
                        provision diff pi.img /dev/sdX --json | jq -r '.differences[].path'")]
pub struct DiffArgs {
    /// The first image, packed or not, or the device that a card is in.
    #[arg(value_name = "A")]
    before: PathBuf,
    /// The second.
    #[arg(value_name = "B")]
    after: PathBuf,
    /// Show how texts differ, line by line; never of files that not everybody may read, or that hold secrets.
    #[arg(long)]
    content: bool,
}

/// Runs the command.
pub fn run(args: &DiffArgs, _: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let before = look::open(&args.before, output)?;
    let after = look::open(&args.after, output)?;
    for (path, opened) in [(&args.before, &before), (&args.after, &after)] {
        if opened.was_running {
            output.warn(&format!(
                "{} was not shut down: its journal was replayed in a copy",
                path.display()
            ));
        }
    }
    let options = Options {
        times: output.policy().verbosity >= Verbosity::Verbose,
        content: args.content,
    };
    let json = output.policy().json;
    let tables = diff::tables(&before.card, &after.card);
    let mut kept = Vec::new();
    let mut failed = Ok(());
    if !json {
        for table in &tables {
            let (what, before, after) = (
                &table.what,
                printable(&table.before),
                printable(&table.after),
            );
            output.data(&format!("changed  {what}: {before} -> {after}"))?;
        }
    }
    let mut tell = |difference: Difference| {
        if json {
            kept.push(difference);
        } else if failed.is_ok() {
            failed = output.data(&shown(&difference));
        }
    };
    let mut task = output.task();
    let compared = diff::compare(&before.card, &after.card, options, &mut task, &mut tell);
    drop(task);
    let summary = compared.map_err(::image::Error::from)?;
    failed?;
    if summary.cancelled {
        return Err(Interrupted.into());
    }
    let equal = summary.differences == 0 && tables.is_empty();
    if json {
        output.json(&json!({
            "version": 1,
            "before": args.before,
            "after": args.after,
            "equal": equal,
            "paths": summary.paths,
            "table": tables,
            "differences": kept,
        }))?;
    }
    output.status(&format!(
        "Compared {} paths: {} differ",
        summary.paths, summary.differences
    ));
    Ok(if equal {
        ExitStatus::Success
    } else {
        ExitStatus::Findings
    })
}

/// A line for a path, and those of its text if they were asked for.
fn shown(difference: &Difference) -> String {
    let mut line = format!(
        "{:7}  {}",
        difference.change.word(),
        printable(&difference.path)
    );
    match (&difference.before, &difference.after) {
        (Some(before), Some(after)) => {
            let fields = difference
                .fields
                .iter()
                .map(|field| change(*field, before, after));
            line += &format!("  {}", fields.collect::<Vec<_>>().join(", "));
        }
        (Some(only), None) | (None, Some(only)) => line += &format!("  {}", described(only)),
        (None, None) => {}
    }
    match &difference.text {
        Some(Text::Lines(lines)) => {
            let lines = lines
                .lines()
                .map(|line| format!("\n    {}", printable(line)));
            line.extend(lines);
        }
        Some(Text::Secret) => line += " (not shown: it may be secret)",
        Some(Text::Binary) => line += " (not shown: it is no text)",
        Some(Text::Long) => line += " (not shown: it is long)",
        None => {}
    }
    line
}

fn change(field: Field, before: &Side, after: &Side) -> String {
    let number = |size: Option<u64>| size.unwrap_or_default();
    let target = |side: &Side| printable(side.target.as_deref().unwrap_or_default());
    match field {
        Field::Kind => format!("{} -> {}", before.kind.word(), after.kind.word()),
        Field::Mode => format!("mode {} -> {}", before.mode, after.mode),
        Field::Owner => format!("owner {} -> {}", before.owner, after.owner),
        Field::Size => format!("size {} -> {}", number(before.size), number(after.size)),
        Field::Content => "content".to_owned(),
        Field::Target => format!("target {} -> {}", target(before), target(after)),
        Field::Modified => format!("modified {} -> {}", before.modified, after.modified),
    }
}

fn described(side: &Side) -> String {
    let mut text = format!("{} {} {}", side.kind.word(), side.mode, side.owner);
    if let Some(size) = side.size {
        text += &format!(" {size} bytes");
    }
    if let Some(target) = &side.target {
        text += &format!(" -> {}", printable(target));
    }
    text
}
