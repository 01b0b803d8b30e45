//! What may be done with locks, as flags.

use clap::Args;

use crate::lock::Mode;

/// What may be done with provision.lock, which says what bases are made of.
#[derive(Debug, Clone, Copy, Args)]
pub struct LockArgs {
    /// Obey provision.lock, which lies beside your recipe or else in the site; fail if it isn't there or doesn't fit.
    #[arg(long, conflicts_with = "update")]
    locked: bool,
    /// Take the newest packages, or the newest image, whatever provision.lock says, and say what changes.
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
