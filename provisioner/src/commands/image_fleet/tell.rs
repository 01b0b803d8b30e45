//! What is said of many cards.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::card::Parts;
use super::super::image::{boards, login, sudo};
use super::super::init;
use super::run::{Done, Order};
use crate::bases::Base;
use crate::exit::ExitStatus;
use crate::fleet::Card;
use crate::output::{Output, bytes};
use crate::outputs::Names;
use crate::site::{EnrolledCards, Name, Site};
use crate::ssh;

/// More changes than this are counted; `-v` lists them.
const MOST_LISTED: usize = 4;

/// More cards than this are named by the first and the last.
const MOST_NAMED: usize = 12;

/// What would be made. Nothing is.
pub(super) fn preview(
    order: &Order<'_>,
    site: &Site,
    enrolled: &EnrolledCards,
    output: &Output,
) -> anyhow::Result<ExitStatus> {
    let mut rows = vec![["card", "address", "image", "site"].map(str::to_owned)];
    let mut cards = Vec::new();
    for (card, host) in order.fleet.cards.iter().zip(&enrolled.hosts) {
        let (image, known) = (order.image(card), site.host(Some(&card.name)).is_ok());
        let files = order.wanted.files(&Names::of(&image)?);
        let shown = image.display().to_string();
        let state = if known { "known" } else { "new" };
        rows.push([card.name.clone(), address(card), shown, state.to_owned()]);
        cards.push(json!({
            "host": card.name,
            "address": card.address.map(|address| address.to_string()),
            "people": host.people.as_ref().map(names),
            "known": known,
            "image": image,
            "files": files,
        }));
    }
    if output.policy().json {
        let folder = &order.args.out;
        output.json(&json!({ "version": 1, "folder": folder, "cards": cards }))?;
    } else {
        output.data(table(&rows).trim_end())?;
    }
    for said in &enrolled.said {
        output.detail(&format!("It would have: {said}"));
    }
    output.note(&format!(
        "Nothing was written. In {} there would be an image for each of {} cards{}.",
        order.args.out.display(),
        order.fleet.cards.len(),
        beside(order)?
    ));
    Ok(ExitStatus::Success)
}

/// What else lies beside each image, by the example of the first.
fn beside(order: &Order<'_>) -> anyhow::Result<String> {
    let Some(first) = order.fleet.cards.first() else {
        return Ok(String::new());
    };
    let files = order.wanted.files(&Names::of(&order.image(first))?);
    Ok(format!(", with {}", files[1..].join(", ")))
}

/// What has changed in the site: each change, or how many there are.
pub(super) fn changes<'a>(
    enrolled: &[String],
    issued: impl Iterator<Item = &'a String>,
    output: &Output,
) {
    let issued: Vec<_> = issued.collect();
    let enrolled: Vec<_> = enrolled.iter().collect();
    for (said, summary) in [
        (
            enrolled,
            "changes to site.yaml: hosts, their names and people",
        ),
        (issued, "server certificates"),
    ] {
        let is_short = said.len() <= MOST_LISTED;
        if !is_short {
            output.status(&format!("Kept {} {summary}", said.len()));
        }
        for said in said {
            if is_short {
                output.status(said);
            } else {
                output.detail(said);
            }
        }
    }
}

/// The result for programs.
pub(super) fn json(
    order: &Order<'_>,
    parts: &Parts,
    done: &[Done],
    error: Option<&anyhow::Error>,
    output: &Output,
) -> anyhow::Result<()> {
    let mut cards = Vec::new();
    for (card, done) in order.fleet.cards.iter().zip(done) {
        cards.push(json!({
            "host": done.host.name,
            "address": card.address.map(|address| address.to_string()),
            "image": done.image,
            "size": done.baked.report.report.size,
            "release": done.baked.release,
            "ssh_host_key": ssh::fingerprint(&done.baked.host_key)?,
            "outputs": done.baked.outputs(&done.image),
        }));
    }
    let sums = order.wanted.sums.then(|| order.args.out.join(Names::SUMS));
    let left = order.fleet.cards.iter().skip(done.len());
    let left: Vec<_> = left.map(|card| &card.name).collect();
    output.json(&json!({
        "version": 1,
        "folder": order.args.out,
        "site": parts.site.root(),
        "target": parts.plan.target.name(),
        "base": parts.base.as_ref().map(Base::json),
        "lock": parts.lock().map(|lock| json!({
            "file": lock.file.path(),
            "changes": lock.changes(),
        })),
        "cards": cards,
        "sums": sums,
        "missing": left,
        "error": error.map_or(Value::Null, |error| format!("{error:#}").into()),
    }))?;
    Ok(())
}

/// The beginning of the error that ended it: which cards are there, and which are not.
pub(super) fn what_is_left(order: &Order<'_>, done: &[Done]) -> String {
    let names = |cards: &[Card]| match cards {
        [first, .., last] if cards.len() > MOST_NAMED => {
            format!("{} to {}", first.name, last.name)
        }
        cards => {
            let names: Vec<_> = cards.iter().map(|card| card.name.as_str()).collect();
            names.join(", ")
        }
    };
    let (made, left) = order.fleet.cards.split_at(done.len());
    format!(
        "{} of {} cards are made and whole ({}), and these are not: {}",
        done.len(),
        order.fleet.cards.len(),
        names(made),
        names(left)
    )
}

/// Says where things are, and how to flash, log in and connect.
pub(super) fn explain(
    order: &Order<'_>,
    parts: &Parts,
    done: &[Done],
    output: &Output,
) -> anyhow::Result<()> {
    let (site, Some(first)) = (&parts.site, done.first()) else {
        return Ok(());
    };
    if let Some(told) = &parts.told {
        init::tell(site, told, output)?;
    }
    let mut rows = vec![["card", "address", "image", "SSH host key"].map(str::to_owned)];
    for (card, done) in order.fleet.cards.iter().zip(done) {
        let key = ssh::fingerprint(&done.baked.host_key)?;
        let image = done.image.display().to_string();
        rows.push([card.name.clone(), address(card), image, key]);
    }
    let boots =
        boards(parts).map_or_else(String::new, |boards| format!(" Each boots on {boards}."));
    let size = bytes(first.baked.report.report.size);
    output.note(&format!(
        "\n{}\n{} of {size} in {}.{boots} They hold keys and are readable by you alone; so does the site {}: \
         keep both.\n\n\
         1. Flash them:  provision flash {}     and so on, one card for each: put the name on it\n\
         2. Log in:      {}{}.local     ({})\n\
         3. Connect:     {}{}",
        table(&rows),
        if done.len() == 1 { "One image".to_owned() } else { format!("{} images", done.len()) },
        order.args.out.display(),
        site.root().display(),
        first.image.display(),
        login(parts),
        first.host.name,
        sudo(parts),
        site.example_client_of(&first.host)?,
        passwords(site, done)?,
    ));
    Ok(())
}

/// Where the passwords of those are who may log in to some card, as far as they are kept.
fn passwords(site: &Site, done: &[Done]) -> anyhow::Result<String> {
    let mut names = BTreeSet::new();
    for card in done {
        names.extend(site.people_of(&card.host)?.people.keys().cloned());
    }
    let kept = names
        .iter()
        .filter(|name| site.kept_password(name).is_some());
    let kept: Vec<_> = kept.map(Name::as_str).collect();
    if kept.is_empty() {
        return Ok(String::new());
    }
    Ok(format!(
        "\nPasswords are in {} until you delete them: {}",
        site.root().join("passwords").display(),
        kept.join(", ")
    ))
}

fn names(names: &BTreeSet<Name>) -> Vec<&str> {
    names.iter().map(Name::as_str).collect()
}

/// Where the card will be reached, and who says so.
fn address(card: &Card) -> String {
    match card.address {
        None => "from the router".to_owned(),
        Some(address) if address.prefix.is_none() => format!("{address} from the router"),
        Some(address) => address.to_string(),
    }
}

/// Rows with their cells below each other.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("  {}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
