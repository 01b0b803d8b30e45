//! `provision flash`: writes an image onto cards.

mod args;
mod choose;
mod hints;
mod journal;
mod list;
mod meter;
mod outcome;
mod picture;
mod run;

pub use args::FlashArgs;
pub use hints::{cure, is_interrupted, is_users};
pub use run::run;
