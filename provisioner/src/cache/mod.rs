//! The folder of what can be made again: what is in it, since when it wasn't used, and how it is removed.

mod entry;
mod prune;
mod scan;

pub use entry::{Entry, Guard, Kind};
pub use prune::{Choice, Outcome, choose, remove};
pub use scan::scan;
