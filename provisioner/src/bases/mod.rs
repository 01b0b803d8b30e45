//! Base images as commands see them: which one is taken, where it comes from, and which there are.

mod choose;
mod listing;
mod net;
mod official;
mod taken;

pub use choose::{How, prepare};
pub use listing::{Listing, Row, list};
pub use net::NetArgs;
pub use taken::{Base, What};
