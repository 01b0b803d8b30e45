//! A password in clear text, kept from leaking by its type.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

/// The longest password in bytes: the length field of CONNECT has 16 bits.
const MAX_LENGTH: usize = 65_535;

/// A password in clear text.
///
/// No `Display`, `Clone` or `PartialEq`: the only ways out are [`expose`](Self::expose), which is easy to
/// grep for, and hashing it. The memory is wiped when it is dropped.
pub struct Password(Zeroizing<String>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Why a text can't be a password. Never holds the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// It has no characters: a client that sends no password would log in.
    #[error("a password has at least one character")]
    Empty,
    /// It contains a null character, at which Mosquitto would cut it.
    #[error("a password contains no null character: Mosquitto ignores all that follows one")]
    Nul,
    /// It does not fit the CONNECT packet.
    #[error("a password has at most {MAX_LENGTH} bytes, this one has {0}")]
    TooLong(usize),
}

impl Password {
    /// Takes `text` as a password.
    ///
    /// # Errors
    ///
    /// If it is empty, longer than 65,535 bytes or contains a null character.
    pub fn new(text: String) -> Result<Self, PasswordError> {
        let text = Zeroizing::new(text);
        match text.len() {
            0 => Err(PasswordError::Empty),
            _ if text.contains('\0') => Err(PasswordError::Nul),
            length if length > MAX_LENGTH => Err(PasswordError::TooLong(length)),
            _ => Ok(Self(text)),
        }
    }

    /// The clear text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_show_in_debug_output() {
        let password = Password::new("correct horse".to_owned()).unwrap();
        assert_eq!(format!("{password:?}"), "Password(..)");
        assert_eq!(password.expose(), "correct horse");
    }

    #[test]
    fn what_no_client_could_send_is_refused() {
        let check = |text: &str| Password::new(text.to_owned()).map(|_| ());
        assert_eq!(check(""), Err(PasswordError::Empty));
        assert_eq!(check("a\0b"), Err(PasswordError::Nul));
        assert_eq!(
            check(&"a".repeat(65_536)),
            Err(PasswordError::TooLong(65_536))
        );
        assert_eq!(check(&"a".repeat(65_535)), Ok(()));
    }
}
