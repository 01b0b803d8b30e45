//! Whether a card is what its report says: every path that was written, the table, the file systems.
//!
//! A card that has booted is not the image any more: it has grown, has another disk id, and secrets have
//! been opened to the service that reads them. Such changes are known and told apart from those that nobody
//! can explain. What the report doesn't list is not looked at.

mod check;
mod disk;
mod paths;
mod settled;
mod used;

pub use check::{Checked, End, Status, Verification, verify};
