//! An image that is complete but for its name.

use std::path::Path;

use crate::allocation::Allocation;
use crate::copy::Draft;
use crate::error::Error;
use crate::report::Report;

/// An image beside its place, under another name; dropped, it is gone.
#[derive(Debug)]
pub struct Assembled {
    pub(crate) draft: Draft,
    pub(crate) report: Report,
    pub(crate) allocation: Allocation,
}

impl Assembled {
    /// Where it is for now.
    pub fn path(&self) -> &Path {
        self.draft.path()
    }

    /// What was written.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Which parts of it matter; the rest is zeros.
    pub fn allocation(&self) -> &Allocation {
        &self.allocation
    }

    /// Makes it durable and gives it its name.
    ///
    /// # Errors
    ///
    /// Then what was there before is still there.
    pub fn commit(self) -> Result<Report, Error> {
        self.draft.commit()?;
        Ok(self.report)
    }
}
