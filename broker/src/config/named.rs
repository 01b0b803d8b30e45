//! The files and folders that a configuration names, and the line that names each.

use std::fmt;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Place};
use super::model::Config;
use super::options::OptionSpec;

/// A file or folder that a line names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    option: &'static str,
    path: PathBuf,
    place: Place,
}

impl Named {
    /// What a line names, if its option takes a path: the table says so.
    pub(super) fn of(option: &OptionSpec, value: &str, place: &Place) -> Option<Self> {
        let path = match option.syntax {
            "PATH" | "FOLDER" => value,
            _ if option.name == "log_dest" => value.strip_prefix("file ")?.trim(),
            _ => return None,
        };
        Some(Self {
            option: option.name,
            path: path.into(),
            place: place.clone(),
        })
    }

    /// What may be meant otherwise in a path that leads nowhere.
    pub fn hint(&self) -> Option<&'static str> {
        let path = self.path.to_string_lossy();
        if path.starts_with(['"', '\'']) {
            Some("quotes are part of the value: write the path without them")
        } else if path.contains(" #") {
            Some("here # does not begin a comment, which needs a line of its own")
        } else {
            None
        }
    }
}

/// `FILE:LINE: OPTION`.
impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Diagnostic::new(&self.place, self.option).fmt(f)
    }
}

impl Config {
    /// The line that names `path` or the folder that it is in: the first one with one of `options`, or with any if
    /// there are none.
    pub fn naming(&self, path: &Path, options: &[&str]) -> Option<&Named> {
        let asked = |named: &&Named| options.is_empty() || options.contains(&named.option);
        let named = || self.named.iter().filter(asked);
        named().find(|named| named.path == path).or_else(|| {
            let folder = path.parent()?;
            named().find(|named| named.path == folder)
        })
    }

    /// `FILE:LINE: ` of the line that begins the listener with this number; nothing if no line does.
    pub fn line_of(&self, listener: usize) -> String {
        match self.listener_places.get(listener) {
            Some(place) if place.line > 0 => format!("{}:{}: ", place.file, place.line),
            _ => String::new(),
        }
    }

    /// Says that a file which `option` names can't be read.
    pub fn unreadable(&self, option: &str, path: &Path, error: &std::io::Error) -> Diagnostic {
        let Some(named) = self.naming(path, &[option]) else {
            let place = Place {
                file: path.to_string_lossy().into(),
                line: 0,
            };
            return Diagnostic::new(&place, format!("cannot read file: {error}"));
        };
        let hint = named.hint().map(|hint| format!("; {hint}"));
        let text = format!(
            "{option}: cannot read {}: {error}{}",
            path.display(),
            hint.unwrap_or_default()
        );
        Diagnostic::new(&named.place, text)
    }
}
