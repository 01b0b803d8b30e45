//! A base built from Debian's own packages, laid out like Raspberry Pi OS.
//!
//! Needs a mirror of Debian and nothing else: no loop device, no container and, where the host allows
//! user namespaces, no privilege. [`DebianBase::prepare`] is the entry.

mod builder;
mod error;
pub mod host;
mod inputs;
mod log;
mod port;

pub use error::DebianError;
pub use inputs::DebianBase;
