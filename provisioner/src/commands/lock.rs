//! What `image` and `render` say about locks: their flags, and what was done.

use clap::Args;
use image::base::debian::Change;

use crate::lock::{LockFile, Mode, Outcome};
use crate::output::Output;

/// What may be done with provision.lock, which says what bases are made of.
#[derive(Debug, Clone, Copy, Args)]
pub struct LockArgs {
    /// Obey provision.lock, and fail if it is not there or doesn't fit.
    #[arg(long, conflicts_with = "update")]
    locked: bool,
    /// Take the newest packages, or the newest image, and say what changes.
    #[arg(long)]
    update: bool,
}

impl LockArgs {
    pub(super) fn mode(self) -> Mode {
        match self {
            Self { locked: true, .. } => Mode::Locked,
            Self { update: true, .. } => Mode::Update,
            Self { .. } => Mode::Obey,
        }
    }
}

/// A lock after a base has been settled.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) file: LockFile,
    pub(super) outcome: Outcome,
}

impl Settled {
    /// Writes the lock, if there is something to write, and says so.
    pub(super) fn save(&self, output: &Output) -> anyhow::Result<()> {
        if !self.file.is_changed() {
            return Ok(());
        }
        self.file.save()?;
        let path = self.file.path().display();
        output.status(&match self.outcome {
            Outcome::Chosen(count) => {
                format!("Wrote {path}: {count} packages, which later cards will have too")
            }
            Outcome::Changed { .. } | Outcome::Obeyed => format!("Wrote {path}"),
        });
        Ok(())
    }

    /// Says what is different from what was locked.
    pub(super) fn tell_changes(&self, output: &Output) {
        let Outcome::Changed { changes, asked } = &self.outcome else {
            return;
        };
        let path = self.file.path().display();
        if !asked {
            output.status(&format!(
                "The recipe wants other packages than {path} was made for; all are chosen anew"
            ));
        }
        if changes.is_empty() {
            output.status(&format!("Nothing is newer than what {path} has"));
        }
        for change in changes {
            output.status(&format!("  {change}"));
        }
    }

    /// For JSON.
    pub(super) fn changes(&self) -> &[Change] {
        match &self.outcome {
            Outcome::Changed { changes, .. } => changes,
            Outcome::Obeyed | Outcome::Chosen(_) => &[],
        }
    }
}
