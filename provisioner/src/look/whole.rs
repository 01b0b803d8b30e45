//! Whether an image is the one of a report to the byte: the paths of a report say nothing of what was added.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;
use data_encoding::HEXLOWER;
use image::Progress;
use image::verify::{Checked, Status};
use sha2::{Digest, Sha256};

use super::open::Opened;
use super::report::Baking;
use crate::hint::Interrupted;

/// What is compared, in words.
const WHAT: &str = "whole image";

/// What is known of all bytes of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// They were compared.
    Compared(Checked),
    /// The report has no digest.
    NoDigest,
    /// It is a device, or has another size: a card, or a copy that has grown.
    Incomparable,
}

/// Compares the file at `path`, which was opened as `opened`, with the digest in `baking`.
///
/// # Errors
///
/// If it can't be read; [`Interrupted`] if the user wanted it to stop.
pub fn whole(
    path: &Path,
    opened: &Opened,
    baking: &Baking,
    progress: &mut dyn Progress,
) -> anyhow::Result<Whole> {
    if opened.is_device || opened.card.size() != baking.report.size {
        return Ok(Whole::Incomparable);
    }
    let Some((file, wanted)) = comparable(path, opened, baking) else {
        return Ok(Whole::NoDigest);
    };
    let reading = || format!("reading {}", path.display());
    let Some(actual) = digest(file, progress).with_context(reading)? else {
        return Err(Interrupted.into());
    };
    let (status, why) = if actual == wanted {
        (Status::Same, String::new())
    } else {
        let why = "the image isn't byte for byte the one of the report";
        (
            Status::Differs,
            format!("{why}: its sha256 is {actual}, the report has {wanted}"),
        )
    };
    Ok(Whole::Compared(Checked {
        what: WHAT.to_owned(),
        status,
        why,
    }))
}

/// A file whose digest the report has: the raw image, or the packed one if only that one's was computed.
fn comparable<'a>(
    path: &'a Path,
    opened: &'a Opened,
    baking: &'a Baking,
) -> Option<(&'a Path, &'a str)> {
    let image = baking.outputs.first();
    let image = image.filter(|image| image.size == baking.report.size);
    if let Some(sha256) = image.and_then(|image| image.sha256.as_deref()) {
        return Some((opened.card.path(), sha256));
    }
    let size = path.metadata().ok()?.len();
    let packed = baking.outputs.iter().skip(1).find(|output| {
        let is_packed = [".xz", ".zst"].iter().any(|end| output.name.ends_with(end));
        is_packed && output.size == size
    })?;
    Some((path, packed.sha256.as_deref()?))
}

/// The sha256 of a file; `None` if the user wanted it to stop.
fn digest(path: &Path, progress: &mut dyn Progress) -> io::Result<Option<String>> {
    let mut file = File::open(path)?;
    progress.begin("Reading image", Some(file.metadata()?.len()));
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        if progress.cancelled() {
            return Ok(None);
        }
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
        progress.advance(count as u64);
    }
    progress.end("Read image");
    Ok(Some(HEXLOWER.encode(&hash.finalize())))
}
