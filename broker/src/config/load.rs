//! From text, line by line, to a [`Config`] or all that is wrong with it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check;
use super::diagnostic::{ConfigError, Diagnostic, Place, ignored_text};
use super::draft::{At, Draft};
use super::files::read_text;
use super::lexer::{self, Word};
use super::model::Config;
use super::named::Named;
use super::options::{self, Action, Arity, Line, OptionSpec, Repeat, Scope, Support};
use crate::quote;

/// The security options that each listener has of its own with `per_listener_settings true`.
const OF_EACH: [&str; 6] = [
    "acl_file",
    "allow_anonymous",
    "allow_zero_length_clientid",
    "auto_id_prefix",
    "password_file",
    "strict_subscribe",
];

/// A configuration file in a folder: its path and its text.
type Found = (PathBuf, Result<String, Diagnostic>);

/// Reads lines into a draft.
struct Loader<'a> {
    draft: Draft,
    /// Where each option was set last, for each listener if it is a listener's.
    seen: HashMap<(&'static str, usize), Place>,
    /// Lists the configuration files of a folder.
    list: &'a dyn Fn(&Path) -> io::Result<Vec<Found>>,
}

impl Config {
    /// The configuration without any file: one listener, for this machine only.
    pub fn local() -> Self {
        check::finish(Draft::new(), None).0
    }

    /// Reads the configuration file at `path`, and those that it includes.
    ///
    /// # Errors
    ///
    /// If a file can't be read, and for each line that is wrong.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let (config, errors) = Self::load_all(path);
        ConfigError::from_errors(errors)?;
        Ok(config)
    }

    /// Reads what can be read of a configuration, and says what is wrong with the rest: for who wants to hear
    /// everything at once.
    pub fn load_all(path: &Path) -> (Self, Vec<Diagnostic>) {
        match read_text(path) {
            Ok(text) => read(path, &text, &list_folder),
            Err(error) => (Self::local(), vec![error]),
        }
    }

    /// Reads a configuration from `text`; `file_name` is for messages.
    ///
    /// Touches no file: `include_dir` is an error here.
    ///
    /// # Errors
    ///
    /// For each line that is wrong.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, ConfigError> {
        let (config, errors) = read(Path::new(file_name), text, &|_| {
            Err(io::Error::from(io::ErrorKind::Unsupported))
        });
        ConfigError::from_errors(errors)?;
        Ok(config)
    }
}

fn read(
    path: &Path,
    text: &str,
    list: &dyn Fn(&Path) -> io::Result<Vec<Found>>,
) -> (Config, Vec<Diagnostic>) {
    let mut loader = Loader {
        draft: Draft::new(),
        seen: HashMap::new(),
        list,
    };
    loader.file(path, text, true);
    check::finish(loader.draft, Some(path.to_owned()))
}

/// The files of a folder whose names end in `.conf`, by name.
fn list_folder(folder: &Path) -> io::Result<Vec<Found>> {
    let mut paths = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "conf")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths
        .into_iter()
        .map(|path| (path.clone(), read_text(&path)))
        .collect())
}

impl Loader<'_> {
    /// Reads a file; only the first one may include others, as in Mosquitto.
    fn file(&mut self, path: &Path, text: &str, first: bool) {
        self.draft.sources.push(path.to_owned());
        let file: Arc<str> = path.to_string_lossy().into();
        for word in lexer::words(text) {
            let place = Place {
                file: Arc::clone(&file),
                line: word.line,
            };
            if let Err(message) = self.word(word, &place, first) {
                self.draft.errors.push(Diagnostic::new(&place, message));
            }
        }
    }

    fn word(&mut self, word: Word<'_>, place: &Place, first: bool) -> Result<(), String> {
        let option = options::find(word.name).ok_or_else(|| unknown(word.name))?;
        match option.support {
            Support::Yes => {}
            Support::Ignored(why) => {
                self.warn(place, format!("{} is ignored: {why}", word.name));
                return Ok(());
            }
            Support::Refused(why) => return self.refuse(option, word.name, why),
        }
        let value = self.value(option, word.value, place)?;
        match option.action {
            Action::Set(set) => {
                set(&mut self.draft, &Line { value, place })
                    .map_err(|wrong| wrong.message(option.name, value))?;
                self.draft.named.extend(Named::of(option, value, place));
                if self.is_of_listener(option) && self.draft.listeners.is_empty() {
                    self.draft.above.push(At {
                        value: option.name,
                        place: place.clone(),
                    });
                }
            }
            Action::Include if first => self.include(Path::new(value))?,
            Action::Include => return Err("include_dir stands only in the first file".to_owned()),
            Action::None => {}
        }
        self.repeated(option, place)
    }

    fn warn(&mut self, place: &Place, message: String) {
        self.draft.warnings.push(Diagnostic::new(place, message));
    }

    fn refuse(&mut self, option: &OptionSpec, name: &str, why: &str) -> Result<(), String> {
        let message = Err(format!("{name} is refused: {why}"));
        match option.scope {
            // One refusal for a bridge is enough: it has a dozen lines.
            Scope::Bridge if self.draft.bridge_refused => Ok(()),
            Scope::Bridge => {
                self.draft.bridge_refused = true;
                message
            }
            _ => message,
        }
    }

    /// The value in the form that the option takes: all of it, or its only word.
    fn value<'t>(
        &mut self,
        option: &OptionSpec,
        value: &'t str,
        place: &Place,
    ) -> Result<&'t str, String> {
        if value.is_empty() {
            return Err(format!(
                "empty {} value in configuration: expected {}",
                option.name, option.syntax
            ));
        }
        match (option.arity, value.split_once(' ')) {
            (Arity::Rest, _) | (Arity::One, None) => Ok(value),
            // Mosquitto reads one word and never looks at the rest, so comments at the end are widespread.
            (Arity::One, Some((word, rest))) if rest.trim_start().starts_with('#') => {
                self.warn(place, ignored_text(option.name, word));
                Ok(word)
            }
            (Arity::One, Some(_)) => Err(format!(
                "invalid {} value ({value}): expected one word",
                option.name
            )),
        }
    }

    /// Whether the option is about the listener above it.
    fn is_of_listener(&self, option: &OptionSpec) -> bool {
        match option.scope {
            Scope::Listener | Scope::Tls => true,
            Scope::Security => {
                self.draft.per_listener && OF_EACH.contains(&option.name)
                    || option.name.starts_with("listener_")
            }
            Scope::General | Scope::Logging | Scope::Bridge => false,
        }
    }

    /// Notes that the option was set, and complains if it had been.
    fn repeated(&mut self, option: &'static OptionSpec, place: &Place) -> Result<(), String> {
        let listener = if self.is_of_listener(option) {
            self.draft.listeners.len()
        } else {
            0
        };
        let Some(before) = self.seen.insert((option.name, listener), place.clone()) else {
            return Ok(());
        };
        let before = before.seen_from(place);
        let name = option.name;
        match option.repeat {
            Repeat::Many => Ok(()),
            Repeat::Last => {
                self.warn(
                    place,
                    format!("{name} is set again: what {before} says is overridden"),
                );
                Ok(())
            }
            Repeat::Once => Err(format!(
                "duplicate {name} value in configuration: it is on {before} already"
            )),
        }
    }

    fn include(&mut self, folder: &Path) -> Result<(), String> {
        let found = (self.list)(folder)
            .map_err(|error| format!("cannot read folder {}: {error}", folder.display()))?;
        self.draft.sources.push(folder.to_owned());
        for (path, text) in found {
            match text {
                Ok(text) => self.file(&path, &text, false),
                Err(error) => self.draft.errors.push(error),
            }
        }
        Ok(())
    }
}

fn unknown(name: &str) -> String {
    let comment = name.starts_with(['#', ';']) || name.starts_with("//");
    let meant = if comment {
        "; a comment has # as the first character of its line".to_owned()
    } else if name.contains('\t') {
        "; a space stands between an option and its value, not a tab".to_owned()
    } else {
        options::nearest(name)
            .map(|nearest| format!("; did you mean `{nearest}`?"))
            .unwrap_or_default()
    };
    // It may be a password file that is read.
    let name = quote::word(name);
    format!("unknown configuration variable {name}{meant}")
}
