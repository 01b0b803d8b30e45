//! `provision diff`.

use std::path::PathBuf;

use clap::Args;
use image::Card;
use image::diff::{self, Difference, Field, Options, Side, Summary, Text};
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
    let cards = [
        look::open(&args.before, output)?,
        look::open(&args.after, output)?,
    ];
    for (path, opened) in [&args.before, &args.after].into_iter().zip(&cards) {
        if opened.was_running {
            let path = path.display();
            output.warn(&format!(
                "{path} was not shut down: its journal was replayed in a copy"
            ));
        }
    }
    let [before, after] = &cards;
    let tables = diff::tables(&before.card, &after.card);
    if !output.policy().json {
        for table in &tables {
            let [from, to] = [&table.before, &table.after].map(|text| printable(text));
            output.data(&format!("changed  {}: {from} -> {to}", table.what))?;
        }
    }
    let (summary, kept) = paths(args, [&before.card, &after.card], output)?;
    let equal = summary.differences == 0 && tables.is_empty();
    if output.policy().json {
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
    let (all, different) = (summary.paths, summary.differences);
    output.status(&format!("Compared {all} paths: {different} differ"));
    Ok(if equal {
        ExitStatus::Success
    } else {
        ExitStatus::Findings
    })
}

/// Compares path by path. What differs is printed as it is found, or returned for JSON.
fn paths(
    args: &DiffArgs,
    [before, after]: [&Card; 2],
    output: &Output,
) -> anyhow::Result<(Summary, Vec<Difference>)> {
    let options = Options {
        times: output.policy().verbosity >= Verbosity::Verbose,
        content: args.content,
    };
    let (mut kept, mut printed) = (Vec::new(), Ok(()));
    let mut tell = |difference: Difference| {
        if output.policy().json {
            kept.push(difference);
        } else if printed.is_ok() {
            printed = output.data(&shown(&difference));
        }
    };
    let compared = diff::compare(before, after, options, &mut output.task(), &mut tell);
    let summary = compared.map_err(::image::Error::from)?;
    printed?;
    if summary.cancelled {
        return Err(Interrupted.into());
    }
    Ok((summary, kept))
}

/// A line for a path, and those of its text if they were asked for.
fn shown(difference: &Difference) -> String {
    let what = match (&difference.before, &difference.after) {
        (Some(before), Some(after)) => {
            let fields = difference.fields.iter();
            let fields = fields.map(|field| change(*field, before, after));
            fields.collect::<Vec<_>>().join(", ")
        }
        (Some(only), None) | (None, Some(only)) => described(only),
        (None, None) => String::new(),
    };
    let (word, path) = (difference.change.word(), printable(&difference.path));
    let line = format!("{word:7}  {path}  {what}");
    let why = match &difference.text {
        None => return line,
        Some(Text::Lines(lines)) => {
            let lines = lines.lines().map(|line| format!("    {}", printable(line)));
            return std::iter::once(line)
                .chain(lines)
                .collect::<Vec<_>>()
                .join("\n");
        }
        Some(Text::Secret) => "it may be secret",
        Some(Text::Binary) => "it is no text",
        Some(Text::Long) => "it is long",
    };
    format!("{line} (not shown: {why})")
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
    let size = side.size.map(|size| format!(" {size} bytes"));
    let target = side.target.as_deref();
    let target = target.map(|target| format!(" -> {}", printable(target)));
    let rest = size.or(target).unwrap_or_default();
    format!("{} {} {}{rest}", side.kind.word(), side.mode, side.owner)
}
