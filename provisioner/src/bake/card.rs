//! From a payload and a base to a card image.

use std::path::Path;

use anyhow::Context;
use image::{AssembleRequest, Assembled, Card, ImageSize, Overlay, Progress, Staged, Timestamp};

use super::base::Base;
use super::broker::{check_broker, check_timezone};
use super::{first_boot, host_keys, login, seeds, settings, ssh_socket, units};
use crate::hint::Fault;
use crate::payload::Payload;
use crate::pki;
use crate::recipe::Plan;
use crate::site::HostFiles;
use crate::toolchain::ElfFacts;

/// What to make.
#[derive(Debug)]
pub struct Request<'a> {
    /// The raw base image.
    pub base: &'a Path,
    /// The image to write.
    pub out: &'a Path,
    /// How to build.
    pub plan: &'a Plan,
    /// What the broker's binary needs.
    pub broker: &'a ElfFacts,
    /// How large the image becomes.
    pub size: ImageSize,
    /// The largest size of the image in bytes, if the card's matters.
    pub limit: Option<u64>,
    /// The date of everything that is written.
    pub timestamp: Timestamp,
    /// What several images of the base begin with, if that was made ready.
    pub staged: Option<&'a Staged>,
}

/// Bakes `payload` into a copy of the base, which has not got its name yet.
///
/// # Errors
///
/// If the base has no C library that the broker runs with, already has a user of that name or
/// number, or misses a unit; and whatever [`image::assemble`](fn@image::assemble) finds. What was at
/// [`Request::out`] is still there then.
pub fn bake(
    payload: &Payload,
    request: &Request<'_>,
    progress: &mut dyn Progress,
) -> anyhow::Result<Assembled> {
    let overlay = overlay(payload, request, progress)?;
    image::prepare_from(&assemble(request, &overlay), request.staged, progress)
        .with_context(|| format!("baking {}", request.out.display()))
}

/// Finds out whether `payload` fits the base: all that [`bake`] says before it copies anything.
pub fn check(
    payload: &Payload,
    request: &Request<'_>,
    progress: &mut dyn Progress,
) -> anyhow::Result<()> {
    overlay(payload, request, progress).map(drop)
}

/// Makes ready what many cards like this one begin with, where that saves work.
///
/// # Errors
///
/// As with [`bake`].
pub fn stage(
    payload: &Payload,
    request: &Request<'_>,
    progress: &mut dyn Progress,
) -> anyhow::Result<Option<Staged>> {
    let overlay = overlay(payload, request, progress)?;
    image::stage(&assemble(request, &overlay), progress)
        .with_context(|| format!("baking {}", request.out.display()))
}

fn assemble<'a>(request: &Request<'a>, overlay: &'a Overlay) -> AssembleRequest<'a> {
    AssembleRequest {
        base: request.base,
        output: request.out,
        overlay,
        free: request.plan.free,
        size: request.size,
        limit: request.limit,
        timestamp: request.timestamp,
        disk_id: None,
    }
}

/// Everything that is laid over the base: the payload, and what it needs there.
fn overlay(
    payload: &Payload,
    request: &Request<'_>,
    progress: &mut dyn Progress,
) -> anyhow::Result<Overlay> {
    let card = Card::open(request.base).map_err(image::Error::from)?;
    check_broker(&card, request)?;
    check_timezone(&card, request)?;
    let mut base = Base {
        card: &card,
        detected: card.first_boot().map_err(image::Error::from)?,
        overlay: payload.files.clone(),
        progress,
    };
    for doubt in &base.detected.doubts {
        base.progress.warn(&format!(
            "the base is taken for {}, but {doubt}",
            base.detected.first_boot
        ));
    }
    login::add(&mut base, &payload.login, request.timestamp)?;
    for unit in &payload.units {
        units::enable(&mut base, unit)?;
    }
    ssh_socket::mask(&mut base, &payload.units)?;
    settings::apply(&mut base, &request.plan.system)?;
    first_boot::settle(&mut base)?;
    host_keys::keep(&mut base)?;
    seeds::clear(&mut base)?;
    Ok(base.overlay)
}

/// The date of what is written: `SOURCE_DATE_EPOCH` if it is set, else the day the host's
/// certificate was issued. The same site gives the same image, and a Pi without a clock, which
/// takes this date for the earliest possible, finds its certificate valid.
pub fn timestamp(host: &HostFiles) -> anyhow::Result<Timestamp> {
    let seconds = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text.trim().parse().map_err(|error| {
            Fault::input(format!(
                "SOURCE_DATE_EPOCH is {text:?}, no number of seconds since 1970: {error}"
            ))
        })?,
        Err(_) => pki::summarize(&host.certificate)?.issued().unix_timestamp(),
    };
    let seconds = u32::try_from(seconds)
        .map_err(|error| Fault::input(format!("no file can be dated {seconds}: {error}")))?;
    Ok(Timestamp::from_unix(seconds))
}
