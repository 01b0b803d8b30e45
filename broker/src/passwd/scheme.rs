//! The ways to hash a password that a file may have.

use std::num::NonZeroU32;

use base64::engine::general_purpose::{GeneralPurpose, STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha512};

use super::argon::Argon2id;

/// The salt of a new `$6$` or `$7$` in bytes: the one length that Mosquitto 2.0 and 2.1 both take.
pub(super) const NEW_SALT: usize = 12;
/// The other length of salt that Mosquitto 2.1 writes.
const LONG_SALT: usize = 64;
/// The most iterations of PBKDF2: some 4 seconds on a Raspberry Pi 3, by the estimate of
/// [`DEFAULT_ITERATIONS`](super::DEFAULT_ITERATIONS). Few logins are checked at a time, so that one that takes
/// hours would keep everybody out.
pub(crate) const MAX_ITERATIONS: u32 = 1_000_000;
/// SHA-512 gives 64 bytes, and Mosquitto derives as many with PBKDF2.
pub(super) const DIGEST: usize = 64;

/// How a password is hashed, and how costly that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scheme {
    /// `$6$`: SHA-512 over password and salt.
    Sha512,
    /// `$7$`: PBKDF2 with HMAC-SHA-512.
    Pbkdf2(NonZeroU32),
    /// `$argon2id$`.
    Argon2id(Argon2id),
}

pub(super) fn pbkdf2(password: &[u8], salt: &[u8], iterations: NonZeroU32) -> [u8; DIGEST] {
    pbkdf2::pbkdf2_hmac_array::<Sha512, DIGEST>(password, salt, iterations.get())
}

impl Scheme {
    /// The digest; `length` counts for argon2id alone. `None` if there is no memory for it.
    pub(super) fn derive(self, password: &[u8], salt: &[u8], length: usize) -> Option<Box<[u8]>> {
        Some(match self {
            Self::Sha512 => {
                let hash = Sha512::new().chain_update(password).chain_update(salt);
                Box::new(<[u8; DIGEST]>::from(hash.finalize()))
            }
            Self::Pbkdf2(iterations) => Box::new(pbkdf2(password, salt, iterations)),
            Self::Argon2id(parameters) => parameters.derive(password, salt, length)?.into(),
        })
    }

    /// How long a check takes, roughly, in microseconds of a Raspberry Pi 3: to tell costly from cheap.
    pub(super) fn cost(self) -> u64 {
        match self {
            Self::Sha512 => 4,
            Self::Pbkdf2(iterations) => 4 * u64::from(iterations.get()),
            Self::Argon2id(parameters) => 3 * parameters.work(),
        }
    }

    /// Salt and digest are written so.
    pub(super) fn base64(self) -> &'static GeneralPurpose {
        match self {
            Self::Sha512 | Self::Pbkdf2(_) => &STANDARD,
            Self::Argon2id(_) => &STANDARD_NO_PAD,
        }
    }

    /// Whether a salt of so many bytes can be, and what can.
    pub(super) fn takes_salt(self, length: usize) -> Result<(), &'static str> {
        match self {
            Self::Sha512 | Self::Pbkdf2(_) if matches!(length, NEW_SALT | LONG_SALT) => Ok(()),
            Self::Sha512 | Self::Pbkdf2(_) => Err("12 or 64"),
            Self::Argon2id(_) if (8..=64).contains(&length) => Ok(()),
            Self::Argon2id(_) => Err("8 to 64"),
        }
    }

    /// The same for a digest.
    pub(super) fn takes_digest(self, length: usize) -> Result<(), &'static str> {
        match self {
            Self::Sha512 | Self::Pbkdf2(_) if length == DIGEST => Ok(()),
            Self::Sha512 | Self::Pbkdf2(_) => Err("64"),
            Self::Argon2id(_) if (16..=64).contains(&length) => Ok(()),
            Self::Argon2id(_) => Err("16 to 64"),
        }
    }
}
