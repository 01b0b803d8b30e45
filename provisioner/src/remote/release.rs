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
    release: String,
}

/// How `host.sh` ends if there is no broker of ours to remove.
const NOTHING_HERE: i32 = 66;

/// How `host.sh` ends if somebody else is changing the machine.
const BUSY: i32 = 75;

/// How `host.sh` ends if it could not take back what it had begun.
const HALF_WAY: i32 = 71;

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
        let release = &self.payload.release;
        let ran = root.run("apply", &arguments, &self.archive)?;
        let said = ran.stderr.trim();
        match ran.status {
            0 => Ok(Applied {
                root,
                release: release.clone(),
            }),
            BUSY => Err(Fault::new("another push to the machine is under way; nothing was changed")
                .hint("wait for it to end, then push again")
                .into()),
            HALF_WAY => Err(Fault::new(format!(
                "the machine could not switch to release {release}, nor go back to what it had:\n{said}"
            ))
            .hint("make room there if it has none; the next push begins with going back")
            .into()),
            _ => Err(Fault::new(format!(
                "the machine could not switch to release {release}, and is as it was before:\n{said}"
            ))
            .hint("the lines that begin with `broker:` are its own last words, if it came that far")
            .into()),
        }
    }
}

impl Applied<'_> {
    /// The proof was given: older releases go, but for the last.
    pub fn finish(self) -> anyhow::Result<()> {
        self.root.finish(&self.release)
    }

    /// The proof failed: back to what was there. Returns what the broker said last.
    pub fn undo(self) -> anyhow::Result<String> {
        let ran = self.root.run("undo", &[&self.release], b"")?;
        let said = ran.stderr.clone();
        ran.success("going back to what was there")
            .context("the machine may have the new release still; push again")?;
        Ok(said)
    }
}

impl Root<'_> {
    /// Keeps `release`, which was proved.
    pub fn finish(&self, release: &str) -> anyhow::Result<()> {
        let ran = self.run("finish", &[release], b"")?;
        ran.success("tidying up on the machine")
            .context("the broker is proved and runs; push again to tidy up")
            .map(drop)
    }

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
        if ran.status == NOTHING_HERE {
            return Err(Fault::input(format!("{}; nothing was changed", ran.reason())).into());
        }
        ran.success("removing the broker").map(drop)
    }
}
