//! The account files of a root file system, as pure functions on their text.
//!
//! [`AccountFiles`] is parsed with errors that name file and line, changed, and rendered again; lines
//! that aren't touched come out byte by byte as they were.

mod login;
mod table;
mod user;

pub use login::Settled;
pub use table::{AccountError, AccountFile};
pub use user::{AccountFiles, LoginName, NewUser, PasswordField};
