//! What can be wrong with a password file, a name and a hash.

use thiserror::Error;

use super::scheme::MAX_ITERATIONS;

/// The longest user name in bytes: the length field of CONNECT has 16 bits.
const MAX_NAME: usize = 65_535;

/// A line that is wrong, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct PasswdError {
    /// The line's number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: PasswdProblem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PasswdProblem {
    /// Neither a comment nor a user.
    #[error("expected NAME:HASH, found no ':'")]
    NoColon,
    /// The name can't be one.
    #[error(transparent)]
    Name(#[from] UserNameError),
    /// The user has no hash.
    #[error("user {0:?} has no password; delete the line, or set one")]
    NoHash(String),
    /// The hash can't be checked against.
    #[error("the password of user {name:?} {problem}")]
    Hash {
        /// Whose hash.
        name: String,
        /// What is wrong with it.
        problem: HashError,
    },
    /// The user was there before.
    #[error("user {name:?} is already on line {first}")]
    Duplicate {
        /// Which user.
        name: String,
        /// The line where it was first.
        first: usize,
    },
}

/// Why a text can't be a user name in a password file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UserNameError {
    /// It has no characters.
    #[error("a user name has at least one character")]
    Empty,
    /// It does not fit the CONNECT packet.
    #[error("a user name has at most {MAX_NAME} bytes, this one has {0}")]
    TooLong(usize),
    /// It contains a colon, which ends the name in the file, or a control character.
    #[error("user name {0:?} contains {1:?}: neither ':' nor control characters are possible")]
    Character(String, char),
    /// It begins with `#` or has blanks at its ends: read back from the file, it would not be the same.
    #[error("user name {0:?} begins with '#' or has blanks at its ends")]
    Edge(String),
}

/// Checks that `name` can stand in a password file and is read back as it is.
///
/// # Errors
///
/// If it is empty, longer than 65,535 bytes, contains a colon or control character, begins with `#`, or begins
/// or ends with blanks.
pub fn check_user_name(name: &str) -> Result<(), UserNameError> {
    if name.is_empty() {
        return Err(UserNameError::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(UserNameError::TooLong(name.len()));
    }
    if let Some(c) = name.chars().find(|c| *c == ':' || c.is_control()) {
        return Err(UserNameError::Character(name.to_owned(), c));
    }
    if name.starts_with('#') || name.trim() != name {
        return Err(UserNameError::Edge(name.to_owned()));
    }
    Ok(())
}

/// Why a text is no hash that can be checked against.
///
/// Never holds a part of the text: it may be a password in clear text that begins as a hash does.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HashError {
    /// It begins with no `$N$`: most likely a password in clear text.
    #[error(
        "is not a hash: expected $7$…, $6$… or $argon2id$…; `mqtt-broker passwd -U FILE` hashes a file of clear-text passwords"
    )]
    NotAHash,
    /// A hash of a kind that other programs write.
    #[error(
        "is hashed with {0}, which is not understood: expected $7$ (PBKDF2), $6$ (SHA-512) or $argon2id$; set the \
         password again"
    )]
    UnknownType(&'static str),
    /// The number of parts between the `$` is wrong.
    #[error("has {found} parts after its type, expected {expected}")]
    Parts {
        /// How many the type has.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The iterations are no number above zero.
    #[error("has no whole number above 0 for its iterations")]
    Iterations,
    /// PBKDF2 asks for more than a login may cost.
    #[error(
        "costs too much: a login may take {MAX_ITERATIONS} iterations, some 4 seconds on a Raspberry Pi 3; set the \
         password again"
    )]
    Pbkdf2Cost,
    /// argon2id in another version than the one of RFC 9106.
    #[error("has argon2id in another version than v=19")]
    Argon2Version,
    /// argon2id's parameters can't be read, or are below what argon2 asks for.
    #[error(
        "has wrong parameters for argon2id, expected m=KIB,t=PASSES,p=LANES with at least 8 KiB for each lane"
    )]
    Argon2Parameters,
    /// argon2id's parameters ask for more than a login may cost.
    #[error(
        "costs too much: one login may take 256 MiB, fill 1 GiB in all its passes, and have 64 lanes; set the \
         password again"
    )]
    Argon2Cost,
    /// Salt or digest is not standard Base64: padded in `$6$` and `$7$`, unpadded in argon2id.
    #[error("has a {0} that is not Base64")]
    Base64(&'static str),
    /// Salt or digest has a length that Mosquitto never writes.
    #[error("has a {part} of {found} bytes, expected {expected}")]
    Length {
        /// "salt" or "digest".
        part: &'static str,
        /// How many bytes there are.
        found: usize,
        /// The lengths there are.
        expected: &'static str,
    },
}

/// Why a password can't be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HashingError {
    /// The operating system gives no random bytes.
    #[error("the system gives no random bytes for a salt: {0}")]
    Random(#[from] getrandom::Error),
    /// argon2id needs memory.
    #[error("there is not enough memory for argon2id")]
    Memory,
}
