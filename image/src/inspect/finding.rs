//! What somebody should know about a card.

use serde::Serialize;

/// Something that is wrong, or will not do what it looks like.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The path or the thing.
    pub subject: String,
    /// What is wrong with it.
    pub what: String,
}

impl Finding {
    /// What is wrong with what.
    pub fn new(subject: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            what: what.into(),
        }
    }
}
