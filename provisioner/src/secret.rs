//! Secrets that people type or that are made for them.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A password in clear text. No `Display`, `Serialize`, `Clone` or `PartialEq`: the only ways out
/// are [`expose`](Self::expose), which is easy to grep for, and hashing it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes over `text`.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Makes a password of 20 letters and digits, 100 bits: enough that nobody guesses it and
    /// few enough to be typed into a phone. `0`, `1`, `l` and `o` are left out, since they are
    /// mistaken for each other.
    pub fn generate() -> Result<Self, getrandom::Error> {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let mut random = [0_u8; 20];
        getrandom::fill(&mut random)?;
        let mut text = String::with_capacity(24);
        for (index, byte) in random.iter().enumerate() {
            if index > 0 && index % 5 == 0 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[usize::from(byte % 32)]));
        }
        random.zeroize();
        Ok(Self(text))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        assert_eq!(
            format!("{:?}", Secret::new("hush".to_owned())),
            "Secret(..)"
        );
    }

    #[test]
    fn generated_secrets_differ_and_can_be_typed() {
        let (one, two) = (Secret::generate().unwrap(), Secret::generate().unwrap());
        assert_ne!(one.expose(), two.expose());
        assert_eq!(one.expose().len(), 23);
        assert!(
            one.expose()
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-')
        );
    }
}
