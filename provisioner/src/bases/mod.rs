//! Base images as commands see them: which one is taken, where it comes from, and which there are.

mod choose;
mod debian;
mod listing;
mod net;
mod official;
mod taken;

pub use choose::{How, Locking, prepare};
pub use debian::{DebianArgs, settle as settle_debian};
pub use listing::{Listing, Row, list};
pub use net::NetArgs;
pub use taken::{Base, What};
