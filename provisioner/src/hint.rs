//! What the user can do about an error: data beside the error, not part of its text.

use std::fmt;

/// An error of this program with its cure, and whether the user's own input is at fault.
#[derive(Debug)]
pub struct Fault {
    text: String,
    hint: Option<String>,
    users: bool,
}

impl Fault {
    /// Something on the machine is missing or failed.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            hint: None,
            users: false,
        }
    }

    /// An argument, a recipe or a site is wrong: ends with exit code 2.
    pub fn input(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            hint: None,
            users: true,
        }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// Whether the user's own input is at fault.
    pub fn is_users(&self) -> bool {
        self.users
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Fault {}

/// The user wanted the work to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Returns the first hint in the chain of causes.
pub fn of(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(fault) = cause.downcast_ref::<Fault>() {
            return fault.hint.clone();
        }
        if let Some(cure) = crate::commands::flash::cure(cause) {
            return Some(cure);
        }
        cause.downcast_ref::<image::Error>()?.hint()
    })
}

/// Returns the one of `known` that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}
