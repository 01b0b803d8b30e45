//! Errors and warnings about a configuration, each with its place.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    /// From 1; 0 for the file as a whole.
    pub(super) line: usize,
}

/// What is said of a comment at the end of a line: Mosquitto reads one word and never looks at the rest.
pub(super) fn ignored_text(option: &str, value: &str) -> String {
    format!("the text after {option} {value} is ignored; a comment needs a line of its own")
}

impl Place {
    /// `line N`, with the file if it is another than that of `from`.
    pub(super) fn seen_from(&self, from: &Self) -> String {
        if self.file == from.file {
            format!("line {}", self.line)
        } else {
            format!("line {} of {}", self.line, self.file)
        }
    }
}

/// Something wrong or unwise, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    place: Place,
    message: String,
}

impl Diagnostic {
    pub(super) fn new(place: &Place, message: impl Into<String>) -> Self {
        Self {
            place: place.clone(),
            message: message.into(),
        }
    }

    /// The file, as it was named.
    pub fn file(&self) -> &str {
        &self.place.file
    }

    /// The line's number, from 1; 0 if it is about the whole file.
    pub fn line(&self) -> usize {
        self.place.line
    }

    /// What it is, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// `FILE:LINE: message`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.line {
            0 => write!(f, "{}: {}", self.place.file, self.message),
            line => write!(f, "{}:{line}: {}", self.place.file, self.message),
        }
    }
}

/// All that is wrong with a configuration, a line of `Display` for each.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct ConfigError {
    errors: Vec<Diagnostic>,
}

impl ConfigError {
    /// Puts errors together, sorted by file and line; none if there are none.
    pub(super) fn from_errors(mut errors: Vec<Diagnostic>) -> Result<(), Self> {
        if errors.is_empty() {
            return Ok(());
        }
        errors.sort_by(|a, b| (&a.place.file, a.place.line).cmp(&(&b.place.file, b.place.line)));
        Err(Self { errors })
    }

    /// The errors, by file and line.
    pub fn errors(&self) -> &[Diagnostic] {
        &self.errors
    }
}

impl From<Diagnostic> for ConfigError {
    fn from(error: Diagnostic) -> Self {
        Self {
            errors: vec![error],
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}
