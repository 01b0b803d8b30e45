//! Whether a base fits what shall run on it.

use anyhow::Context;
use image::Card;

use super::card::Request;
use crate::hint::Fault;
use crate::toolchain::ElfFacts;

/// Whether the base has what the broker's program needs to start: its loader, and a C library that is
/// new enough.
pub(super) fn check_broker(card: &Card, request: &Request<'_>) -> anyhow::Result<()> {
    let (broker, target) = (request.broker, request.plan.target);
    let path = target.libc_path();
    let Some(library) = card.read(path).map_err(image::Error::from)? else {
        let text = format!(
            "the base {} has no {path}, so the broker can't run on it",
            request.base.display()
        );
        return Err(Fault::input(text).into());
    };
    let has = ElfFacts::read(&library)
        .with_context(|| format!("reading {path} in the base"))?
        .defines;
    broker.check(target, has).map_err(|error| {
        Fault::input(format!("the broker can't run on this base: {error}"))
            .hint("use a newer base, or a broker that is linked with an older glibc or statically")
    })?;
    if let Some(loader) = &broker.interpreter
        && card.read(loader).map_err(image::Error::from)?.is_none()
    {
        let text = format!(
            "the broker can't run on this base: it is loaded by {loader}, which isn't there"
        );
        let hint = format!(
            "use one that is built for {}, or a static one",
            target.triple()
        );
        return Err(Fault::input(text).hint(hint).into());
    }
    Ok(())
}

pub(super) fn check_timezone(card: &Card, request: &Request<'_>) -> anyhow::Result<()> {
    let zone = &request.plan.timezone;
    let path = format!("/usr/share/zoneinfo/{zone}");
    if card.find(&path).map_err(image::Error::from)?.is_none() {
        let text = format!("system.timezone: the base has no time zone {zone}");
        return Err(Fault::input(text)
            .hint("names are as in Europe/London or Etc/UTC")
            .into());
    }
    Ok(())
}
