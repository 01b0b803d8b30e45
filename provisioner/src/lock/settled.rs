//! A lock after a base has been settled: what there is to say, and to write.

use image::base::debian::Change;

use super::debian::Outcome;
use super::file::LockFile;
use crate::output::Output;

/// A lock after a base has been settled.
#[derive(Debug)]
pub struct Settled {
    /// The lock.
    pub file: LockFile,
    /// How what it says was found.
    pub outcome: Outcome,
}

impl Settled {
    /// Whether there is a folder for it: without a site there is none yet.
    pub fn has_place(&self) -> bool {
        let folder = self.file.path().parent();
        folder.is_some_and(|folder| folder.as_os_str().is_empty() || folder.is_dir())
    }

    /// Writes the lock, if there is something to write, and says so.
    pub fn save(&self, output: &Output) -> anyhow::Result<()> {
        if !self.file.is_changed() {
            return Ok(());
        }
        self.file.save()?;
        let path = self.file.path().display();
        output.status(&match self.outcome {
            Outcome::Chosen(count) => {
                format!("Wrote {path}: {count} packages, which later cards will have too")
            }
            Outcome::Image(_) | Outcome::Changed { .. } | Outcome::Obeyed => {
                format!("Wrote {path}")
            }
        });
        Ok(())
    }

    /// Says what is different from what was locked.
    pub fn tell_changes(&self, output: &Output) {
        let path = self.file.path().display();
        let (changes, asked) = match &self.outcome {
            Outcome::Changed { changes, asked } => (changes, asked),
            Outcome::Image(Some((before, now))) if before == now => {
                output.status(&format!("Nothing is newer than what {path} has"));
                return;
            }
            Outcome::Image(Some((before, now))) => {
                output.status(&format!("  {before} -> {now}"));
                return;
            }
            Outcome::Image(None) | Outcome::Obeyed | Outcome::Chosen(_) => return,
        };
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
    pub fn changes(&self) -> &[Change] {
        match &self.outcome {
            Outcome::Changed { changes, .. } => changes,
            Outcome::Obeyed | Outcome::Chosen(_) | Outcome::Image(_) => &[],
        }
    }
}
