//! Which cards are written: found, judged, asked about.

use std::path::{Path, PathBuf};

use anyhow::Context;
use image::device::{Disk, Named, OpenError, OpenTarget, Permissions, Refusal, System, unmount};

use super::args::FlashArgs;
use super::list;
use super::picture::Picture;
use crate::hint::Fault;
use crate::output::{Output, bytes};
use crate::prompt;

/// A card, or a file that stands for one.
#[derive(Debug)]
pub(super) enum Card {
    Disk(Box<Disk>),
    File { path: PathBuf, size: u64 },
}

impl Card {
    /// Its path as it is shown.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Disk(disk) => &disk.path,
            Self::File { path, .. } => path,
        }
    }

    /// What tells it from other cards, also when it comes back in another slot.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Disk(disk) => {
                let model = disk.model.as_deref().unwrap_or_default();
                let place = disk.path.display().to_string();
                let serial = disk.serial.as_deref().unwrap_or(&place);
                format!("disk {model} {serial} {}", disk.size)
            }
            Self::File { path, size } => {
                let whole = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                format!("file {} {size}", whole.display())
            }
        }
    }

    /// What is lost with it.
    pub(super) fn description(&self) -> String {
        match self {
            Self::Disk(disk) => list::description(disk),
            Self::File { path, size } => format!("{} (a file, {})", path.display(), bytes(*size)),
        }
    }

    /// Where it is mounted.
    pub(super) fn mounts(&self) -> &[String] {
        match self {
            Self::Disk(disk) => &disk.mounts,
            Self::File { .. } => &[],
        }
    }

    /// Opens it, if it is still what it was and nothing uses it.
    pub(super) fn open(&self, picture: &Picture, args: &FlashArgs) -> anyhow::Result<OpenTarget> {
        let before = match self {
            Self::File { path, .. } => {
                return match System::read(&args.system)?.refusal_of_file(path) {
                    Some(refusal) => Err(refusal.into()),
                    None => Ok(OpenTarget::file(path)?),
                };
            }
            Self::Disk(disk) => disk,
        };
        let path = &before.path;
        match System::read(&args.system)?.named(path) {
            Named::Disk(now) if now.identity() == before.identity() => {
                if let Some(refusal) = now.refusal(picture.needed, args.permissions()) {
                    return Err(refusal.into());
                }
                Ok(OpenTarget::disk(&now)?)
            }
            _ => Err(OpenError::Changed { path: path.clone() }.into()),
        }
    }
}

/// The cards that were named, or that somebody chooses now.
pub(super) fn cards(
    picture: &Picture,
    args: &FlashArgs,
    output: &Output,
) -> anyhow::Result<Vec<Card>> {
    let system = System::read(&args.system).context("looking for disks")?;
    let named = if args.device.is_empty() {
        vec![ask(&system, args, output)?]
    } else {
        args.device.clone()
    };
    let below = system
        .disks_below(picture.source.path())
        .unwrap_or_default();
    let mut cards: Vec<Card> = Vec::new();
    for path in named {
        let card = card(&system, &path)?;
        judge(&card, &below, picture, args)?;
        if cards.iter().any(|other| same(other, &card)) {
            let text = format!("{} is named twice", card.path().display());
            return Err(Fault::input(text).into());
        }
        cards.push(card);
    }
    Ok(cards)
}

/// What a path stands for.
fn card(system: &System, path: &Path) -> anyhow::Result<Card> {
    let shown = path.display();
    let fault = match system.named(path) {
        Named::Disk(disk) => return Ok(Card::Disk(disk)),
        Named::File => {
            if let Some(refusal) = system.refusal_of_file(path) {
                return Err(refusal.into());
            }
            let about = std::fs::metadata(path).with_context(|| format!("looking at {shown}"))?;
            let path = path.to_owned();
            return Ok(Card::File {
                path,
                size: about.len(),
            });
        }
        Named::PartOf { disk } => Fault::input(format!("{shown} is a part of {}", disk.display()))
            .hint(format!(
                "an image is written onto a whole disk: --device {}",
                disk.display()
            )),
        Named::Missing => Fault::input(format!("there is no {shown}")).hint(
            "`provision flash --list` shows the cards; a file must exist (`truncate -s 8G FILE`)",
        ),
        Named::Other => Fault::input(format!("{shown} is neither a disk nor a file"))
            .hint("`provision flash --list` shows the cards"),
    };
    Err(fault.into())
}

/// Refuses what must not be written.
fn judge(card: &Card, below: &[String], picture: &Picture, args: &FlashArgs) -> anyhow::Result<()> {
    let image = picture.source.path();
    let is_below = match card {
        Card::Disk(disk) => below.contains(&disk.name),
        Card::File { path, .. } => same_file(path, image),
    };
    let refusal = match card {
        Card::Disk(disk) => match disk.refusal(picture.needed, args.permissions()) {
            // Once it is unmounted there may be another reason, which comes up when it is opened.
            Some(Refusal::Mounted { .. }) if args.unmount => None,
            other => other,
        },
        Card::File { path, size } => too_small(path, *size, picture.needed),
    };
    match refusal {
        Some(refusal @ Refusal::SystemDisk { .. }) => Err(refusal.into()),
        _ if is_below => {
            let path = card.path().display();
            Err(match card {
                Card::Disk(_) => Fault::input(format!("{} lies on {path}", image.display()))
                    .hint("copy it to another disk first"),
                Card::File { .. } => Fault::input(format!("{path} is the image itself")),
            }
            .into())
        }
        Some(refusal) => Err(refusal.into()),
        None => Ok(()),
    }
}

fn too_small(path: &Path, size: u64, needed: u64) -> Option<Refusal> {
    let disk = path.display().to_string();
    (size < needed).then_some(Refusal::TooSmall { disk, size, needed })
}

fn same(one: &Card, other: &Card) -> bool {
    match (one, other) {
        (Card::Disk(one), Card::Disk(other)) => one.identity() == other.identity(),
        (Card::File { path: one, .. }, Card::File { path: other, .. }) => same_file(one, other),
        _ => false,
    }
}

fn same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |path| std::fs::metadata(path).map(|about| (about.dev(), about.ino()));
    matches!((id(one), id(other)), (Ok(one), Ok(other)) if one == other)
}

/// Shows the cards and asks for one.
fn ask(system: &System, args: &FlashArgs, output: &Output) -> anyhow::Result<PathBuf> {
    let disks = system.disks();
    let allowed = args.permissions();
    let lines = list::table(&disks, allowed);
    for line in &lines {
        output.note(line);
    }
    if lines.is_empty() {
        return Err(Fault::input("there is no card in this computer")
            .hint("put one in; `provision flash --list --allow-fixed` shows all disks")
            .into());
    }
    if !prompt::can_ask() {
        let text = "no card is named, and there is no terminal to ask at";
        return Err(Fault::input(text)
            .hint("say --device PATH --yes; `provision flash --list --json` lists the cards")
            .into());
    }
    let answer = prompt::line("Which one shall be written", "none")?;
    if answer == "none" {
        return Err(Fault::input("no card was named; nothing was changed").into());
    }
    // A name will do where paths are shown.
    Ok(Path::new("/dev").join(answer))
}

/// Asks whether what is on the cards may be lost.
pub(super) fn confirm(cards: &[Card], picture: &Picture) -> anyhow::Result<()> {
    let image = picture.source.path().display();
    if !prompt::can_ask() {
        let text = "there is no terminal to ask whether the card may be overwritten";
        return Err(Fault::input(text).hint("say --yes").into());
    }
    let lines: Vec<_> = cards
        .iter()
        .map(|card| format!("  {}\n", card.description()))
        .collect();
    let question = format!(
        "All that is on these will be lost:\n{}Write {image} onto {}?",
        lines.concat(),
        if cards.len() == 1 { "it" } else { "them" },
    );
    if prompt::confirm(&question)? {
        return Ok(());
    }
    Err(Fault::new("nothing was changed").into())
}

/// Unmounts what is mounted of the cards.
pub(super) fn unmount_all(cards: &[Card], output: &Output) -> anyhow::Result<()> {
    for point in cards.iter().flat_map(Card::mounts) {
        unmount(point).with_context(|| format!("unmounting {point}"))?;
        output.status(&format!("Unmounted {point}"));
    }
    Ok(())
}

/// Shows the disks.
pub(super) fn show_list(args: &FlashArgs, output: &Output) -> anyhow::Result<()> {
    let allowed: Permissions = args.permissions();
    let system = System::read(&args.system).context("looking for disks")?;
    list::show(&system.disks(), allowed, output)
}
