//! The two files on the FAT partition by which a Pi is told how to start, edited as a person would: what is
//! not touched stays as it is, comments, order and unknown lines included. The editors are pure functions on
//! text; [`BootEdits`] applies them to a card.

mod apply;
mod cmdline;
mod config;
mod error;

pub use apply::{BootEdits, ConfigEdit, EditedFile, WordEdit};
pub use cmdline::Cmdline;
pub use config::{ConfigTxt, last_line};
pub use error::BootConfigError;
