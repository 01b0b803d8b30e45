//! Putting a payload on a machine, keeping it, or taking it back.

use anyhow::Context;

use super::archive;
use super::shell::Root;
use crate::hint::Fault;
use crate::payload::Payload;

/// A payload, packed.
pub struct Packed<'a> {
    payload: &'a Payload,
    archive: zeroize::Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Packed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packed({} bytes)", self.archive.len())
    }
}

/// A payload that a machine has switched to and that is not proved yet.
#[derive(Debug)]
#[must_use = "it has to be finished or undone"]
pub struct Applied<'a> {
    root: &'a Root<'a>,
}

impl<'a> Packed<'a> {
    /// Packs `payload`, whose files are dated `modified` (seconds since 1970).
    pub fn new(payload: &'a Payload, modified: u32) -> anyhow::Result<Self> {
        let archive = archive::pack(&payload.files, modified)?;
        Ok(Self { payload, archive })
    }

    /// The size of what is sent, in bytes.
    pub fn size(&self) -> u64 {
        self.archive.len() as u64
    }

    /// Sends it and switches to it. If that fails, the machine has gone back to what it had.
    pub fn apply(&self, root: &'a Root<'a>) -> anyhow::Result<Applied<'a>> {
        let mut arguments = vec![self.payload.release.as_str()];
        arguments.extend(self.payload.units.iter().map(|unit| unit.name.as_str()));
        let ran = root.run("apply", &arguments, &self.archive)?;
        if ran.status != 0 {
            let said = ran.stderr.trim();
            return Err(Fault::new(format!(
                "the machine could not switch to release {}, and is as it was before:\n{said}",
                self.payload.release
            ))
            .into());
        }
        Ok(Applied { root })
    }
}

impl Applied<'_> {
    /// The proof was given: older releases go, but for the last.
    pub fn finish(self) -> anyhow::Result<()> {
        let ran = self.root.run("finish", &[], b"")?;
        ran.success("tidying up on the machine").map(drop)
    }

    /// The proof failed: back to what was there. Returns what the broker said last.
    pub fn undo(self) -> anyhow::Result<String> {
        let ran = self.root.run("undo", &[], b"")?;
        let said = ran.stderr.clone();
        ran.success("going back to what was there")
            .context("the machine may have the new release still; push again")?;
        Ok(said)
    }
}

impl Root<'_> {
    /// What the broker said last, one line each.
    pub fn said(&self) -> anyhow::Result<String> {
        self.run("said", &[], b"")?
            .success("reading the broker's log")
    }

    /// Removes the broker; with `data` also what it has stored.
    ///
    /// # Errors
    ///
    /// There is none of ours.
    pub fn uninstall(&self, data: bool) -> anyhow::Result<()> {
        let what = if data { "data" } else { "no-data" };
        let ran = self.run("uninstall", &[what], b"")?;
        if ran.status == 66 {
            return Err(Fault::input(format!("{}; nothing was changed", ran.reason())).into());
        }
        ran.success("removing the broker").map(drop)
    }
}
