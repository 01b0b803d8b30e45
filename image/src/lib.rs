//! Reads, edits and proves Raspberry Pi card images without root, mounts or loop devices.
//!
//! The crate never prints and never looks at the clock: it reports through [`Progress`] and returns
//! values, and every timestamp is an argument, so that two builds of the same inputs are identical.

mod overlay;
mod progress;

pub use overlay::{Entry, EntryPath, Kind, Overlay, OverlayError, Owner};
pub use progress::{Progress, Silent};
