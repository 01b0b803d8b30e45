//! The command line of `mqtt-broker passwd`, which is that of `mosquitto_passwd`.
//!
//! Read by hand, as there: options come first, and what follows them is taken as it is, so that a user or
//! password may begin with a hyphen.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroU32;
use std::path::PathBuf;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::passwd::{Algorithm, DEFAULT_ITERATIONS, MAX_ITERATIONS};

/// How to call it.
pub(super) const USAGE: &str = "\
mqtt-broker passwd keeps the password files of mqtt-broker and Mosquitto.

Usage: mqtt-broker passwd [-H HASH] [-I N] [-c] FILE USER
       mqtt-broker passwd [-H HASH] [-I N] [-c] -b FILE USER PASSWORD
       mqtt-broker passwd -D FILE USER
       mqtt-broker passwd [-H HASH] [-I N] -U FILE

  -b       Take the password from the command line, where every user of this machine can see it
  -c       Make a new file, which replaces one that is there; with `-` for FILE, print its line
  -D       Remove the user
  -H HASH  sha512-pbkdf2 (the default), sha512 (weak; for Mosquitto before 2.0) or argon2id (not read by
           every Mosquitto)
  -I N     The iterations of sha512-pbkdf2 (12000)
  -U       Hash the passwords of a file where they stand in clear text; what is hashed already is kept
  -h       Print this

Without -b the password is asked for twice; from a pipe or a file one line is read. The file is replaced as a
whole: comments, the order of lines, its owner and its mode are kept, but nobody outside of its group may read it
afterwards. A broker that runs reads it again on SIGHUP.
";

/// What to do with a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) file: PathBuf,
    pub(super) action: Action,
    pub(super) algorithm: Algorithm,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Gives a user a password.
    Set {
        user: String,
        /// Whether a new file is made.
        create: bool,
        source: Source,
    },
    /// Removes a user.
    Delete(String),
    /// Hashes what stands in clear text.
    HashClearText,
}

/// Where a password comes from.
#[derive(PartialEq, Eq)]
pub(super) enum Source {
    /// Whoever runs this.
    Input,
    /// The command line.
    Argument(Zeroizing<String>),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Input => "Input",
            Self::Argument(_) => "Argument(..)",
        })
    }
}

/// What is wrong with the command line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum ArgumentError {
    #[error("{0} needs something after it")]
    NoValue(&'static str),
    #[error("unknown hash {0:?}: expected sha512-pbkdf2, sha512 or argon2id")]
    Hash(String),
    #[error("{0:?} for -I is no whole number from 1 to {MAX_ITERATIONS}")]
    Iterations(String),
    #[error("-I is for sha512-pbkdf2 alone")]
    IterationsOf,
    #[error("unknown option {0}")]
    Option(String),
    #[error("{0} and {1} exclude each other")]
    Both(&'static str, &'static str),
    #[error("expected {expected} after the options, which come first; {found} given")]
    Words {
        expected: &'static str,
        found: usize,
    },
    #[error("the {0} is not UTF-8")]
    Utf8(&'static str),
}

/// The options, in any order.
#[derive(Debug, Default)]
struct Options {
    batch: bool,
    create: bool,
    delete: bool,
    update: bool,
    hash: Option<String>,
    iterations: Option<NonZeroU32>,
}

/// Reads what follows `mqtt-broker passwd`; `None` asks for help.
pub(super) fn parse(arguments: &[OsString]) -> Result<Option<Request>, ArgumentError> {
    let Some((options, words)) = options(arguments)? else {
        return Ok(None);
    };
    for (first, second, names) in [
        (options.create, options.delete, ("-c", "-D")),
        (options.create, options.update, ("-c", "-U")),
        (options.delete, options.update, ("-D", "-U")),
        (options.batch, options.delete, ("-b", "-D")),
        (options.batch, options.update, ("-b", "-U")),
    ] {
        if first && second {
            return Err(ArgumentError::Both(names.0, names.1));
        }
    }
    let algorithm = options.algorithm()?;
    let user = |word: &OsString| text(word, "user name");
    let (file, action) = match words {
        [file] if options.update => (file, Action::HashClearText),
        [file, name] if options.delete => (file, Action::Delete(user(name)?)),
        [file, name, password] if options.batch => {
            let source = Source::Argument(Zeroizing::new(text(password, "password")?));
            let (user, create) = (user(name)?, options.create);
            (
                file,
                Action::Set {
                    user,
                    create,
                    source,
                },
            )
        }
        [file, name] if !options.batch && !options.update => {
            let (user, create) = (user(name)?, options.create);
            let source = Source::Input;
            (
                file,
                Action::Set {
                    user,
                    create,
                    source,
                },
            )
        }
        words => {
            return Err(ArgumentError::Words {
                expected: options.expected(),
                found: words.len(),
            });
        }
    };
    Ok(Some(Request {
        file: PathBuf::from(file),
        action,
        algorithm,
    }))
}

/// Takes the options off, or `None` if one asks for help.
fn options(arguments: &[OsString]) -> Result<Option<(Options, &[OsString])>, ArgumentError> {
    let mut options = Options::default();
    let mut rest = arguments;
    while let [first, after @ ..] = rest {
        let value = |name| after.first().ok_or(ArgumentError::NoValue(name));
        let mut taken = 1;
        match first.to_str() {
            Some("-b") => options.batch = true,
            Some("-c") => options.create = true,
            Some("-D") => options.delete = true,
            Some("-U") => options.update = true,
            Some("-H") => {
                options.hash = Some(value("-H")?.to_string_lossy().into_owned());
                taken = 2;
            }
            Some("-I") => {
                let number = value("-I")?.to_string_lossy();
                let iterations = number.parse().ok();
                let iterations =
                    iterations.filter(|number: &NonZeroU32| number.get() <= MAX_ITERATIONS);
                options.iterations =
                    Some(iterations.ok_or_else(|| ArgumentError::Iterations(number.into()))?);
                taken = 2;
            }
            Some("-h" | "--help") => return Ok(None),
            Some("--") => return Ok(Some((options, after))),
            // "-" alone is standard output.
            Some(word) if word.len() > 1 && word.starts_with('-') => {
                return Err(ArgumentError::Option(word.to_owned()));
            }
            _ => break,
        }
        rest = &rest[taken..];
    }
    Ok(Some((options, rest)))
}

impl Options {
    fn algorithm(&self) -> Result<Algorithm, ArgumentError> {
        let algorithm = match self.hash.as_deref() {
            None | Some("sha512-pbkdf2") => {
                let iterations = self.iterations.unwrap_or(DEFAULT_ITERATIONS);
                return Ok(Algorithm::Pbkdf2(iterations));
            }
            Some("sha512") => Algorithm::Sha512,
            Some("argon2id") => Algorithm::Argon2id,
            Some(other) => return Err(ArgumentError::Hash(other.to_owned())),
        };
        match self.iterations {
            Some(_) => Err(ArgumentError::IterationsOf),
            None => Ok(algorithm),
        }
    }

    fn expected(&self) -> &'static str {
        match self {
            Self { update: true, .. } => "FILE",
            Self { batch: true, .. } => "FILE USER PASSWORD",
            _ => "FILE USER",
        }
    }
}

fn text(word: &OsStr, what: &'static str) -> Result<String, ArgumentError> {
    word.to_str()
        .map(str::to_owned)
        .ok_or(ArgumentError::Utf8(what))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Option<Request>, ArgumentError> {
        let words: Vec<_> = line.split_whitespace().map(OsString::from).collect();
        parse(&words)
    }

    #[test]
    fn the_forms_of_mosquitto_passwd_are_read() {
        let set = |create, source, algorithm| Request {
            file: "f".into(),
            action: Action::Set {
                user: "fred".to_owned(),
                create,
                source,
            },
            algorithm,
        };
        let pbkdf2 = Algorithm::Pbkdf2(DEFAULT_ITERATIONS);
        let argument = || Source::Argument(Zeroizing::new("-x".to_owned()));
        let seven = Algorithm::Pbkdf2(NonZeroU32::new(7).unwrap());
        for (line, expected) in [
            ("f fred", set(false, Source::Input, pbkdf2)),
            ("-c f fred", set(true, Source::Input, pbkdf2)),
            ("-b f fred -x", set(false, argument(), pbkdf2)),
            (
                "-c -H sha512 -b f fred -x",
                set(true, argument(), Algorithm::Sha512),
            ),
            ("-I 7 f fred", set(false, Source::Input, seven)),
            (
                "-H argon2id -- f fred",
                set(false, Source::Input, Algorithm::Argon2id),
            ),
        ] {
            assert_eq!(parse_line(line), Ok(Some(expected)), "{line}");
        }
        let action = |line| parse_line(line).unwrap().unwrap().action;
        assert_eq!(action("-D f fred"), Action::Delete("fred".to_owned()));
        assert_eq!(action("-U f"), Action::HashClearText);
        assert_eq!(parse_line("-c --help"), Ok(None));
    }

    #[test]
    fn the_usage_names_the_default_that_there_is() {
        assert!(USAGE.contains(&format!("sha512-pbkdf2 ({DEFAULT_ITERATIONS})")));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let lines = [
            "",
            "f",
            "f fred x",
            "-b f fred",
            "-U f fred",
            "-D f",
            "-c -D f x",
            "-c -U f",
            "-D -U f",
            "-b -D f x",
            "-H foo f x",
            "-H",
            "-I 0 f x",
            "-I x f x",
            "-I 4294967296 f x",
            "-H sha512 -I 5 f x",
            "-x f x",
        ];
        let errors: Vec<_> = lines
            .iter()
            .map(|line| format!("{line}: {}", parse_line(line).unwrap_err()))
            .collect();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        : expected FILE USER after the options, which come first; 0 given
        f: expected FILE USER after the options, which come first; 1 given
        f fred x: expected FILE USER after the options, which come first; 3 given
        -b f fred: expected FILE USER PASSWORD after the options, which come first; 2 given
        -U f fred: expected FILE after the options, which come first; 2 given
        -D f: expected FILE USER after the options, which come first; 1 given
        -c -D f x: -c and -D exclude each other
        -c -U f: -c and -U exclude each other
        -D -U f: -D and -U exclude each other
        -b -D f x: -b and -D exclude each other
        -H foo f x: unknown hash "foo": expected sha512-pbkdf2, sha512 or argon2id
        -H: -H needs something after it
        -I 0 f x: "0" for -I is no whole number from 1 to 1000000
        -I x f x: "x" for -I is no whole number from 1 to 1000000
        -I 4294967296 f x: "4294967296" for -I is no whole number from 1 to 1000000
        -H sha512 -I 5 f x: -I is for sha512-pbkdf2 alone
        -x f x: unknown option -x
        "#);
    }
}
