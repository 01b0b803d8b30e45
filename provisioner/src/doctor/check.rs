//! What a check is, and what it says.

use serde::Serialize;

use crate::hint;

/// What is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// What is wrong.
    pub(super) what: String,
    /// What to do.
    pub(super) cure: String,
}

/// A check that found nothing wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Passed {
    /// All is well, in numbers.
    Well(String),
    /// There was nothing to look at, or it is needed for something rare only.
    Skipped(String),
}

/// The outer error is that the check could not be made.
pub(super) type Checked = anyhow::Result<Result<Passed, Finding>>;

impl Finding {
    pub(super) fn new(what: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            cure: cure.into(),
        }
    }

    /// An error that is what is wrong. Its own hint goes before `cure`.
    pub(super) fn of(error: &anyhow::Error, cure: &str) -> Self {
        Self {
            what: chain(error),
            cure: hint::of(error).unwrap_or_else(|| cure.to_owned()),
        }
    }
}

/// All is well.
#[expect(clippy::unnecessary_wraps, reason = "a check ends with it")]
pub(super) fn well(what: impl Into<String>) -> Checked {
    Ok(Ok(Passed::Well(what.into())))
}

/// There was nothing to look at.
#[expect(clippy::unnecessary_wraps, reason = "a check ends with it")]
pub(super) fn skipped(why: impl Into<String>) -> Checked {
    Ok(Ok(Passed::Skipped(why.into())))
}

/// Something is wrong.
#[expect(clippy::unnecessary_wraps, reason = "a check ends with it")]
pub(super) fn finding(what: impl Into<String>, cure: impl Into<String>) -> Checked {
    Ok(Err(Finding::new(what, cure)))
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All is well.
    Ok,
    /// Something is wrong.
    Finding,
    /// It was not made, or what it found does not matter for a card.
    Skipped,
}

impl Status {
    /// The word for it, the same for people and in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Finding => "finding",
            Self::Skipped => "skipped",
        }
    }
}

/// The outcome of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Which check.
    pub name: String,
    /// How it ended.
    pub status: Status,
    /// What was seen, in one line.
    pub what: String,
    /// What to do about a finding, in one line.
    pub cure: Option<String>,
}

impl Report {
    /// Puts into words how the check `name` ended. One that could not be made is a finding too: nobody
    /// knows then whether all is well.
    pub(super) fn new(name: impl Into<String>, checked: Checked) -> Self {
        const AGAIN: &str = "see to that, then run `provision doctor` again";
        let (status, what, cure) = match checked {
            Ok(Ok(Passed::Well(what))) => (Status::Ok, what, None),
            Ok(Ok(Passed::Skipped(why))) => (Status::Skipped, why, None),
            Ok(Err(found)) => (Status::Finding, found.what, Some(found.cure)),
            Err(error) => {
                let found = Finding::of(&error, AGAIN);
                let what = format!("this could not be checked: {}", found.what);
                (Status::Finding, what, Some(found.cure))
            }
        };
        Self {
            name: name.into(),
            status,
            what: one_line(&what),
            cure: cure.as_deref().map(one_line),
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &anyhow::Error) -> String {
    let causes: Vec<_> = error.chain().map(ToString::to_string).collect();
    causes.join(": ")
}

/// Names of files may hold anything; a check is a line nevertheless.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A word as a shell reads it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::Fault;

    #[test]
    fn a_check_that_could_not_be_made_is_a_finding_with_the_errors_own_cure() {
        let error = anyhow::Error::from(Fault::new("no\nsuch").hint("make it")).context("looking");
        let report = Report::new("thing", Err(error));
        assert_eq!(report.status, Status::Finding);
        assert_eq!(report.what, "this could not be checked: looking: no such");
        assert_eq!(report.cure.as_deref(), Some("make it"));
    }

    #[test]
    fn a_word_is_quoted_when_a_shell_would_take_it_apart() {
        let shown = ["site/passwd", "my site/it's", ""].map(quoted);
        assert_eq!(shown, ["site/passwd", r"'my site/it'\''s'", "''"]);
    }
}
