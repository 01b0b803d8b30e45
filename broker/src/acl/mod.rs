//! Access control in Mosquitto's `acl_file` language: reading, writing, deciding.
//!
//! ```text
//! topic [read|write|readwrite|deny] FILTER      before any `user` line: clients without a user name
//! user NAME                                     the `topic` lines below are for this user
//! pattern [read|write|readwrite|deny] FILTER    everybody, wherever it stands; %u is the user name, %c the client id
//! ```
//!
//! [`AclFile`] is the text as a list of lines, for whoever writes one; [`Acl`] is what decides.

mod check;
mod file;
mod subscribe;

pub use check::{Access, Acl, Decision, Reason, decide};
pub use file::{AclError, AclFile, AclLine, AclProblem, Permission};
