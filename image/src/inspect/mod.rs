//! What is on a card, as one value: for people who found one in a drawer, and for scripts.
//!
//! Nothing secret is in it: of a password only whether it is set and how it is hashed, of a network its name.

mod accounts;
mod boot;
mod files;
mod finding;
mod network;
mod partitions;
mod settings;
mod summary;
mod units;

pub use accounts::{PasswordState, User};
pub use boot::SecretOnBoot;
pub use finding::Finding;
pub use network::{Connection, Radio};
pub use partitions::{FileSystem, PartitionFacts};
pub use settings::Settings;
pub use summary::{Inspection, inspect};
pub use units::{EnabledUnit, Units};
