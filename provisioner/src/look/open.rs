//! Opening whatever may be a card.

use std::path::Path;

use anyhow::Context;
use image::packed::Format;
use image::{Card, Scratch};

use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::output::Output;

/// A card that can be looked at.
#[derive(Debug)]
pub struct Opened {
    /// The card.
    pub card: Card,
    /// Whether it is a device and not an image.
    pub is_device: bool,
    /// Whether its journal had to be replayed, in a copy: it was not shut down.
    pub was_running: bool,
    /// The copy that it is read from, if it was packed or running.
    scratch: Option<Scratch>,
}

impl Opened {
    /// Whether what is read is a copy.
    pub fn is_copy(&self) -> bool {
        self.scratch.is_some()
    }
}

/// Opens the image or device at `path`. A packed image is unpacked first, and an image of a card that was
/// not shut down is copied and its journal replayed; such copies are the caller's alone to read and go away
/// with what is returned.
///
/// # Errors
///
/// If it is no card, or a device that was not shut down: it is never written to.
pub fn open(path: &Path, output: &Output) -> anyhow::Result<Opened> {
    let about =
        std::fs::metadata(path).with_context(|| format!("looking at {}", path.display()))?;
    if about.is_dir() {
        return Err(Fault::input(format!("{} is a folder, not a card", path.display())).into());
    }
    let format = Format::of(path).with_context(|| format!("reading {}", path.display()))?;
    let is_device = !about.is_file();
    let mut scratch = match format {
        None | Some(Format::Raw) => None,
        Some(_) => {
            output.watch_interrupts().context("watching for Ctrl-C")?;
            let folder = folder()?;
            let unpacked = Scratch::unpacked(path, &folder, &mut output.task());
            Some(unpacked.map_err(image::Error::from)?)
        }
    };
    let raw = scratch.as_ref().map_or(path, Scratch::path);
    let (card, was_running) = match Card::open_used(raw) {
        Ok(card) => (card, false),
        Err(error) if error.needs_recovery() && !is_device => {
            output.watch_interrupts().context("watching for Ctrl-C")?;
            let copy = Scratch::replayed(raw, &folder()?, &mut output.task())?;
            let card = Card::open_used(copy.path()).map_err(image::Error::from)?;
            scratch = Some(copy);
            (card, true)
        }
        Err(error) if error.needs_recovery() => {
            let text = format!(
                "{} was not shut down: its file system has to replay its journal first",
                path.display()
            );
            let hint =
                "boot the Pi and shut it down, or copy the card into a file and look at that";
            return Err(Fault::new(text).hint(hint).into());
        }
        Err(error) => return Err(image::Error::from(error).into()),
    };
    Ok(Opened {
        card,
        is_device,
        was_running,
        scratch,
    })
}

/// Where copies are made: they are too large for many a `/tmp`.
fn folder() -> anyhow::Result<std::path::PathBuf> {
    let folder = fsio::cache_directory()?;
    fsio::create_directory(&folder, Access::Public)?;
    Ok(folder)
}
