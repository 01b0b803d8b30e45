//! Making ready once what many images of one base begin with.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fs as sys;

use crate::assemble::{AssembleRequest, whose_damage};
use crate::boot::BootPlan;
use crate::card::Card;
use crate::copy::{Draft, folder_of, write_error};
use crate::error::Error;
use crate::ext4::Plan;
use crate::grow::{ImageSize, Room, fill_resized, is_resized};
use crate::progress::{Progress, Silent};

/// What the images may differ in on the root file system beside what they share: other people, other names. One
/// that needs more is resized by itself.
const SLACK: u64 = 1 << 20;

/// A copy of a base in the folder of the images, with their size, without their files. Dropped, it is gone.
#[derive(Debug)]
pub struct Staged {
    draft: Draft,
    base: PathBuf,
    base_size: u64,
}

impl Staged {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.draft.path()
    }

    /// The base that it was made of.
    pub(crate) fn base(&self) -> &Path {
        &self.base
    }

    /// The size of that.
    pub(crate) fn base_size(&self) -> u64 {
        self.base_size
    }

    /// What is left to be done so that an image has `size`. What was made as small as it can be is so.
    pub(crate) fn left_of(size: ImageSize) -> ImageSize {
        match size {
            ImageSize::Smallest => ImageSize::AsNeeded,
            size => size,
        }
    }
}

/// Makes ready what several images like the one of `request` begin with, if that saves work: the resizing, which
/// is done once; and a copy on the images' own file system, where that shares data among its files and not with
/// the base. Else there is `None`, and each image begins with the base.
///
/// # Errors
///
/// As with [`prepare`](fn@crate::prepare). Nothing is left then.
pub fn stage(
    request: &AssembleRequest<'_>,
    progress: &mut dyn Progress,
) -> Result<Option<Staged>, Error> {
    let base = Card::open(request.base)?;
    let overlay = request.overlay;
    // The same words as for an image, before anything is copied.
    BootPlan::new(overlay, &base, &mut Silent)?;
    let demand = Plan::new(overlay, base.root())?.demand(base.root().superblock().block_size);
    // Who says the size says how much room there is.
    let slack = match request.size {
        ImageSize::Exactly(_) => 0,
        ImageSize::AsNeeded | ImageSize::Smallest => SLACK,
    };
    let room = Room {
        demand,
        free: request.free.saturating_add(slack),
        limit: request.limit,
    };
    let resized = is_resized(&base, room, request.size)?;
    let mut draft = Draft::beside(request.output)?;
    if !resized && !clones_only_here(&mut draft, request.base, request.output)? {
        return Ok(None);
    }
    progress.begin("Copying base image", Some(base.size()));
    if resized {
        let (size, timestamp) = (request.size, request.timestamp);
        fill_resized(&mut draft, &base, room, size, timestamp, progress)
            .map_err(|error| whose_damage(request.base, &base, error.into()))?;
    } else {
        draft.fill(request.base, 0, progress)?;
    }
    progress.end("Copied base image");
    Ok(Some(Staged {
        draft,
        base: request.base.to_owned(),
        base_size: base.size(),
    }))
}

/// Whether a file system shares data among its own files, but none with the base, which is elsewhere.
fn clones_only_here(draft: &mut Draft, base: &Path, output: &Path) -> Result<bool, Error> {
    let failed = |source| write_error(output, source);
    let source = File::open(base).map_err(failed)?;
    if is_same_file_system(base, output) || sys::ioctl_ficlone(draft.file(), &source).is_ok() {
        return Ok(false);
    }
    let folder = folder_of(output);
    let mut one = tempfile::tempfile_in(folder).map_err(failed)?;
    let other = tempfile::tempfile_in(folder).map_err(failed)?;
    one.write_all(&[1; 4096]).map_err(failed)?;
    Ok(sys::ioctl_ficlone(&other, &one).is_ok())
}

/// Then what can't be shared with the base can't be shared at all.
fn is_same_file_system(base: &Path, output: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| fs::metadata(path).map(|about| about.dev());
    match (device(base), device(folder_of(output))) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}
