//! Why a Debian base could not be had.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::host;
use super::log::MIRROR_IN_BETWEEN;
use super::packages::{Package, PackageError};
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
    /// Debian's keys are not there.
    #[error("the keys with which Debian signs its archives are not installed")]
    Keyring,
    /// A name that no package can have.
    #[error("{name:?} can't be the name of a Debian package")]
    PackageName {
        /// The name.
        name: String,
    },
    /// A package that the archive has not.
    #[error("Debian has no package {name}")]
    UnknownPackage {
        /// Its name.
        name: String,
    },
    /// The packages that are wanted can't be installed together.
    #[error("these packages can't be installed together: {reason}")]
    Unsolvable {
        /// apt's word on it.
        reason: String,
    },
    /// The archive's lists can't be had, or make no sense.
    #[error("cannot read the mirror's lists of packages: {reason}")]
    Lists {
        /// apt's word on it.
        reason: String,
    },
    /// A package can't be described so.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Packages could not be downloaded.
    #[error("cannot download packages: {reason}")]
    Download {
        /// apt's word on it.
        reason: String,
    },
    /// Versions that are wanted are no longer to be had.
    #[error("no mirror has {} any more, and the cache has not", list(.0))]
    Gone(Vec<Gone>),
    /// A .deb is not the one that it should be.
    #[error("{} is not package {name}: its sha256 is {actual}, and {expected} is expected", .path.display())]
    Digest {
        /// The package.
        name: String,
        /// The file.
        path: PathBuf,
        /// The digest that it has.
        actual: String,
        /// The digest that it should have.
        expected: String,
    },
    /// Something else was installed than what was asked for.
    #[error("the new base has other packages than it should have: {difference}")]
    NotAsPinned {
        /// The first difference.
        difference: String,
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

/// A version of a package that is nowhere to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The package.
    pub name: String,
    /// The version that is wanted.
    pub version: String,
}

impl Gone {
    pub(super) fn of((name, package): (&str, &Package)) -> Self {
        Self {
            name: name.to_owned(),
            version: package.version.clone(),
        }
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

fn list(gone: &[Gone]) -> String {
    let gone: Vec<String> = gone.iter().map(Gone::to_string).collect();
    gone.join(", ")
}

/// Says what could not be done with which file.
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DebianError {
    let path = path.to_owned();
    move |source| DebianError::Io {
        action,
        path,
        source,
    }
}

impl DebianError {
    /// Whether what was asked for is wrong, and not this computer or the network.
    pub fn is_input(&self) -> bool {
        matches!(
            self,
            Self::PackageName { .. } | Self::UnknownPackage { .. } | Self::Unsolvable { .. }
        )
    }

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
            Self::Lists { reason } | Self::Download { reason }
                if reason.contains(MIRROR_IN_BETWEEN) =>
            {
                Some(
                    "the mirror's lists of packages don't belong together, as while it is updated: try \
                     again later, or give another with `--mirror`"
                        .to_owned(),
                )
            }
            Self::Lists { .. } | Self::Download { .. } => Some(
                "is there a network? Give another mirror with `--mirror`; packages that are in the cache \
                 need none"
                    .to_owned(),
            ),
            Self::Keyring => Some(
                "install them: `apt-get install debian-archive-keyring` on Debian and Ubuntu".to_owned(),
            ),
            Self::PackageName { .. } | Self::UnknownPackage { .. } => Some(
                "see https://packages.debian.org for what there is; a package is given by its name alone"
                    .to_owned(),
            ),
            Self::Gone(_) => Some(
                "`provision image --update` takes the versions that there are now, and says what changes"
                    .to_owned(),
            ),
            Self::Digest { path, .. } => Some(format!(
                "remove {}; it is downloaded again",
                path.display()
            )),
            Self::Install { .. } => Some(
                "look for the cause at the end of the log: less than 2 GiB free in $TMPDIR or /tmp, or a \
                 package that does not install"
                    .to_owned(),
            ),
            Self::NotAsPinned { .. } => Some(
                "this is a fault of the program: please report it; `--update` may help".to_owned(),
            ),
            Self::Interrupted
            | Self::Unsolvable { .. }
            | Self::Package(_)
            | Self::FileSystem(_)
            | Self::Card(_)
            | Self::Board(_)
            | Self::Table(_)
            | Self::Io { .. } => None,
        }
    }
}
