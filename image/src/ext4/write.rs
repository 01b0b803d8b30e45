//! Writing a plan into a root file system, and proving afterwards that it is there.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::plan::{Change, Plan, Planned};
use super::read::{Ext4, Ext4Error, Found, FoundKind};
use crate::mbr::Partition;
use crate::process::ProcessError;
use crate::time::Timestamp;

/// Something that can change an ext4 file system inside of an image.
///
/// What it returns is never taken for evidence: [`prove`] is.
pub(crate) trait RootfsWriter {
    /// Does all steps of `plan`. Whatever is written is dated `timestamp`.
    fn apply(
        &self,
        image: &Path,
        partition: &Partition,
        plan: &Plan<'_>,
        timestamp: Timestamp,
    ) -> Result<(), WriteError>;
}

/// Reads back every path of `plan` and compares kind, bytes, mode, owner and date.
pub(crate) fn prove(
    image: &Path,
    partition: &Partition,
    plan: &Plan<'_>,
    timestamp: Timestamp,
) -> Result<(), WriteError> {
    let written = Ext4::open(image, partition)?;
    let mut by_parent: BTreeMap<&str, Vec<&Planned<'_>>> = BTreeMap::new();
    for step in plan.steps() {
        by_parent
            .entry(step.target.parent())
            .or_default()
            .push(step);
    }
    for (parent, steps) in by_parent {
        let names = steps.iter().map(|step| step.target.name()).collect();
        let mut children = written.children(parent, &names)?;
        for step in steps {
            let found = children.remove(step.target.name());
            prove_step(&written, step, found, timestamp)?;
        }
    }
    Ok(())
}

fn prove_step(
    written: &Ext4,
    step: &Planned<'_>,
    found: Option<Found>,
    timestamp: Timestamp,
) -> Result<(), WriteError> {
    let path = step.target.path();
    let differs = |what, wanted: String, found: String| {
        Err(WriteError::Differs {
            path: path.clone(),
            what,
            wanted,
            found,
        })
    };
    let (wanted, bytes) = match step.change {
        Change::Write(bytes) => (Some(FoundKind::File(bytes.len() as u64)), Some(bytes)),
        Change::MakeDirectory | Change::SetDirectory => (Some(FoundKind::Directory), None),
        Change::Link(target) => (Some(FoundKind::Symlink(target.to_owned())), None),
        Change::Remove => (None, None),
    };
    let kind = found.as_ref().map(|found| &found.kind);
    if kind != wanted.as_ref() {
        return differs("kind", describe(wanted.as_ref()), describe(kind));
    }
    let Some(found) = found else {
        return Ok(());
    };
    if let Some((what, wanted, found)) = attributes(step, &found, timestamp) {
        return differs(what, wanted, found);
    }
    match bytes {
        Some(bytes) if !written.holds(&path, bytes)? => differs(
            "contents",
            format!("the {} bytes given", bytes.len()),
            "other bytes".to_owned(),
        ),
        _ => Ok(()),
    }
}

/// The first attribute of `found` that isn't what `step` wants: its name and both values.
fn attributes(
    step: &Planned<'_>,
    found: &Found,
    timestamp: Timestamp,
) -> Option<(&'static str, String, String)> {
    if step.owner != found.owner {
        let show = |owner: crate::Owner| format!("{}:{}", owner.uid, owner.gid);
        return Some(("owner", show(step.owner), show(found.owner)));
    }
    let is_link = matches!(step.change, Change::Link(_));
    if !is_link && step.mode != found.mode {
        return Some((
            "mode",
            format!("{:04o}", step.mode),
            format!("{:04o}", found.mode),
        ));
    }
    // A directory that was there keeps its date.
    let dated = step.change != Change::SetDirectory;
    (dated && found.modified != i64::from(timestamp.unix())).then(|| {
        (
            "date",
            timestamp.unix().to_string(),
            found.modified.to_string(),
        )
    })
}

fn describe(kind: Option<&FoundKind>) -> String {
    match kind {
        None => "nothing".to_owned(),
        Some(FoundKind::File(size)) => format!("a file of {size} bytes"),
        Some(kind) => kind.to_string(),
    }
}

/// Why a root file system could not be written, or was not written as it should be.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A tool is missing, too old, or failed.
    #[error("cannot write the ext4 partition")]
    Tool(#[from] ProcessError),
    /// The files to be written could not be laid out for the tool.
    #[error("cannot prepare files in {}", folder.display())]
    Staging {
        /// The private temporary folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of the script would not be understood.
    #[error("{path} is too long: its path and target may have {longest} bytes together")]
    TooLong {
        /// The entry's place.
        path: String,
        /// The most bytes in a line.
        longest: usize,
    },
    /// The tool complained.
    #[error("debugfs could not do what it was told: {complaint}")]
    Refused {
        /// What it said.
        complaint: String,
    },
    /// The tool that knows how small a file system can be didn't say so.
    #[error("resize2fs did not say how small the file system can be: {said}")]
    NoMinimum {
        /// What it said.
        said: String,
    },
    /// What was written could not be read back.
    #[error("cannot read back what was written")]
    ReadBack(#[from] Ext4Error),
    /// What was read back is not what was to be written.
    #[error(
        "{path} was written and does not read back: its {what} should be {wanted} and is {found}"
    )]
    Differs {
        /// The entry's place.
        path: String,
        /// Which property differs.
        what: &'static str,
        /// Its wanted value.
        wanted: String,
        /// Its value.
        found: String,
    },
    /// The checker was not waited for, by a fault of the program.
    #[error("the ext4 partition of {} was not checked", image.display())]
    Unchecked {
        /// The image.
        image: PathBuf,
    },
    /// The checker found errors.
    #[error("e2fsck finds the ext4 partition of {} damaged: {problem}", image.display())]
    Damaged {
        /// The image.
        image: PathBuf,
        /// The first thing that it said about it.
        problem: String,
    },
}
