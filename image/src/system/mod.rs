//! What system is on a card, and how it would like to be set up at its first boot. Told by what is on the
//! card, never by a file's name.

mod detect;
mod forms;
mod issue;
mod seed;

pub use detect::{Detected, FirstBoot, Growth, MachineId};
pub use issue::Issue;
pub use seed::{Fate, SeedFile};
