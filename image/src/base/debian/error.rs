//! Why a Debian base could not be had.

use std::io;
use std::path::PathBuf;

use super::host;
use super::log::MIRROR_IN_BETWEEN;
use crate::boards::BoardError;
use crate::ext4::WriteError;
use crate::mbr::MbrError;
use crate::process::ProcessError;
use crate::{Architecture, CardError};

/// Why a Debian base could not be had.
#[derive(Debug, thiserror::Error)]
pub enum DebianError {
    /// A tool is missing or failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Nothing would run the installation scripts of packages for another processor.
    #[error("programs for {architecture} don't run on this computer: {why}")]
    Emulator {
        /// What the base is for.
        architecture: Architecture,
        /// What was looked for and not found.
        why: &'static str,
    },
    /// An ordinary user may not make the namespace in which packages are installed.
    #[error("user {user} can't install packages into a folder: {why}")]
    Namespace {
        /// The name or number of the user.
        user: String,
        /// Which of the conditions is not met.
        why: &'static str,
        /// What to type.
        cure: String,
    },
    /// mmdebstrap gave up.
    #[error("mmdebstrap failed ({status}): {reason}; its log is {}", .log.display())]
    Install {
        /// How it ended.
        status: String,
        /// The last error that it or a package reported.
        reason: String,
        /// Where everything that it said is kept.
        log: PathBuf,
    },
    /// The user wanted it to stop.
    #[error("interrupted: the base was not built")]
    Interrupted,
    /// The finished root file system is damaged.
    #[error("the new root file system is not sound")]
    FileSystem(#[from] WriteError),
    /// The finished image can't be read as a card.
    #[error("the new base can't be read")]
    Card(#[from] CardError),
    /// The finished image would not boot on a board that it is for.
    #[error("the new base is of no use")]
    Board(#[from] BoardError),
    /// The partition table could not be made.
    #[error("cannot lay out the partitions")]
    Table(#[from] MbrError),
    /// A file of the cache could not be read or written.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was being done: a verb.
        action: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl DebianError {
    /// Whether [`Progress::cancelled`](crate::Progress::cancelled) is the reason.
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Interrupted)
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Process(error) => error.hint(),
            Self::Emulator { architecture, why } if *why == host::WITHOUT_F => {
                let name = match architecture {
                    Architecture::Armhf => "qemu-arm",
                    Architecture::Arm64 | Architecture::Amd64 => "qemu-aarch64",
                };
                Some(format!(
                    "take it back, as in `echo -1 | sudo tee /proc/sys/fs/binfmt_misc/{name}`, then run \
                     `ci/setup` with qemu-user-static (Debian 13: qemu-user-binfmt), which sets the flag"
                ))
            }
            Self::Emulator { .. } => Some(
                "run `ci/setup`, or install qemu-user-static (Debian 13: qemu-user-binfmt) and mount \
                 /proc/sys/fs/binfmt_misc"
                    .to_owned(),
            ),
            Self::Namespace { cure, .. } => Some(cure.clone()),
            Self::Install { reason, .. } if reason.contains(MIRROR_IN_BETWEEN) => Some(
                "the mirror's lists of packages don't belong together, as while it is updated: try \
                 again later, or give another with `--mirror`"
                    .to_owned(),
            ),
            Self::Install { .. } => Some(
                "look for the cause at the end of the log: an unreachable mirror (give another with \
                 `--mirror`), less than 2 GiB free in $TMPDIR or /tmp, or a package that does not install"
                    .to_owned(),
            ),
            Self::Interrupted
            | Self::FileSystem(_)
            | Self::Card(_)
            | Self::Board(_)
            | Self::Table(_)
            | Self::Io { .. } => None,
        }
    }
}
