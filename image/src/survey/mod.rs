//! One way through an image, from which everything is learned that others want to know of its bytes: its digest,
//! its block map, its packed form.

mod consumers;
mod reader;
mod run;

pub use run::{Packed, Survey, Wanted, survey};
