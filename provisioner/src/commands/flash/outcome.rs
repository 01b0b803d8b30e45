//! What became of the cards.

use image::device::{Counts, TargetError};
use serde_json::{Value, json};

use super::choose::Card;
use super::hints;
use super::picture::Picture;
use crate::hint::Fault;
use crate::output::{Output, bytes};

/// Tells it: as JSON, or one line a card. Ends in an error if a card was not written.
pub(super) fn tell(
    cards: &[Card],
    results: Vec<Result<Counts, TargetError>>,
    picture: &Picture,
    output: &Output,
) -> anyhow::Result<()> {
    if output.policy().json {
        let rows: Vec<_> = cards
            .iter()
            .zip(&results)
            .map(|(card, r)| row(card, r))
            .collect();
        output.json(&json!({
            "version": 1,
            "image": picture.source.path(),
            "size": picture.needed,
            "bmap": picture.map,
            "cards": rows,
        }))?;
    }
    let all = results.len();
    let mut errors = Vec::new();
    for (card, result) in cards.iter().zip(results) {
        match result {
            Ok(counts) => {
                if !output.policy().json {
                    output.data(&card.path().display().to_string())?;
                }
                output.note(&line(card, counts));
            }
            Err(error) => errors.push(error),
        }
    }
    let failed = errors.len();
    match errors.pop() {
        None => Ok(()),
        Some(error) if all == 1 => Err(error.into()),
        Some(last) => {
            let interrupted = hints::is_interrupted(&last);
            for error in errors.into_iter().chain([last]) {
                output.error(&error.into());
            }
            if interrupted {
                return Err(crate::hint::Interrupted.into());
            }
            Err(Fault::new(format!("{failed} of {all} cards were not written")).into())
        }
    }
}

fn line(card: &Card, counts: Counts) -> String {
    let path = card.path().display();
    let found = match counts.found {
        0 => String::new(),
        found => format!(", {} were there already", bytes(found)),
    };
    let end = match card {
        Card::Disk(_) => ". It can be taken out.",
        Card::File { .. } => ".",
    };
    let (written, checked) = (bytes(counts.written), bytes(counts.checked));
    format!("{path}: {written} written, {checked} read back{found}{end}")
}

fn row(card: &Card, result: &Result<Counts, TargetError>) -> Value {
    let (model, serial, size) = match card {
        Card::Disk(disk) => (disk.model.as_deref(), disk.serial.as_deref(), disk.size),
        Card::File { size, .. } => (None, None, *size),
    };
    let state = match result {
        Ok(_) => "done",
        Err(TargetError::Interrupted { .. }) => "interrupted",
        Err(_) => "failed",
    };
    let error = result.as_ref().err();
    json!({
        "device": card.path(),
        "model": model,
        "serial": serial,
        "size": size,
        "state": state,
        "counts": result.as_ref().ok(),
        "error": error.map(ToString::to_string),
        "hint": error.and_then(TargetError::hint),
    })
}
