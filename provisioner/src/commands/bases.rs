//! `provision bases`.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use image::Architecture;
use image::base::official::{Age, Archive};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::bases::{self, DebianArgs, How, Listing, Locking, NetArgs, Row};
use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::fsio;
use crate::lock::Mode;
use crate::output::{Output, bytes};
use crate::toolchain::{Target, TargetParser};

/// Lists the systems that a card can be made of.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provision bases\n  provision bases --target armv7 --all --json\n\n\
                  What is in the first column goes into --base and into a recipe's `base:`."
)]
pub struct BasesArgs {
    /// Only those for this kind of board [default: all].
    #[arg(long, value_parser = TargetParser)]
    target: Option<Target>,
    /// Older releases too.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    net: NetArgs,
}

/// Runs the command.
pub fn run(args: &BasesArgs, _global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let cache = fsio::cache_directory()?;
    let every = [Architecture::Arm64, Architecture::Armhf];
    args.target.map_or(Ok(()), Target::check_card)?;
    let wanted = args.target.map(Target::architecture);
    let architectures = wanted.as_ref().map_or(&every[..], std::slice::from_ref);
    let how = How {
        cache: &cache,
        architecture: architectures[0],
        net: &args.net,
        debian: &DebianArgs::default(),
        // A list is made of nothing.
        locking: Locking {
            path: PathBuf::new(),
            mode: Mode::Obey,
            today: OffsetDateTime::now_utc().date(),
            packages: &[],
        },
        age: Age::Newest,
        archive: Archive::Remove,
    };
    let listing = bases::list(architectures, args.all, &how, output)?;
    if output.policy().json {
        output.json(&as_json(&listing))?;
    } else {
        for line in table(&listing.rows) {
            output.data(&line)?;
        }
    }
    if let (Some(error), None) = (&listing.unreached, listing.fetched) {
        output.warn(&format!("the index of images could not be had: {error}"));
    }
    Ok(ExitStatus::Success)
}

fn table(rows: &[Row]) -> Vec<String> {
    let cells: Vec<[String; 6]> = rows
        .iter()
        .map(|row| {
            let (size, packed, init) = row.official.as_ref().map_or_else(
                || (String::new(), "built here".to_owned(), String::new()),
                |image| {
                    let packed = image
                        .image_download_size
                        .map(|size| format!("{} packed", bytes(size)));
                    (
                        bytes(image.extract_size),
                        packed.unwrap_or_default(),
                        image.init_format.name().to_owned(),
                    )
                },
            );
            [
                row.name.clone(),
                row.release.clone(),
                row.architecture.to_string(),
                size,
                packed,
                init,
            ]
        })
        .collect();
    let width = |column: usize| cells.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<_> = (0..6).map(width).collect();
    cells
        .iter()
        .zip(rows)
        .map(|(cells, row)| {
            let padded = cells
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}  "));
            let cached = if row.cached.is_some() { "cached" } else { "" };
            (padded.collect::<String>() + cached).trim_end().to_owned()
        })
        .collect()
}

fn as_json(listing: &Listing) -> serde_json::Value {
    let rows: Vec<_> = listing
        .rows
        .iter()
        .map(|row| {
            json!({
                "name": row.name,
                "kind": if row.official.is_some() { "official" } else { "debian" },
                "release": row.release,
                "architecture": row.architecture,
                "cached": row.cached,
                "official": row.official,
            })
        })
        .collect();
    json!({
        "version": 1,
        "index": {
            "url": listing.index_url,
            "copy_of": listing.fetched.and_then(rfc3339),
            "unreached": listing.unreached,
        },
        "bases": rows,
    })
}

/// A moment as programs read it.
pub(super) fn rfc3339(moment: SystemTime) -> Option<String> {
    let moment = OffsetDateTime::from(moment).replace_nanosecond(0).ok()?;
    moment.format(&Rfc3339).ok()
}
