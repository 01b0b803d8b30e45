//! The way from a file of cards to a folder of images.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ::image::{Progress, Staged};
use anyhow::Context;
use time::OffsetDateTime;

use super::super::card::{Parts, WithBase};
use super::super::image::{Baked, Build, ImageArgs, check_out, tell_others, undo};
use super::meter::Meter;
use super::tell;
use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::fleet::{Card, Fleet};
use crate::fsio::{self, Access};
use crate::hint::{Fault, Interrupted};
use crate::output::{Output, duration};
use crate::outputs::{self, Names};
use crate::recipe::{Plan, Size};
use crate::site::{EnrolledCards, Host, NewSite, Ready, Renew, Site};

/// What is asked for: read and checked, before anything is made.
pub(super) struct Order<'a> {
    pub(super) args: &'a ImageArgs,
    pub(super) fleet: Fleet,
    pub(super) wanted: outputs::Plan,
}

/// A card that is made.
pub(super) struct Done {
    pub(super) host: Host,
    pub(super) image: PathBuf,
    pub(super) baked: Baked,
}

impl Order<'_> {
    /// Where the image of `card` will be.
    pub(super) fn image(&self, card: &Card) -> PathBuf {
        self.args.out.join(format!("{}.img", card.name))
    }

    /// Refuses what would stand in the way in the folder.
    fn check_folder(&self) -> anyhow::Result<()> {
        let folder = &self.args.out;
        let shown = folder.display();
        match fs::metadata(folder) {
            Ok(about) if about.is_dir() => {}
            Ok(_) => {
                let text = format!("--out {shown} is no folder, and each card has an image");
                return Err(Fault::input(text).hint("name a folder: --out cards").into());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let above = fsio::parent(folder);
                if above.is_dir() {
                    return Ok(());
                }
                let text = format!("--out {shown}: there is no folder {}", above.display());
                return Err(Fault::input(text).into());
            }
            Err(error) => return Err(error).with_context(|| format!("looking at {shown}")),
        }
        for card in &self.fleet.cards {
            let image = self.image(card);
            check_out(&image)?;
            self.wanted.check_places(&Names::of(&image)?, folder)?;
        }
        Ok(())
    }

    /// An image never takes the place of what it is made from.
    fn check_base(&self, parts: &Parts) -> anyhow::Result<()> {
        let id = |path: &Path| fs::metadata(path).map(|about| (about.dev(), about.ino()));
        let Some(base) = parts.base.as_ref().and_then(|base| id(&base.image).ok()) else {
            return Ok(());
        };
        for image in self.fleet.cards.iter().map(|card| self.image(card)) {
            if id(&image).is_ok_and(|image| image == base) {
                let text = format!("{} is the base image itself", image.display());
                return Err(Fault::input(text).hint("name another folder").into());
            }
        }
        Ok(())
    }
}

/// Runs the command.
pub(in super::super) fn run(
    args: &ImageArgs,
    file: &Path,
    global: &Global,
    output: &Output,
) -> anyhow::Result<ExitStatus> {
    check_flags(args)?;
    let order = Order {
        args,
        fleet: Fleet::read(file)?,
        wanted: args.outputs.plan()?,
    };
    order.check_folder()?;
    args.card.check_card()?;
    order.fleet.plans(&args.card.plan()?)?;
    if Site::exists(&global.site) {
        let site = Site::open(&global.site)?;
        let enrolled = site.enroll_cards(&order.fleet)?;
        if args.dry_run {
            args.card.preview_lock(global, output)?;
            return tell::preview(&order, &site, &enrolled, output);
        }
    } else if args.dry_run {
        let text = format!("there is no site at {} to build for", global.site.display());
        return Err(Fault::input(text)
            .hint("make one with `provision init`, or name yours with --site")
            .into());
    }
    let new = args
        .card
        .build
        .new_site_for(&order.fleet, &organization(file), global)?;
    if let Some(new) = &new {
        check_people(&order.fleet, new)?;
    }
    let parts = args.card.parts_with(new, WithBase::Yes, global, output)?;
    bake_all(&order, parts, global, output)
}

/// Refuses what is said of one card and can't be said of many.
fn check_flags(args: &ImageArgs) -> anyhow::Result<()> {
    if let Some(flag) = args.card.build.only_for_one() {
        let text = format!("{flag} is for one card, and with --fleet the file names them all");
        return Err(Fault::input(text)
            .hint("its columns are name, address, gateway, dns, people and san")
            .into());
    }
    if args.check {
        let text = "--check builds one card twice, and --fleet makes many";
        return Err(Fault::input(text)
            .hint("all are built in the same way: check one, --check --host NAME")
            .into());
    }
    Ok(())
}

/// What a new site is called after.
fn organization(file: &Path) -> String {
    file.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// In a new site there is one person.
fn check_people(fleet: &Fleet, new: &NewSite) -> anyhow::Result<()> {
    let first = new.person.as_ref().map(|person| &person.name);
    for (index, card) in fleet.cards.iter().enumerate() {
        for name in card.people.iter().flatten() {
            if Some(name) != first {
                let text = format!("there is no person {name}, and no site yet");
                return Err(fleet
                    .fault(index, &text)
                    .hint("`provision init` makes the site, `provision add-user` adds people to it")
                    .into());
            }
        }
    }
    Ok(())
}

/// Makes all cards, and says what became of them.
fn bake_all(
    order: &Order<'_>,
    mut parts: Parts,
    global: &Global,
    output: &Output,
) -> anyhow::Result<ExitStatus> {
    let was_there = order.args.out.exists();
    let mut done = Vec::new();
    let error = match make_all(order, &mut parts, &mut done, global, output) {
        Err(error) if done.is_empty() => {
            if !was_there {
                // If it isn't empty, somebody else has put something there.
                let _ = fs::remove_dir(&order.args.out);
            }
            undo(parts, output);
            return Err(error);
        }
        made => made.err(),
    };
    if let Some(lock) = parts.lock() {
        lock.save(output)?;
    }
    if output.policy().json {
        tell::json(order, &parts, &done, error.as_ref(), output)?;
    }
    tell::explain(order, &parts, &done, output)?;
    match error {
        None => Ok(ExitStatus::Success),
        Some(error) => Err(error.context(tell::what_is_left(order, &done))),
    }
}

/// A card that can be made.
struct Prepared {
    plan: Plan,
    host: Host,
    ready: Ready,
    image: PathBuf,
}

/// All of them. Nothing is written.
fn prepare(
    order: &Order<'_>,
    parts: &Parts,
    enrolled: &EnrolledCards,
    global: &Global,
) -> anyhow::Result<Vec<Prepared>> {
    let (access, now) = (global.key_access(), OffsetDateTime::now_utc());
    let plans = order.fleet.plans(&parts.plan)?;
    let cards = order.fleet.cards.iter().zip(&enrolled.hosts).zip(plans);
    let prepared = cards.map(|((card, host), plan)| {
        Ok(Prepared {
            plan,
            ready: parts.site.prepare(host, Renew::IfNeeded, &access, now)?,
            host: host.clone(),
            image: order.image(card),
        })
    });
    prepared.collect()
}

fn make_all(
    order: &Order<'_>,
    parts: &mut Parts,
    done: &mut Vec<Done>,
    global: &Global,
    output: &Output,
) -> anyhow::Result<()> {
    let enrolled = parts.site.enroll_cards(&order.fleet)?;
    let cards = prepare(order, parts, &enrolled, global)?;
    order.check_base(parts)?;
    let mut meter = Meter::new(output);
    check_all(order, parts, &cards, &mut meter)?;
    fsio::create_directory(&order.args.out, Access::Private)?;
    let staged = match cards.as_slice() {
        [first, _, ..] => order.build(parts, first, None).stage(&mut meter)?,
        _ => None,
    };
    let total = cards.len();
    for (number, card) in (1..).zip(&cards) {
        let begun = Instant::now();
        meter.card(format!("{} ({number} of {total})", card.host.name));
        let build = order.build(parts, card, staged.as_ref());
        let made = build.make(&card.image, &mut meter)?;
        if done.is_empty() {
            // Only now, so that a base that won't do or a full disk changes nothing.
            keep(parts, &enrolled, &cards, output)?;
        }
        let (mut baked, published) = order.build(parts, card, None).finish(made)?;
        // The list of digests is that of all cards.
        baked.files.retain(|file| file.name != Names::SUMS);
        let (name, took) = (card.image.display(), duration(begun.elapsed()));
        output.status(&format!("Made {name}, {number} of {total}, in {took}"));
        tell_others(&published, output);
        if !output.policy().json {
            output.data(&name.to_string())?;
        }
        done.push(Done {
            host: card.host.clone(),
            image: card.image.clone(),
            baked,
        });
    }
    Ok(())
}

/// Nobody shall hear of the twentieth card when nineteen are made.
fn check_all(
    order: &Order<'_>,
    parts: &Parts,
    cards: &[Prepared],
    meter: &mut Meter<'_>,
) -> anyhow::Result<()> {
    for (index, card) in cards.iter().enumerate() {
        if meter.cancelled() {
            return Err(Interrupted.into());
        }
        let checked = order.build(parts, card, None).check(meter);
        checked.with_context(|| format!("{} can't be made", order.fleet.subject(index)))?;
    }
    Ok(())
}

/// Writes into the site what the images know.
fn keep(
    parts: &mut Parts,
    enrolled: &EnrolledCards,
    cards: &[Prepared],
    output: &Output,
) -> anyhow::Result<()> {
    parts.site.keep_cards(enrolled)?;
    for card in cards {
        parts.site.keep(&card.ready)?;
    }
    let issued = cards.iter().filter_map(|card| card.ready.issued.as_ref());
    tell::changes(&enrolled.said, issued, output);
    Ok(())
}

impl Order<'_> {
    /// The build of one card.
    fn build<'a>(
        &'a self,
        parts: &'a Parts,
        card: &'a Prepared,
        staged: Option<&'a Staged>,
    ) -> Build<'a> {
        Build {
            card: &self.args.card,
            parts,
            plan: &card.plan,
            host: &card.host,
            files: &card.ready.files,
            size: self.args.image_size(),
            limit: self.args.max_size.map(Size::bytes),
            out: &card.image,
            wanted: &self.wanted,
            staged,
        }
    }
}
