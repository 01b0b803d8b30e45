//! An image of Raspberry Pi OS by the name that recipes have for it.

use std::path::PathBuf;

use anyhow::Context;
use image::Architecture;
use image::base::net::NetError;
use image::base::official::{
    Age, Index, Loaded, OfficialError, OfficialImage, Site, has_begun, prepare as fetch,
    stored_path,
};
use image::base::stored;
use time::OffsetDateTime;

use super::choose::How;
use super::taken::{Base, What};
use crate::hint::{Fault, nearest};
use crate::lock::{LockFile, Mode, Outcome, Settled};
use crate::output::Output;

/// Why there is none.
#[derive(Debug)]
pub(super) enum Failed {
    /// Its site can't be reached, and it isn't in the cache: another base may do.
    OutOfReach(image::Error),
    /// Something is wrong that another base would only hide.
    Other(anyhow::Error),
}

/// Fetches the newest image called `name`, or takes it from the cache.
///
/// An image in the cache is taken even if a newer one is out of reach.
pub(super) fn prepare(name: &str, how: &How<'_>, output: &Output) -> Result<Base, Failed> {
    let site = how.net.site().map_err(Failed::Other)?;
    let mut file = LockFile::open(how.locking.path.clone()).map_err(Failed::Other)?;
    let locked = file.official(name, how.architecture).cloned();
    if how.locking.mode != Mode::Update
        && let Some(image) = &locked
    {
        let mut base = exactly(image, &site, how, output)?;
        let outcome = Outcome::Obeyed;
        base.lock = Some(Settled { file, outcome });
        return Ok(base);
    }
    if how.locking.mode == Mode::Locked {
        let text = format!(
            "{} says nothing of {name} for {}, and --locked obeys it",
            file.path().display(),
            how.architecture
        );
        let fault = Fault::input(text).hint("leave out --locked once, to have it written");
        return Err(Failed::Other(fault.into()));
    }
    let mut base = unlocked(name, &site, how, output)?;
    if let What::Official(image) = &base.what {
        let now = image.to_string();
        let outcome = Outcome::Image(locked.as_ref().map(|before| (before.to_string(), now)));
        if locked.as_ref() != Some(image) {
            file.set_official(image.clone());
        }
        let settled = Settled { file, outcome };
        settled.tell_changes(output);
        base.lock = Some(settled);
    }
    Ok(base)
}

/// Takes the very image that a lock names.
fn exactly(
    image: &OfficialImage,
    site: &Site,
    how: &How<'_>,
    output: &Output,
) -> Result<Base, Failed> {
    let path = match stored_path(image, how.cache) {
        Some(path) => path,
        None => get(image, site, how, output).map_err(|error| failed(error, image, how))?,
    };
    held(path, image.clone())
}

fn unlocked(name: &str, site: &Site, how: &How<'_>, output: &Output) -> Result<Base, Failed> {
    match newest(name, site, how, output) {
        Err(Failed::OutOfReach(error)) => {
            let Some((path, image)) = in_cache(name, how) else {
                return Err(Failed::OutOfReach(error));
            };
            output.status(&format!("Reused {image} from the cache: {error}"));
            held(path, image)
        }
        result => result,
    }
}

fn newest(name: &str, site: &Site, how: &How<'_>, output: &Output) -> Result<Base, Failed> {
    let loaded = load(site, how.age, how, output)?;
    let image = find(&loaded.index, name, how.architecture).map_err(Failed::Other)?;
    if let Some(path) = stored_path(image, how.cache) {
        tell_copy(&loaded, output);
        return held(path, image.clone());
    }
    // The site was tried a moment ago.
    if let Some(error) = loaded.unreached {
        return Err(Failed::OutOfReach(error.into()));
    }
    match get(image, site, how, output) {
        // Images go when newer ones come; a copy of the index doesn't know it.
        Err(OfficialError::Net(NetError::Status {
            status: 404 | 410, ..
        })) if loaded.fetched.is_some() => {
            output.detail("the copy of the index is out of date; fetching it again");
            let loaded = load(site, Age::Newest, how, output)?;
            let image = find(&loaded.index, name, how.architecture).map_err(Failed::Other)?;
            let path = get(image, site, how, output).map_err(|error| failed(error, image, how))?;
            held(path, image.clone())
        }
        Ok(path) => held(path, image.clone()),
        Err(error) => Err(failed(error, image, how)),
    }
}

fn load(site: &Site, age: Age, how: &How<'_>, output: &Output) -> Result<Loaded, Failed> {
    let loaded = site.index(how.cache, age, &mut output.task());
    let loaded = loaded.map_err(|error| {
        if error.is_out_of_reach() {
            Failed::OutOfReach(error.into())
        } else {
            other(error, "reading the index of images")
        }
    })?;
    for warning in loaded.index.warnings() {
        output.warn(warning);
    }
    Ok(loaded)
}

fn get(
    image: &OfficialImage,
    site: &Site,
    how: &How<'_>,
    output: &Output,
) -> Result<PathBuf, OfficialError> {
    fetch(image, site, how.cache, how.archive, &mut output.task())
}

/// A download that has begun is to be gone on with, not to be replaced by another base.
fn failed(error: OfficialError, image: &OfficialImage, how: &How<'_>) -> Failed {
    if error.is_out_of_reach() && !has_begun(image, how.cache) {
        return Failed::OutOfReach(error.into());
    }
    other(error, &format!("preparing base {}", image.identifier))
}

fn other(error: OfficialError, doing: &str) -> Failed {
    Failed::Other(anyhow::Error::from(image::Error::from(error)).context(doing.to_owned()))
}

fn held(path: PathBuf, image: OfficialImage) -> Result<Base, Failed> {
    let description = image.to_string();
    Base::held(path, What::Official(image), description).map_err(Failed::Other)
}

/// The newest image of that name that is in the cache.
fn in_cache(name: &str, how: &How<'_>) -> Option<(PathBuf, OfficialImage)> {
    let fits =
        |image: &OfficialImage| image.identifier == name && image.architecture == how.architecture;
    stored::list(how.cache)
        .into_iter()
        .filter_map(|stored| Some((stored.image, stored.note?.official?)))
        .filter(|(_, image)| fits(image))
        .max_by(|(_, a), (_, b)| a.release_date.cmp(&b.release_date))
}

fn find<'a>(
    index: &'a Index,
    name: &str,
    architecture: Architecture,
) -> anyhow::Result<&'a OfficialImage> {
    index.find(name, architecture).ok_or_else(|| {
        let names = index.identifiers();
        let fault = Fault::input(format!("the index has no image {name} for {architecture}"));
        let near = nearest(name, names.iter().copied()).filter(|near| *near != name);
        match near {
            Some(near) => fault.hint(format!("did you mean {near}?")),
            None => fault.hint(format!(
                "it has {}; `provision bases` lists them",
                names.join(", ")
            )),
        }
        .into()
    })
}

/// Says how old the index is if the site's own could not be had.
fn tell_copy(loaded: &Loaded, output: &Output) {
    if let (Some(error), Some(fetched)) = (&loaded.unreached, loaded.fetched) {
        let day = OffsetDateTime::from(fetched).date();
        output.status(&format!("Reused the index of {day}: {error}"));
    }
}

/// The index for a list, with the copy if need be; `None` if there is neither.
pub(super) fn index_for_list(
    how: &How<'_>,
    output: &Output,
) -> anyhow::Result<(String, Result<Loaded, image::Error>)> {
    let site = how.net.site()?;
    match load(&site, how.age, how, output) {
        Ok(loaded) => {
            tell_copy(&loaded, output);
            Ok((site.shown(), Ok(loaded)))
        }
        Err(Failed::OutOfReach(error)) => Ok((site.shown(), Err(error))),
        Err(Failed::Other(error)) => Err(error).context("listing bases"),
    }
}
