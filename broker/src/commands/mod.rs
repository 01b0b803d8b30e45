//! What the program does besides serving: `mqtt-broker passwd` and `mqtt-broker acl`.

mod acl;
mod passwd;
mod passwd_args;
mod replace;
mod terminal;

pub use acl::run as acl;
pub use passwd::run as passwd;

use std::fmt;
use std::io::{self, Write as _};

/// Says something about the work; data goes to standard output.
fn say(text: impl fmt::Display) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(io::stderr(), "{text}");
}
