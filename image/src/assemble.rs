//! From a base and an overlay to a card image, whole or not at all.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::thread;

use crate::allocation::release_free;
use crate::assembled::Assembled;
use crate::boot::BootPlan;
use crate::card::{Card, read_table};
use crate::copy::{CopyError, Draft, go_on, write_error};
use crate::error::Error;
use crate::ext4::{self, Debugfs, Ext4, Plan, RootfsWriter, WriteError};
use crate::grow::{GrowError, ImageSize, Room, fill_resized, is_resized};
use crate::mbr::Mbr;
use crate::misnamed::misnamed;
use crate::overlay::{Entry, EntryPath, Kind, Overlay};
use crate::process::ProcessError;
use crate::progress::Progress;
use crate::report::{Report, Written};
use crate::stage::Staged;
use crate::time::Timestamp;

/// What is wanted of [`assemble`](fn@assemble).
#[derive(Debug, Clone)]
pub struct AssembleRequest<'a> {
    /// The raw image to begin with. It isn't changed.
    pub base: &'a Path,
    /// Where the new image will be. What is there stays until the new one is complete.
    pub output: &'a Path,
    /// What shall be on it.
    pub overlay: &'a Overlay,
    /// Bytes that shall be free on the root file system afterwards.
    pub free: u64,
    /// How large the image becomes.
    pub size: ImageSize,
    /// The largest size of the image in bytes, that of the card, if it matters.
    pub limit: Option<u64>,
    /// The date of everything that is written.
    pub timestamp: Timestamp,
    /// A new disk signature. `/etc/fstab` and the kernel's command line follow it.
    pub disk_id: Option<u32>,
}

/// Makes the card image that `request` asks for.
///
/// The image is made beside its place, under another name, and only its owner can read it (mode 0600),
/// because it holds keys. Every path that was written is read back with a reader that shares no code
/// with the writer, and the checker of e2fsprogs has the last word, before the image gets its name.
///
/// # Errors
///
/// Whatever fails, what was at `output` before is still there, and nothing else.
pub fn assemble(
    request: &AssembleRequest<'_>,
    progress: &mut dyn Progress,
) -> Result<Report, Error> {
    prepare(request, progress)?.commit()
}

/// Does all that [`assemble`](fn@assemble) does but the last step: the image has not got its name yet, so that
/// others can be made of it first.
///
/// # Errors
///
/// As with [`assemble`](fn@assemble).
pub fn prepare(
    request: &AssembleRequest<'_>,
    progress: &mut dyn Progress,
) -> Result<Assembled, Error> {
    prepare_from(request, None, progress)
}

/// Does what [`prepare`](fn@prepare) does with what was made ready for several images of the base.
///
/// # Errors
///
/// As with [`assemble`](fn@assemble).
pub fn prepare_from(
    request: &AssembleRequest<'_>,
    staged: Option<&Staged>,
    progress: &mut dyn Progress,
) -> Result<Assembled, Error> {
    refuse_same_file(request)?;
    let staged = staged.filter(|staged| staged.base() == request.base);
    let from = staged.map_or(request.base, Staged::path);
    let size = staged.map_or(request.size, |_| Staged::left_of(request.size));
    let base = Card::open(from)?;
    let writer = Debugfs::find().map_err(|error| needed_for(&base, error))?;
    let overlay = match request.disk_id {
        Some(id) => &renumbered(&base, request, id)?,
        None => request.overlay,
    };
    let boot = BootPlan::new(overlay, &base, progress)?;
    if let Some(wrong) = misnamed(&base)?.into_iter().next() {
        return Err(Error::Misnamed {
            image: request.base.to_owned(),
            wrong,
        });
    }
    let plan = Plan::new(overlay, base.root())?;
    let room = Room {
        demand: plan.demand(base.root().superblock().block_size),
        free: request.free,
        limit: request.limit,
    };
    let resized = is_resized(&base, room, size)?;

    let leaks = writer.leaks(from, base.mbr().root()?, &plan)?;
    let mut draft = Draft::beside(request.output)?;
    progress.begin("Copying base image", Some(base.size()));
    let mut mbr = if resized {
        fill_resized(&mut draft, &base, room, size, request.timestamp, progress)
            .map_err(|error| whose_damage(request.base, &base, error.into()))?
    } else {
        draft.fill(from, room.demand.bytes, progress)?;
        base.mbr().clone()
    };
    if let Some(id) = request.disk_id {
        mbr.set_disk_id(id);
        write_table(&mut draft, &mbr, request.output)?;
    }
    progress.end("Copied base image");

    let interrupted = |source| write_error(request.output, source);
    go_on(progress).map_err(interrupted)?;
    progress.begin("Writing files", Some(overlay.len() as u64));
    boot.write(draft.path(), mbr.boot()?, request.timestamp)?;
    let root = mbr.root()?;
    writer.apply(draft.path(), root, &plan, request.timestamp)?;
    if leaks {
        ext4::preen(draft.path(), root, request.timestamp)?;
    }
    progress.advance(overlay.len() as u64);
    let allocation = release_free(draft.file(), &mbr).map_err(interrupted)?;
    progress.end("Wrote files");

    go_on(progress).map_err(interrupted)?;
    progress.begin("Checking image", None);
    prove(&draft, &mbr, &boot, &plan, request.timestamp)
        .map_err(|error| whose_damage(request.base, &base, error))?;
    let before = staged.map_or(base.size(), Staged::base_size);
    let report = report(draft.path(), before, &plan, &boot)?;
    go_on(progress).map_err(interrupted)?;
    progress.end("Checked image");
    Ok(Assembled {
        draft,
        report,
        allocation,
    })
}

/// Reads back what was written, and has the checker look at the whole beside that.
fn prove(
    draft: &Draft,
    mbr: &Mbr,
    boot: &BootPlan<'_>,
    plan: &Plan<'_>,
    timestamp: Timestamp,
) -> Result<(), Error> {
    let root = mbr.root()?;
    thread::scope(|scope| {
        let check = scope.spawn(|| ext4::fsck(draft.path(), root));
        boot.prove(draft.path(), mbr.boot()?)?;
        ext4::prove(draft.path(), root, plan, timestamp)?;
        let checked = check.join().unwrap_or_else(|_panic| {
            Err(WriteError::Unchecked {
                image: draft.path().to_owned(),
            })
        });
        Ok(checked?)
    })
}

/// The base is opened for reading and would be replaced at the end: surely a slip.
fn refuse_same_file(request: &AssembleRequest<'_>) -> Result<(), CopyError> {
    let (Ok(base), Ok(output)) = (fs::metadata(request.base), fs::metadata(request.output)) else {
        return Ok(());
    };
    if (base.dev(), base.ino()) == (output.dev(), output.ino()) {
        return Err(CopyError::SameFile {
            path: request.output.to_owned(),
        });
    }
    Ok(())
}

/// A tool that is too old is so because of what the base has, if it has it.
fn needed_for(base: &Card, error: ProcessError) -> Error {
    match error {
        ProcessError::TooOld {
            program,
            actual,
            wanted,
        } if base.root().superblock().has_orphan_file() => Error::TooOldForBase {
            program,
            actual,
            feature: "orphan_file",
            wanted,
        },
        error => error.into(),
    }
}

/// Damage that the base brought with it is no fault of the writing. The base is only looked at when there is
/// some: most have none. It is known as `name`.
pub(crate) fn whose_damage(name: &Path, base: &Card, error: Error) -> Error {
    match &error {
        Error::Write(WriteError::Damaged { .. } | WriteError::Tool(_))
        | Error::Grow(GrowError::Resize(_) | GrowError::Read(_)) => {}
        _ => return error,
    }
    let before = base.mbr().root().map(|root| ext4::fsck(base.path(), root));
    match before {
        Ok(Err(WriteError::Damaged { problem, .. })) => Error::BaseDamaged {
            image: name.to_owned(),
            problem,
        },
        _ => error,
    }
}

/// The overlay, with the disk signature changed in the two files that name partitions by it.
fn renumbered(base: &Card, request: &AssembleRequest<'_>, id: u32) -> Result<Overlay, Error> {
    let mut overlay = request.overlay.clone();
    let old = format!("PARTUUID={:08x}-", base.mbr().disk_id());
    let new = format!("PARTUUID={id:08x}-");
    for (path, mode) in [("/etc/fstab", 0o644), ("/boot/firmware/cmdline.txt", 0o755)] {
        let entry = match overlay.get(path) {
            Some(entry) => entry.clone(),
            None => match base.read(path)? {
                Some(bytes) => Entry::file(bytes, mode, "new disk signature"),
                None => continue,
            },
        };
        let Kind::File(bytes) = &entry.kind else {
            continue;
        };
        let text = String::from_utf8_lossy(bytes);
        if !text.contains(&old) {
            continue;
        }
        let bytes = text.replace(&old, &new).into_bytes();
        let entry = Entry {
            kind: Kind::File(bytes),
            ..entry
        };
        if let Ok(path) = EntryPath::new(path) {
            // Neither file is ever secret, which is all that could be refused.
            let _ = overlay.insert(path, entry);
        }
    }
    Ok(overlay)
}

fn write_table(draft: &mut Draft, mbr: &Mbr, output: &Path) -> Result<(), CopyError> {
    draft
        .file()
        .write_all_at(&mbr.to_bytes(), 0)
        .map_err(|source| write_error(output, source))
}

fn report(
    image: &Path,
    base_size: u64,
    plan: &Plan<'_>,
    boot: &BootPlan<'_>,
) -> Result<Report, Error> {
    let (mbr, size) = read_table(image)?;
    let root = Ext4::open(image, mbr.root()?)?;
    let mut written: Vec<_> = plan
        .steps()
        .iter()
        .map(Written::on_root)
        .chain(boot.written())
        .collect();
    written.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Report {
        version: 1,
        size,
        grown: size.saturating_sub(base_size),
        disk_id: format!("{:08x}", mbr.disk_id()),
        partitions: mbr.partitions().copied().collect(),
        free: root.superblock().free_bytes(),
        written,
    })
}
