//! What `provision flash` takes.

use std::path::PathBuf;

use clap::Args;
use image::device::Permissions;

/// Writes an image onto one card or several, reads everything back, and says when it can be taken out.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provision flash --list\n  provision flash pi.img     shows the cards and asks\n  \
                  provision flash pi.img.xz --device /dev/sdb --yes     in a script\n  \
                  provision flash pi.img --device /dev/sdb --device /dev/sdc     two at once"
)]
pub struct FlashArgs {
    /// The image: raw, or packed with xz, zstd, gzip or zip.
    #[arg(value_name = "IMAGE", required_unless_present = "list")]
    pub(super) image: Option<PathBuf>,
    /// The card; repeatable, for several at once. A file that exists stands for a card of its size [default: asks].
    #[arg(long, value_name = "PATH")]
    pub(super) device: Vec<PathBuf>,
    /// Show the cards that there are, and do nothing.
    #[arg(long, conflicts_with_all = ["image", "device"])]
    pub(super) list: bool,
    /// The image's block map [default: the one beside the image].
    #[arg(long, value_name = "FILE", conflicts_with = "no_bmap")]
    pub(super) bmap: Option<PathBuf>,
    /// Write everything, whatever a block map says.
    #[arg(long)]
    pub(super) no_bmap: bool,
    /// Unmount what is mounted of the card.
    #[arg(long)]
    pub(super) unmount: bool,
    /// Take disks too that aren't removable. Never one that this system runs from.
    #[arg(long)]
    pub(super) allow_fixed: bool,
    /// Write everything again, also what an interrupted run has written.
    #[arg(long)]
    pub(super) start_over: bool,
    /// Don't ask.
    #[arg(long)]
    pub(super) yes: bool,
    /// Say what would be written, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Look for disks below this folder: for tests.
    #[arg(long, value_name = "DIR", hide = true, default_value = "/")]
    pub(super) system: PathBuf,
}

impl FlashArgs {
    pub(super) fn permissions(&self) -> Permissions {
        Permissions {
            fixed: self.allow_fixed,
        }
    }
}
