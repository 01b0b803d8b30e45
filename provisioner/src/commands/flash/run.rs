//! The command from its arguments to its end.

use anyhow::Context;
use image::device::{Counts, Destination, TargetError, flash, reread_table};
use serde_json::json;

use super::args::FlashArgs;
use super::choose::{self, Card};
use super::journal::Journal;
use super::meter::Meter;
use super::outcome;
use super::picture::Picture;
use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::Fault;
use crate::output::{Output, bytes};

/// Runs the command.
pub fn run(args: &FlashArgs, _global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let Some(image) = args.image.as_deref().filter(|_| !args.list) else {
        choose::show_list(args, output)?;
        return Ok(ExitStatus::Success);
    };
    let picture = Picture::open(image, args)?;
    let cards = choose::cards(&picture, args, output)?;
    output.note(&summary(&picture));
    if args.dry_run {
        preview(&cards, &picture, output)?;
        return Ok(ExitStatus::Success);
    }
    if !args.yes {
        choose::confirm(&cards, &picture)?;
    }
    output.watch_interrupts()?;
    if args.unmount {
        choose::unmount_all(&cards, output)?;
    }
    let results = write(&cards, &picture, args, output)?;
    outcome::tell(&cards, results, &picture, output)?;
    Ok(ExitStatus::Success)
}

/// What is written, in one line.
fn summary(picture: &Picture) -> String {
    let (path, format) = (picture.source.path().display(), picture.source.format());
    let size = bytes(picture.needed);
    match (&picture.map, picture.layout.total()) {
        (Some(map), Some(total)) => {
            let (matter, map) = (bytes(total), map.display());
            format!("{path}: {format}, {size}, of which {matter} matter ({map})")
        }
        _ => format!("{path}: {format}, {size}"),
    }
}

fn preview(cards: &[Card], picture: &Picture, output: &Output) -> anyhow::Result<()> {
    if output.policy().json {
        let cards: Vec<_> = cards
            .iter()
            .map(|card| json!({ "device": card.path(), "unmount": card.mounts(), "state": "planned" }))
            .collect();
        output.json(&json!({
            "version": 1,
            "image": picture.source.path(),
            "size": picture.needed,
            "bytes": picture.layout.total(),
            "bmap": picture.map,
            "cards": cards,
        }))?;
        return Ok(());
    }
    for card in cards {
        for point in card.mounts() {
            output.data(&format!("unmount {point}"))?;
        }
        output.data(&format!("overwrite {}", card.description()))?;
    }
    Ok(())
}

/// Opens all cards before the first byte is written, writes them, and looks after what is left then.
fn write(
    cards: &[Card],
    picture: &Picture,
    args: &FlashArgs,
    output: &Output,
) -> anyhow::Result<Vec<Result<Counts, TargetError>>> {
    let mut journals = Vec::new();
    let mut destinations = Vec::new();
    for card in cards {
        let opened = card.open(picture, args)?;
        if opened.size < picture.needed {
            return Err(Fault::input(format!("{} is too small", card.path().display())).into());
        }
        let journal = journal(card, picture, args, output);
        destinations.push(Destination {
            path: card.path().to_owned(),
            target: Box::new(opened.target),
            progress: Box::new(Meter::new(output.task())),
            written_before: journal.as_ref().map_or(0, |journal| journal.before),
            checkpoint: checkpoint(journal.clone(), card, picture),
        });
        journals.push(journal);
    }
    let done = flash(&picture.source, &picture.layout, destinations);
    for ((card, result), journal) in cards.iter().zip(&done.cards).zip(&journals) {
        if result.is_ok() {
            finish(card, journal.as_ref(), output);
        }
    }
    // What a card has to say about it is only that there was no more.
    done.source?;
    Ok(done.cards)
}

/// The journal of a card; without one it is written all the same.
fn journal(card: &Card, picture: &Picture, args: &FlashArgs, output: &Output) -> Option<Journal> {
    match Journal::open(&card.key(), picture.source.stamp()) {
        Ok(journal) if args.start_over => Some(journal.started_over()),
        Ok(journal) => {
            if journal.before > 0 {
                output.note(&format!(
                    "{}: goes on after {}; what was written is compared first",
                    card.path().display(),
                    bytes(journal.before)
                ));
            }
            Some(journal)
        }
        Err(error) => {
            output.warn(&format!(
                "{error:#}: a run that is cut short can't be gone on with"
            ));
            None
        }
    }
}

fn checkpoint<'a>(
    journal: Option<Journal>,
    card: &'a Card,
    picture: &'a Picture,
) -> image::device::Checkpoint<'a> {
    Box::new(move |written| {
        if let Some(journal) = &journal {
            // A card is worth more than its journal: that it can't be written is no reason to stop.
            let _ = journal.note(picture.source.path(), card.path(), written);
        }
    })
}

/// After a card was written: its partitions are made known, its journal goes.
fn finish(card: &Card, journal: Option<&Journal>, output: &Output) {
    if let Card::Disk(disk) = card
        && let Err(error) = reread_table(disk)
    {
        output.detail(&format!(
            "{}: the kernel still has the old partition table ({error}); take it out and put it in again to look at it",
            disk.path.display()
        ));
    }
    if let Some(journal) = journal {
        let removed = journal.remove().context("removing a journal");
        if let Err(error) = removed {
            output.warn(&format!("{error:#}"));
        }
    }
}
