//! One password hash: made, written, checked.

use std::fmt;
use std::num::NonZeroU32;

use base64::Engine as _;
use subtle::ConstantTimeEq as _;

use super::argon::Argon2id;
use super::scheme::{DIGEST, NEW_SALT, Scheme, pbkdf2};
use super::{HashingError, Password};

/// The iterations of PBKDF2 in a new hash, chosen so that a login costs about 50 ms on a Raspberry Pi 3.
///
/// That is an estimate; nobody timed it on the board. One iteration is two compressions of 128 bytes. On the
/// board's Cortex-A53 (1.2 GHz, no instructions for SHA-512) OpenSSL's hand-written code takes 10 cycles a
/// byte, and compiled code 1.4 to 2.5 times that (the table at the head of OpenSSL's `sha512-armv8.pl`). 256
/// bytes at 14 to 25 cycles are 3.0 to 5.3 µs, so 12,000 iterations take 36 to 64 ms. On an x86-64 server of
/// today they took 7.3 ms. For another machine, this prints the time:
/// `cargo test -p broker --release the_default_iterations -- --nocapture`.
pub const DEFAULT_ITERATIONS: NonZeroU32 = NonZeroU32::new(12_000).expect("not zero");

/// Salt and digest of a new argon2id hash, as RFC 9106 section 3.1 recommends.
const ARGON2_SALT: usize = 16;
const ARGON2_DIGEST: usize = 32;

/// The fewest iterations of PBKDF2 that are not warned of: what Mosquitto 2.1 writes by itself. 2.0 writes 101.
const WEAK_BELOW: u32 = 1_000;

/// The salted hash of a password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PasswordHash {
    pub(super) scheme: Scheme,
    pub(super) salt: Box<[u8]>,
    pub(super) digest: Box<[u8]>,
}

/// What a new hash is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `$7$`, with so many iterations: what every Mosquitto since 2.0 reads.
    Pbkdf2(NonZeroU32),
    /// `$6$`: for a Mosquitto before 2.0, and weak.
    Sha512,
    /// `$argon2id$`: the strongest; of Mosquitto, only 2.1 reads it, and only if it was built so.
    Argon2id,
}

impl PasswordHash {
    /// Hashes `password` as `$7$` with a fresh random salt of 12 bytes.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random bytes.
    pub fn new(password: &Password, iterations: NonZeroU32) -> Result<Self, getrandom::Error> {
        let salt = random(NEW_SALT)?;
        let digest = pbkdf2(password.expose().as_bytes(), &salt, iterations);
        Ok(Self {
            scheme: Scheme::Pbkdf2(iterations),
            salt,
            digest: Box::new(digest),
        })
    }

    /// Hashes `password` with a fresh random salt.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random bytes, or argon2id gets no memory.
    pub fn with(password: &Password, algorithm: Algorithm) -> Result<Self, HashingError> {
        let (scheme, salt, digest) = match algorithm {
            Algorithm::Pbkdf2(iterations) => return Ok(Self::new(password, iterations)?),
            Algorithm::Sha512 => (Scheme::Sha512, NEW_SALT, DIGEST),
            Algorithm::Argon2id => (Scheme::Argon2id(Argon2id::NEW), ARGON2_SALT, ARGON2_DIGEST),
        };
        let salt = random(salt)?;
        let digest = scheme
            .derive(password.expose().as_bytes(), &salt, digest)
            .ok_or(HashingError::Memory)?;
        Ok(Self {
            scheme,
            salt,
            digest,
        })
    }

    /// Whether `password` is the one that was hashed.
    ///
    /// Takes the time that the hash asks for, and the comparison the same time wherever two digests differ.
    /// Without the memory that argon2id asks for, no password is the one.
    ///
    /// A password with a null character is never the one: HMAC fills a short key up with zeros, so that
    /// "secret" and "secret\0" have the same `$7$` hash.
    pub fn verify(&self, password: &[u8]) -> bool {
        let digest = self.scheme.derive(password, &self.salt, self.digest.len());
        let same = digest.is_some_and(|digest| digest.ct_eq(&self.digest).into());
        same & !password.contains(&0)
    }

    /// How many iterations, or passes, a check costs: 1 for `$6$`.
    pub fn iterations(&self) -> NonZeroU32 {
        match self.scheme {
            Scheme::Sha512 => NonZeroU32::MIN,
            Scheme::Pbkdf2(iterations) => iterations,
            Scheme::Argon2id(parameters) => {
                NonZeroU32::new(parameters.passes()).unwrap_or(NonZeroU32::MIN)
            }
        }
    }

    /// What makes this hash easy to guess a password from, if anything does.
    pub fn weakness(&self) -> Option<String> {
        match self.scheme {
            Scheme::Sha512 => Some("$6$".to_owned()),
            Scheme::Pbkdf2(iterations) if iterations.get() < WEAK_BELOW => {
                Some(format!("$7$ with {iterations} iterations"))
            }
            Scheme::Argon2id(parameters) if parameters.is_weak() => {
                Some(format!("$argon2id$ with {parameters}"))
            }
            Scheme::Pbkdf2(_) | Scheme::Argon2id(_) => None,
        }
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// A hash that costs what `self` costs and that no password has: its digest is all zeros, which nobody
    /// knows a password for.
    pub(super) fn decoy(&self) -> Self {
        Self {
            scheme: self.scheme,
            salt: self.salt.clone(),
            digest: vec![0; self.digest.len()].into(),
        }
    }

    /// The [`decoy`](Self::decoy) for a file without any hash.
    pub(super) fn default_decoy() -> Self {
        Self {
            scheme: Scheme::Pbkdf2(DEFAULT_ITERATIONS),
            salt: Box::new([0; NEW_SALT]),
            digest: Box::new([0; DIGEST]),
        }
    }
}

fn random(length: usize) -> Result<Box<[u8]>, getrandom::Error> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.into())
}

impl fmt::Display for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.scheme {
            Scheme::Sha512 => f.write_str("$6$")?,
            Scheme::Pbkdf2(iterations) => write!(f, "$7${iterations}$")?,
            Scheme::Argon2id(parameters) => write!(f, "$argon2id$v=19${parameters}$")?,
        }
        let base64 = self.scheme.base64();
        write!(
            f,
            "{}${}",
            base64.encode(&self.salt),
            base64.encode(&self.digest)
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

    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// Python's argon2-cffi 25.1.0, which has the reference implementation in it: `hash_secret(b"secret", salt, …)`
    /// with salts of 16, 8 and 64 bytes; the parameters of the last are Mosquitto 2.1's.
    const ARGON2_FROM_PYTHON: [&str; 3] = [
        "$argon2id$v=19$m=64,t=2,p=1$c2l4dGVlbiBieXRlcyBvaw$o1oi1nyMd+7cRbwFarPcTOzEfRbU9aFOztA2kvclUTY",
        "$argon2id$v=19$m=256,t=3,p=4$ZWlnaHQgYnk$NfVunqol98EZb6kxwtqxhsdvIh9jcvmK",
        "$argon2id$v=19$m=47104,t=1,p=1$eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eA$WJwcpbxAWWXpEEjJmgSdNn2ps9CVGLZGc+C4qDUhQzZbuyxBXjysRICLqbl6XvxvamNWxqL5uZiBBNwlB+Bszg",
    ];
    /// Python: `hashlib.pbkdf2_hmac('sha512', b'secret', b'twelve bytes', 101)`, and `sha512(b'secret' + salt)`.
    const FROM_PYTHON: [&str; 2] = [PBKDF2_FROM_PYTHON, SHA512_FROM_PYTHON];
    const PBKDF2_FROM_PYTHON: &str = "$7$101$dHdlbHZlIGJ5dGVz$v/lj6L3NtZzRH+EyeyPkX06ZV2hBBVZqta7rtt0tD+UEtFehuQLthWWy1s9ZSdmRV5IZqoUymx/Udzry8Wtupw==";
    const SHA512_FROM_PYTHON: &str = "$6$dHdlbHZlIGJ5dGVz$oVMYq+bpyGSukllfY8G/BwgLqTIAw9BrXgAOPSc8vg1V/thNI/ExEbZhTQHqP/DIk0w9bWIDUve2ZYQQLGvYUw==";

    #[test]
    fn hashes_that_python_made_are_checked() {
        for text in FROM_PYTHON.into_iter().chain(ARGON2_FROM_PYTHON) {
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
    fn each_algorithm_makes_a_hash_that_reads_back_and_checks() {
        let password = Password::new("correct horse".to_owned()).unwrap();
        let iterations = NonZeroU32::new(3).unwrap();
        for (algorithm, start) in [
            (Algorithm::Pbkdf2(iterations), "$7$3$"),
            (Algorithm::Sha512, "$6$"),
            (Algorithm::Argon2id, "$argon2id$v=19$m=19456,t=2,p=1$"),
        ] {
            let hash = PasswordHash::with(&password, algorithm).unwrap();
            assert!(hash.to_string().starts_with(start), "{hash}");
            assert_eq!(hash.to_string().parse(), Ok(hash.clone()));
            assert!(hash.verify(b"correct horse") && !hash.verify(b"correct hors"));
            assert!(!hash.decoy().verify(b"correct horse"));
        }
    }

    #[test]
    fn what_is_quickly_guessed_from_is_called_weak() {
        let digest = STANDARD.encode([1; 64]);
        let salt = STANDARD.encode([1; 12]);
        let [cheap, _, mosquitto] = ARGON2_FROM_PYTHON.map(str::to_owned);
        for (text, weak) in [
            (format!("$6${salt}${digest}"), Some("$6$")),
            (
                format!("$7$101${salt}${digest}"),
                Some("$7$ with 101 iterations"),
            ),
            (format!("$7$1000${salt}${digest}"), None),
            (cheap, Some("$argon2id$ with m=64,t=2,p=1")),
            (mosquitto, None),
        ] {
            let hash: PasswordHash = text.parse().unwrap();
            assert_eq!(hash.weakness().as_deref(), weak, "{text}");
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
        let start = Instant::now();
        let hash = PasswordHash::with(&password, Algorithm::Argon2id).unwrap();
        println!("{hash:?}: {:?}", start.elapsed());
    }

    #[test]
    fn debug_output_has_neither_salt_nor_digest() {
        let hash: PasswordHash = SHA512_FROM_PYTHON.parse().unwrap();
        assert_eq!(format!("{hash:?}"), "PasswordHash { scheme: Sha512, .. }");
    }
}
