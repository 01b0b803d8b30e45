//! A Pi that already runs: reached over SSH, looked at, changed as a whole, proved, and changed back if
//! the proof fails.
//!
//! `host.sh` is what runs over there, as root and with nothing but what every Raspberry Pi OS has; here
//! is who decides. No secret is ever in an argument of a program: passwords and files go through standard
//! input.

mod archive;
mod auth;
mod connection;
mod destination;
mod facts;
mod known_hosts;
mod proof;
mod release;
mod settled;
mod shell;
mod state;

pub use connection::{Connection, HostKeyPolicy, Login};
pub use destination::{Destination, DestinationError};
pub use facts::Facts;
pub use proof::{Proof, Way, prove, prove_at};
pub use release::{Applied, Packed};
pub use settled::system_state;
pub use shell::Root;
pub use state::{Change, ChangeKind, State};
