//! What survives a restart: retained messages and the sessions of clients that asked for it.
//!
//! All of it is one file, written as a whole beside the old one and then put in its place. It says its
//! version and ends with a checksum, so that a file that was cut short or changed is noticed and set aside:
//! a broker that has lost its memory is worth more than one that does not start.

mod file;
mod format;
mod record;
mod snapshot;

pub use file::{Loaded, StoreError, load, save};
pub use format::{Context, FormatError, ListenerName};
pub use snapshot::Snapshot;
