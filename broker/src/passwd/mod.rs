//! Mosquitto's password files: reading, writing, hashing and checking.
//!
//! A line is `NAME:HASH`; lines that are empty or begin with `#` are comments. Of the hashes, `$7$`
//! (PBKDF2-HMAC-SHA512), `$6$` (one round of SHA-512) and `$argon2id$` are understood; what this crate writes
//! is `$7$` with a salt of 12 bytes, the one form that every version of Mosquitto reads, unless another is
//! asked for. Comments are kept, but better
//! not written: Mosquitto reads them, its `mosquitto_passwd` 2.0 takes one for damage and cuts the file off.
//!
//! Stricter than Mosquitto in two points: a line that is neither comment nor `NAME:HASH` is an error, not
//! skipped, because its owner would find out only by being locked out; and a password is taken as it is,
//! not cut at a null character, which none can contain when it is hashed.

mod argon;
mod file;
mod hash;
mod line;
mod problem;
mod read;
mod scheme;
mod secret;

pub use file::PasswordFile;
pub use hash::{Algorithm, DEFAULT_ITERATIONS, PasswordHash};
pub use problem::{
    HashError, HashingError, PasswdError, PasswdProblem, UserNameError, check_user_name,
};
#[cfg(feature = "server")]
pub(crate) use scheme::MAX_ITERATIONS;
pub use secret::{Password, PasswordError};
