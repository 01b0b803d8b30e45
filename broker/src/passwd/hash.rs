//! One password hash: made, parsed, written, checked.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha512};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use super::Password;

/// The iterations of PBKDF2 in a new hash, chosen so that a login costs about 50 ms on a Raspberry Pi 3.
///
/// That is an estimate; nobody timed it on the board. One iteration is two compressions of 128 bytes. On the
/// board's Cortex-A53 (1.2 GHz, no instructions for SHA-512) OpenSSL's hand-written code takes 10 cycles a
/// byte, and compiled code 1.4 to 2.5 times that (the table at the head of OpenSSL's `sha512-armv8.pl`). 256
/// bytes at 14 to 25 cycles are 3.0 to 5.3 µs, so 12,000 iterations take 36 to 64 ms. On an x86-64 server of
/// today they took 7.3 ms. For another machine, this prints the time:
/// `cargo test -p broker --release the_default_iterations -- --nocapture`.
pub const DEFAULT_ITERATIONS: NonZeroU32 = NonZeroU32::new(12_000).expect("not zero");

/// The salt of a new hash in bytes: the one length that Mosquitto 2.0 and 2.1 both take.
const NEW_SALT: usize = 12;
/// The other length of salt that Mosquitto 2.1 writes.
const LONG_SALT: usize = 64;
/// SHA-512 gives 64 bytes, and Mosquitto derives as many with PBKDF2.
const DIGEST: usize = 64;

/// The salted hash of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    scheme: Scheme,
    salt: Vec<u8>,
    digest: [u8; DIGEST],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    /// `$6$`: SHA-512 over password and salt.
    Sha512,
    /// `$7$`: PBKDF2 with HMAC-SHA-512.
    Pbkdf2(NonZeroU32),
}

/// Why a text is no hash that can be checked against.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HashError {
    /// It begins with no `$N$`: most likely a password in clear text.
    #[error(
        "is not a hash: expected $7$… or $6$…; `mosquitto_passwd -U FILE` hashes a file of clear-text passwords"
    )]
    NotAHash,
    /// A hash of a kind that is not understood.
    #[error(
        "has the unknown type ${0}$: expected $7$ (PBKDF2) or $6$ (SHA-512); set the password again"
    )]
    UnknownType(String),
    /// The number of parts between the `$` is wrong.
    #[error("has {found} parts after its type, expected {expected}")]
    Parts {
        /// How many the type has.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The iterations are no number above zero.
    #[error("has {0:?} for its number of iterations, expected a whole number from 1 to 4294967295")]
    Iterations(String),
    /// Salt or digest is not padded standard Base64.
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

impl PasswordHash {
    /// Hashes `password` as `$7$` with a fresh random salt of 12 bytes.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random bytes.
    pub fn new(password: &Password, iterations: NonZeroU32) -> Result<Self, getrandom::Error> {
        let mut salt = vec![0; NEW_SALT];
        getrandom::fill(&mut salt)?;
        let scheme = Scheme::Pbkdf2(iterations);
        let digest = scheme.derive(password.expose().as_bytes(), &salt);
        Ok(Self {
            scheme,
            salt,
            digest,
        })
    }

    /// Whether `password` is the one that was hashed.
    ///
    /// Takes the time that the hash asks for, and the comparison the same time wherever two digests differ.
    ///
    /// A password with a null character is never the one: HMAC fills a short key up with zeros, so that
    /// "secret" and "secret\0" have the same `$7$` hash.
    pub fn verify(&self, password: &[u8]) -> bool {
        let digest = self.scheme.derive(password, &self.salt);
        let same: bool = digest.ct_eq(&self.digest).into();
        same & !password.contains(&0)
    }

    /// How many iterations a check costs: 1 for `$6$`.
    pub fn iterations(&self) -> NonZeroU32 {
        match self.scheme {
            Scheme::Sha512 => NonZeroU32::MIN,
            Scheme::Pbkdf2(iterations) => iterations,
        }
    }

    /// A hash that costs what `self` costs and that no password has: its digest is all zeros, which nobody
    /// knows a password for.
    pub(super) fn decoy(&self) -> Self {
        Self {
            scheme: self.scheme,
            salt: self.salt.clone(),
            digest: [0; DIGEST],
        }
    }

    /// The [`decoy`](Self::decoy) for a file without any hash.
    pub(super) fn default_decoy() -> Self {
        Self {
            scheme: Scheme::Pbkdf2(DEFAULT_ITERATIONS),
            salt: vec![0; NEW_SALT],
            digest: [0; DIGEST],
        }
    }
}

impl Scheme {
    fn derive(self, password: &[u8], salt: &[u8]) -> [u8; DIGEST] {
        match self {
            Self::Sha512 => Sha512::new()
                .chain_update(password)
                .chain_update(salt)
                .finalize()
                .into(),
            Self::Pbkdf2(iterations) => {
                pbkdf2::pbkdf2_hmac_array::<Sha512, DIGEST>(password, salt, iterations.get())
            }
        }
    }
}

impl FromStr for PasswordHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let (kind, rest) = text
            .strip_prefix('$')
            .and_then(|text| text.split_once('$'))
            .ok_or(HashError::NotAHash)?;
        let parts: Vec<&str> = rest.split('$').collect();
        let (scheme, salt, digest) = match (kind, &parts[..]) {
            ("7", [iterations, salt, digest]) => {
                let number = iterations
                    .parse()
                    .ok()
                    .filter(|_| !iterations.starts_with('+'));
                let number =
                    number.ok_or_else(|| HashError::Iterations((*iterations).to_owned()))?;
                (Scheme::Pbkdf2(number), salt, digest)
            }
            ("6", [salt, digest]) => (Scheme::Sha512, salt, digest),
            ("7", _) => {
                return Err(HashError::Parts {
                    expected: 3,
                    found: parts.len(),
                });
            }
            ("6", _) => {
                return Err(HashError::Parts {
                    expected: 2,
                    found: parts.len(),
                });
            }
            _ => return Err(HashError::UnknownType(kind.to_owned())),
        };
        Ok(Self {
            scheme,
            salt: decode_salt(salt)?,
            digest: decode_digest(digest)?,
        })
    }
}

fn decode_salt(text: &str) -> Result<Vec<u8>, HashError> {
    let salt = decode("salt", text)?;
    match salt.len() {
        NEW_SALT | LONG_SALT => Ok(salt),
        found => Err(HashError::Length {
            part: "salt",
            found,
            expected: "12 or 64",
        }),
    }
}

fn decode_digest(text: &str) -> Result<[u8; DIGEST], HashError> {
    let digest = decode("digest", text)?;
    <[u8; DIGEST]>::try_from(&digest[..])
        .ok()
        .ok_or(HashError::Length {
            part: "digest",
            found: digest.len(),
            expected: "64",
        })
}

fn decode(part: &'static str, text: &str) -> Result<Vec<u8>, HashError> {
    STANDARD.decode(text).ok().ok_or(HashError::Base64(part))
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Scheme::Sha512 => f.write_str("$6$")?,
            Scheme::Pbkdf2(iterations) => write!(f, "$7${iterations}$")?,
        }
        write!(
            f,
            "{}${}",
            STANDARD.encode(&self.salt),
            STANDARD.encode(self.digest)
        )
    }
}

/// A hash is what an attacker wants next to the password: no salt and no digest in debug output.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Python: `hashlib.pbkdf2_hmac('sha512', b'secret', b'twelve bytes', 101)`, and `sha512(b'secret' + salt)`.
    const FROM_PYTHON: [&str; 2] = [PBKDF2_FROM_PYTHON, SHA512_FROM_PYTHON];
    const PBKDF2_FROM_PYTHON: &str = "$7$101$dHdlbHZlIGJ5dGVz$v/lj6L3NtZzRH+EyeyPkX06ZV2hBBVZqta7rtt0tD+UEtFehuQLthWWy1s9ZSdmRV5IZqoUymx/Udzry8Wtupw==";
    const SHA512_FROM_PYTHON: &str = "$6$dHdlbHZlIGJ5dGVz$oVMYq+bpyGSukllfY8G/BwgLqTIAw9BrXgAOPSc8vg1V/thNI/ExEbZhTQHqP/DIk0w9bWIDUve2ZYQQLGvYUw==";

    #[test]
    fn hashes_that_python_made_are_checked() {
        for text in FROM_PYTHON {
            let hash: PasswordHash = text.parse().unwrap();
            assert!(hash.verify(b"secret"), "{text}");
            assert!(!hash.verify(b"secret\0"), "{text}");
            assert!(!hash.verify(b"Secret"), "{text}");
            assert!(!hash.verify(b""), "{text}");
            assert_eq!(hash.to_string(), text);
        }
    }

    #[test]
    fn a_new_hash_reads_back_and_its_salt_is_its_own() {
        let password = Password::new("correct horse".to_owned()).unwrap();
        let iterations = NonZeroU32::new(7).unwrap();
        let [one, two] = [(); 2].map(|()| PasswordHash::new(&password, iterations).unwrap());
        assert_ne!(one, two);
        assert!(one.to_string().starts_with("$7$7$"));
        assert_eq!(one.to_string().parse(), Ok(one.clone()));
        assert!(one.verify(b"correct horse"));
    }

    #[test]
    fn a_hash_that_is_none_says_what_is_wrong_with_it() {
        let digest = STANDARD.encode([1; 64]);
        let salt = STANDARD.encode([1; 12]);
        let long = STANDARD.encode([1; 64]);
        assert!(
            format!("$7$101${long}${digest}")
                .parse::<PasswordHash>()
                .is_ok()
        );
        for (text, expected) in [
            ("secret".to_owned(), HashError::NotAHash),
            ("$5$x$y".to_owned(), HashError::UnknownType("5".to_owned())),
            (
                "$argon2id$v=19$m=47104,t=1,p=1$x$y".to_owned(),
                HashError::UnknownType("argon2id".to_owned()),
            ),
            (
                format!("$7${salt}${digest}"),
                HashError::Parts {
                    expected: 3,
                    found: 2,
                },
            ),
            (
                format!("$6${salt}"),
                HashError::Parts {
                    expected: 2,
                    found: 1,
                },
            ),
            (
                format!("$7$0${salt}${digest}"),
                HashError::Iterations("0".to_owned()),
            ),
            (
                format!("$7$+5${salt}${digest}"),
                HashError::Iterations("+5".to_owned()),
            ),
            (format!("$7$1$?${digest}"), HashError::Base64("salt")),
            (
                format!("$7$1$AAAA${digest}"),
                HashError::Length {
                    part: "salt",
                    found: 3,
                    expected: "12 or 64",
                },
            ),
            (
                format!("$7$1${salt}$AAAA"),
                HashError::Length {
                    part: "digest",
                    found: 3,
                    expected: "64",
                },
            ),
        ] {
            assert_eq!(text.parse::<PasswordHash>(), Err(expected), "{text}");
        }
    }

    #[test]
    #[expect(
        clippy::print_stdout,
        reason = "the number is what whoever changes the default looks for"
    )]
    fn the_default_iterations_are_timed() {
        let password = Password::new("correct horse".to_owned()).unwrap();
        let start = Instant::now();
        let hash = PasswordHash::new(&password, DEFAULT_ITERATIONS).unwrap();
        println!("{DEFAULT_ITERATIONS} iterations: {:?}", start.elapsed());
        assert_eq!(hash.iterations(), DEFAULT_ITERATIONS);
    }

    #[test]
    fn debug_output_has_neither_salt_nor_digest() {
        let hash: PasswordHash = SHA512_FROM_PYTHON.parse().unwrap();
        assert_eq!(format!("{hash:?}"), "PasswordHash { scheme: Sha512, .. }");
    }
}
