//! Reads, edits and proves Raspberry Pi card images without root, mounts or loop devices.
//!
//! The crate never prints and never looks at the clock: it reports through [`Progress`] and returns
//! values, and every timestamp is an argument, so that two builds of the same inputs are identical.
//!
//! # The way through
//!
//! 1. A base becomes a raw image: [`base::local::open`] for a file, [`base::official`] fetches Raspberry Pi OS,
//!    [`base::debian`] builds one. [`base::lease::share`] keeps it in the cache as long as it is used.
//! 2. [`Card::open`] looks into it: [`Card::read`], [`Card::find`], [`Card::list`], what system it is.
//!    [`Card::first_boot`] tells it by its files, [`accounts`] changes the account files that were read from it,
//!    [`bootconfig`] those by which it starts.
//! 3. Everything that shall be on the card is an [`Overlay`]: a sorted set of [`Entry`]s.
//! 4. [`assemble`](fn@assemble) copies the base, makes room, writes the overlay, proves that it is there, and gives
//!    the image its name. Its [`Report`] says what was written.
//!
//! [`mbr`], [`fat`] and [`ext4`] are what these are made of; [`boards`] proves that a card boots where it should.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use image::{AssembleRequest, Entry, EntryPath, ImageSize, Overlay, Silent, Timestamp, assemble};
//!
//! let mut overlay = Overlay::new();
//! let path = EntryPath::new("/etc/hostname")?;
//! overlay.insert(path, Entry::file("broker1\n", 0o644, "recipe"))?;
//! let request = AssembleRequest {
//!     base: Path::new("raspios-lite.img"),
//!     output: Path::new("pi.img"),
//!     overlay: &overlay,
//!     free: 256 << 20,
//!     size: ImageSize::AsNeeded,
//!     limit: None,
//!     timestamp: Timestamp::from_unix(1_767_225_600),
//!     disk_id: None,
//! };
//! let report = assemble(&request, &mut Silent)?;
//! assert_eq!(report.written.len(), 1);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it is known to be right
//!
//! What writes is never what proves: `debugfs` writes ext4 and `ext4-view` reads it back, `fatfs` writes
//! FAT and a reader of this crate reads it back; every path is compared in kind, bytes, mode, owner and
//! date, and `e2fsck -fn` closes. Exit codes and silence of tools are no evidence.
//!
//! An image is made beside its place under another name and renamed when all that has passed. It can be
//! read by its owner only (mode 0600), since it holds private keys.
//!
//! # What it needs
//!
//! `debugfs`, `e2fsck` and `resize2fs` of e2fsprogs 1.47 or newer, found on `PATH` or where
//! administrators' tools are. No root, no mount, no loop device, no container, no emulator.

pub mod accounts;
pub mod allocation;
mod assemble;
mod assembled;
pub mod base;
pub mod bmap;
pub mod boards;
mod boot;
pub mod bootconfig;
mod card;
mod compress;
mod copy;
pub mod device;
pub mod diff;
mod error;
pub mod ext4;
pub mod fat;
mod flush;
mod grow;
pub mod inspect;
pub mod leftover;
pub mod mbr;
mod overlay;
mod process;
mod progress;
mod release;
mod report;
mod scratch;
pub mod secrets;
pub mod survey;
pub mod system;
mod time;
mod tree;
pub mod verify;
mod window;

pub use assemble::{AssembleRequest, assemble, prepare};
pub use assembled::Assembled;
pub use card::{Card, CardError};
pub use compress::{Compression, CompressionError};
pub use copy::CopyError;
pub use error::Error;
pub use grow::{GrowError, ImageSize};
pub use overlay::{Entry, EntryPath, Kind, Overlay, OverlayError, Owner};
pub use process::ProcessError;
pub use progress::{Progress, Silent};
pub use release::{Architecture, OsRelease};
pub use report::{Content, Report, Written};
pub use scratch::Scratch;
pub use system::FirstBoot;
pub use time::Timestamp;

use report::hex;
