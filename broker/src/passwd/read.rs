//! The text of a hash, read.

use std::num::NonZeroU32;
use std::str::FromStr;

use base64::Engine as _;

use super::argon::Argon2id;
use super::scheme::{MAX_ITERATIONS, Scheme};
use super::{HashError, PasswordHash};

/// What stands between the first two `$` of other programs' hashes: of crypt(5), `htpasswd` and libraries.
const FOREIGN: [(&[&str], &str); 7] = [
    (&["1", "apr1"], "MD5"),
    (&["2", "2a", "2b", "2x", "2y"], "bcrypt"),
    (&["5"], "SHA-256"),
    (&["argon2i", "argon2d"], "argon2i or argon2d"),
    (
        &["pbkdf2", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512"],
        "another PBKDF2",
    ),
    (&["scrypt", "s0", "s2"], "scrypt"),
    (&["y", "gy"], "yescrypt"),
];
/// MD5's digest, the shortest of them, has 22 characters, its salt up to 8.
const SHORTEST_FOREIGN: usize = 22;

impl FromStr for PasswordHash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let (kind, rest) = text
            .strip_prefix('$')
            .and_then(|text| text.split_once('$'))
            .ok_or(HashError::NotAHash)?;
        let parts: Vec<&str> = rest.split('$').collect();
        let wrong = |expected| HashError::Parts {
            expected,
            found: parts.len(),
        };
        let (scheme, salt, digest) = match (kind, &parts[..]) {
            ("7", [iterations, salt, digest]) => {
                (Scheme::Pbkdf2(read_iterations(iterations)?), salt, digest)
            }
            ("6", [salt, digest]) => (Scheme::Sha512, salt, digest),
            ("argon2id", ["v=19", parameters, salt, digest]) => {
                (Scheme::Argon2id(Argon2id::parse(parameters)?), salt, digest)
            }
            ("argon2id", [_version, _, _, _]) => {
                return Err(HashError::Argon2Version);
            }
            ("7", _) => return Err(wrong(3)),
            ("6", _) => return Err(wrong(2)),
            ("argon2id", _) => return Err(wrong(4)),
            // A password may begin with a $ too.
            _ => {
                return Err(foreign(kind, rest).map_or(HashError::NotAHash, HashError::UnknownType));
            }
        };
        Ok(Self {
            scheme,
            salt: decode(scheme, "salt", salt, Scheme::takes_salt)?,
            digest: decode(scheme, "digest", digest, Scheme::takes_digest)?,
        })
    }
}

fn read_iterations(text: &str) -> Result<NonZeroU32, HashError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HashError::Iterations);
    }
    // What is too long for the number is too much as well.
    let number = text.parse().unwrap_or(u64::MAX);
    match u32::try_from(number).map(NonZeroU32::new) {
        Ok(None) => Err(HashError::Iterations),
        Ok(Some(number)) if number.get() <= MAX_ITERATIONS => Ok(number),
        Ok(Some(_)) | Err(_) => Err(HashError::Pbkdf2Cost),
    }
}

/// The name of what other programs hash passwords with, if the text is as long as such a hash is.
fn foreign(kind: &str, rest: &str) -> Option<&'static str> {
    let known = FOREIGN.iter().find(|(kinds, _)| kinds.contains(&kind));
    let (_, name) = known.filter(|_| rest.len() >= SHORTEST_FOREIGN)?;
    Some(name)
}

fn decode(
    scheme: Scheme,
    part: &'static str,
    text: &str,
    takes: impl Fn(Scheme, usize) -> Result<(), &'static str>,
) -> Result<Box<[u8]>, HashError> {
    let bytes = scheme.base64().decode(text).ok();
    let bytes = bytes.ok_or(HashError::Base64(part))?;
    match takes(scheme, bytes.len()) {
        Ok(()) => Ok(bytes.into()),
        Err(expected) => Err(HashError::Length {
            part,
            found: bytes.len(),
            expected,
        }),
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

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
            ("$5$x$y".to_owned(), HashError::NotAHash),
            ("$ecr$et".to_owned(), HashError::NotAHash),
            (
                "$2y$05$cQ5Z0y1bqmNqKYZrR5cHkuNnGmxcBMHvmkz5ymsFbLLVJvJ3zMM2G".to_owned(),
                HashError::UnknownType("bcrypt"),
            ),
            (
                "$argon2id$v=19$m=47104,t=1,p=1$AAAA$y".to_owned(),
                HashError::Length {
                    part: "salt",
                    found: 3,
                    expected: "8 to 64",
                },
            ),
            (
                "$argon2id$v=19$m=47104,t=1,p=1$AAAAAAAAAAA=$y".to_owned(),
                HashError::Base64("salt"),
            ),
            (
                "$argon2id$m=47104,t=1,p=1$AAAAAAAAAAA$AAAA".to_owned(),
                HashError::Parts {
                    expected: 4,
                    found: 3,
                },
            ),
            (
                "$argon2id$v=16$m=47104,t=1,p=1$AAAAAAAAAAA$AAAA".to_owned(),
                HashError::Argon2Version,
            ),
            (
                "$argon2id$v=19$m=9999999,t=1,p=1$AAAAAAAAAAA$AAAA".to_owned(),
                HashError::Argon2Cost,
            ),
            (
                "$argon2i$v=19$m=64,t=1,p=1$AAAAAAAAAAA$AAAA".to_owned(),
                HashError::UnknownType("argon2i or argon2d"),
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
            (format!("$7$0${salt}${digest}"), HashError::Iterations),
            (format!("$7$+5${salt}${digest}"), HashError::Iterations),
            (format!("$7$se cret${salt}${digest}"), HashError::Iterations),
            (format!("$7$1000001${salt}${digest}"), HashError::Pbkdf2Cost),
            (
                format!("$7$4294967296${salt}${digest}"),
                HashError::Pbkdf2Cost,
            ),
            (
                format!("$7$99999999999999999999${salt}${digest}"),
                HashError::Pbkdf2Cost,
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
}
