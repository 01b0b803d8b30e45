//! `provision cache`.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::Args;
use image::base::stored::{self, Condition};
use serde_json::{Value, json};

use super::bases::rfc3339;
use super::certs::Days;
use crate::cache::{self, Choice, Entry, Outcome};
use crate::cli::Global;
use crate::doctor::quoted;
use crate::exit::ExitStatus;
use crate::fsio;
use crate::hint::Fault;
use crate::output::{Output, bytes};
use crate::prompt;

/// Shows what is kept to be faster next time, checks it, or removes it.
///
/// All of it can be made or fetched again. What another command uses at the moment is never removed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provision cache\n  provision cache --check\n  \
                        provision cache --prune --older-than 7d --dry-run\n  provision cache --prune --all --yes"
)]
pub struct CacheArgs {
    /// Remove bases, downloads, brokers and what the compiler keeps.
    #[arg(long)]
    prune: bool,
    /// Only what wasn't used for so long: days (30d) or weeks (4w) [default: 30d; with --all: 0d].
    #[arg(long, value_name = "TIME", requires = "prune")]
    older_than: Option<Days>,
    /// Remove everything, tools and the tests' things too.
    #[arg(long, requires = "prune")]
    all: bool,
    /// Say what would be removed, and change nothing.
    #[arg(long, requires = "prune")]
    dry_run: bool,
    /// Don't ask.
    #[arg(long, requires = "prune")]
    yes: bool,
    /// Read the bases that were unpacked here, and compare them with their digests; exit code 3 if one differs.
    #[arg(long, conflicts_with = "prune")]
    check: bool,
}

/// Runs the command.
pub fn run(args: &CacheArgs, _global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let folder = fsio::cache_directory()?;
    if args.check {
        return check(&folder, output);
    }
    let entries = cache::scan(&folder);
    if args.prune {
        return prune(args, &folder, entries, output);
    }
    if output.policy().json {
        let rows: Vec<_> = entries.iter().map(as_json).collect();
        output.json(&json!({
            "version": 1,
            "folder": folder,
            "size": size(&entries),
            "entries": rows,
        }))?;
    } else {
        show(&entries, output)?;
        output.note(&format!(
            "{} in {}",
            bytes(size(&entries)),
            folder.display()
        ));
    }
    Ok(ExitStatus::Success)
}

fn size(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| entry.size).sum()
}

fn show(entries: &[Entry], output: &Output) -> anyhow::Result<()> {
    let width = entries
        .iter()
        .map(|entry| entry.name.len())
        .max()
        .unwrap_or(0);
    let today = SystemTime::now();
    for entry in entries {
        let used = entry
            .used
            .map_or_else(|| "never used".to_owned(), |used| ago(today, used));
        let what = if entry.what.is_empty() {
            String::new()
        } else {
            format!("  {}", entry.what)
        };
        let line = format!(
            "{:12}  {:>10}  {used:14}  {:width$}{what}",
            entry.kind,
            bytes(entry.size),
            entry.name
        );
        output.data(line.trim_end())?;
    }
    Ok(())
}

fn ago(now: SystemTime, then: SystemTime) -> String {
    let days = now.duration_since(then).unwrap_or_default().as_secs() / (24 * 60 * 60);
    match days {
        0 => "used today".to_owned(),
        1 => "used yesterday".to_owned(),
        days => format!("unused for {days}d"),
    }
}

fn as_json(entry: &Entry) -> Value {
    json!({
        "kind": entry.kind.name(),
        "name": entry.name,
        "what": entry.what,
        "size": entry.size,
        "used": entry.used.and_then(rfc3339),
    })
}

fn prune(
    args: &CacheArgs,
    folder: &Path,
    entries: Vec<Entry>,
    output: &Output,
) -> anyhow::Result<ExitStatus> {
    let usual = if args.all { Days(0) } else { Days(30) };
    let days = u64::try_from(args.older_than.unwrap_or(usual).0).unwrap_or(0);
    let choice = Choice {
        older_than: Duration::from_secs(days * 24 * 60 * 60),
        all: args.all,
        now: SystemTime::now(),
    };
    let chosen = cache::choose(entries, choice);
    if chosen.is_empty() {
        output.note(&if days == 0 {
            format!("There is nothing to remove in {}.", folder.display())
        } else {
            format!(
                "Nothing in {} was unused for {days} days.",
                folder.display()
            )
        });
    } else if !args.dry_run && !args.yes {
        confirm(&chosen, output)?;
    }
    let (mut removed, mut kept) = (Vec::new(), Vec::new());
    for entry in chosen {
        let outcome = if args.dry_run {
            Outcome::Removed
        } else {
            cache::remove(&entry)?
        };
        match outcome {
            Outcome::Removed => removed.push(entry),
            Outcome::InUse => {
                output.warn(&format!("{} is in use and stays", entry.name));
                kept.push(entry);
            }
        }
    }
    if output.policy().json {
        let rows = |entries: &[Entry]| entries.iter().map(as_json).collect::<Vec<_>>();
        output.json(&json!({
            "version": 1,
            "folder": folder,
            "dry_run": args.dry_run,
            "size": size(&removed),
            "removed": rows(&removed),
            "in_use": rows(&kept),
        }))?;
    } else {
        for entry in &removed {
            output.data(&entry.name)?;
        }
    }
    if args.dry_run {
        output.note(&format!(
            "{} would be freed. Nothing was removed.",
            bytes(size(&removed))
        ));
    } else if !removed.is_empty() {
        output.status(&format!("Freed {}", bytes(size(&removed))));
    }
    Ok(ExitStatus::Success)
}

fn confirm(chosen: &[Entry], output: &Output) -> anyhow::Result<()> {
    if !prompt::can_ask() {
        let text = "there is no terminal to ask whether this shall be removed; nothing was changed";
        return Err(Fault::input(text)
            .hint("say --yes, or look first with --dry-run")
            .into());
    }
    for entry in chosen {
        output.note(&format!(
            "  {} ({})  {}",
            entry.name,
            bytes(entry.size),
            entry.what
        ));
    }
    if !prompt::confirm(&format!("Remove these, {} in all?", bytes(size(chosen))))? {
        return Err(Fault::new("nothing was changed").into());
    }
    Ok(())
}

fn check(folder: &Path, output: &Output) -> anyhow::Result<ExitStatus> {
    output.watch_interrupts().context("watching for Ctrl-C")?;
    let mut rows = Vec::new();
    let mut found = false;
    for stored in stored::list(folder) {
        let name = stored
            .image
            .strip_prefix(folder)
            .unwrap_or(&stored.image)
            .display()
            .to_string();
        let condition = stored::check(&stored, &mut output.task())
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::Interrupted => crate::hint::Interrupted.into(),
                _ => anyhow::Error::from(error),
            })
            .with_context(|| format!("reading {}", stored.image.display()))?;
        let remove = format!("rm {}", quoted(&stored.image.to_string_lossy()));
        let (word, text) = match &condition {
            Condition::Sound => ("sound", "is as it was unpacked".to_owned()),
            Condition::Unknown => (
                "unknown",
                "is a card image, and nothing is known to compare it with".to_owned(),
            ),
            Condition::Broken => ("broken", format!("is no card image; remove it: {remove}")),
            Condition::Changed { actual } => (
                "changed",
                format!("has changed since it was unpacked: sha256 {actual}; remove it: {remove}"),
            ),
        };
        found |= matches!(condition, Condition::Broken | Condition::Changed { .. });
        rows.push(json!({ "name": name, "condition": word }));
        if !output.policy().json {
            output.data(&format!("{name} {text}"))?;
        }
    }
    if output.policy().json {
        output.json(&json!({ "version": 1, "folder": folder, "bases": rows }))?;
    }
    Ok(if found {
        ExitStatus::Findings
    } else {
        ExitStatus::Success
    })
}
