//! What two cards differ in: the partition table, and path by path what is on them.
//!
//! Directories are compared as they are met and files bit by bit, so that memory is bounded by the largest
//! directory. Extended attributes and the number of a file's names are not compared: the reader of ext4
//! doesn't tell them.

mod compare;
mod difference;
mod lines;
mod table;

pub use compare::{Options, Summary, compare};
pub use difference::{ChangeKind, Difference, Field, Side, SideKind, Text};
pub use lines::unified;
pub use table::{TableDifference, tables};
