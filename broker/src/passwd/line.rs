//! One line of a password file.

use super::{HashError, PasswordHash};

#[derive(Debug, Clone)]
pub(super) enum Line {
    /// Any other line as it was: empty, a comment, or one that [`PasswordFile::read`](super::PasswordFile::read) found wrong.
    Other(String),
    User(String, PasswordHash),
    /// A line with a name that lets nobody in: what follows the colon is no hash, or the name was there before.
    Unusable {
        name: String,
        line: String,
    },
}

impl Line {
    /// A line that is wrong. It may be somebody's who gets a password later.
    pub(super) fn unusable(line: &str) -> Self {
        let line = line.to_owned();
        match line.split_once(':') {
            Some((name, _)) => Self::Unusable {
                name: name.trim().to_owned(),
                line,
            },
            None => Self::Other(line),
        }
    }

    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Other(_) => None,
            Self::User(name, _) | Self::Unusable { name, .. } => Some(name),
        }
    }

    /// The clear-text password of a line of a file that was never hashed.
    pub(super) fn clear_text(&self) -> Option<&str> {
        let Self::Unusable { line, .. } = self else {
            return None;
        };
        let (_, text) = line.split_once(':')?;
        let is_clear = text.trim().parse::<PasswordHash>() == Err(HashError::NotAHash);
        is_clear
            .then(|| text.trim())
            .filter(|text| !text.is_empty())
    }
}
