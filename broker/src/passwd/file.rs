//! A password file as a whole: its lines in order, comments included.

use std::collections::HashMap;
use std::fmt;
use std::hint::black_box;

use thiserror::Error;

use super::{HashError, PasswordHash};

/// The longest user name in bytes: the length field of CONNECT has 16 bits.
const MAX_NAME: usize = 65_535;

/// A password file: who may log in, and with what.
///
/// `Display` writes the file; comments and the order of lines survive.
#[derive(Debug, Clone)]
pub struct PasswordFile {
    lines: Vec<Line>,
    /// Where in `lines` a user is.
    users: HashMap<String, usize>,
    /// What an unknown user's password is checked against, so that it takes as long as a known one's.
    decoy: PasswordHash,
}

#[derive(Debug, Clone)]
enum Line {
    /// Any other line as it was: empty, a comment, or one that [`PasswordFile::read`] found wrong.
    Other(String),
    User(String, PasswordHash),
}

/// A line that is wrong, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct PasswdError {
    /// The line's number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: PasswdProblem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PasswdProblem {
    /// Neither a comment nor a user.
    #[error("expected NAME:HASH, found no ':'")]
    NoColon,
    /// The name can't be one.
    #[error(transparent)]
    Name(#[from] UserNameError),
    /// The user has no hash.
    #[error("user {0:?} has no password; delete the line, or set one")]
    NoHash(String),
    /// The hash can't be checked against.
    #[error("the password of user {name:?} {problem}")]
    Hash {
        /// Whose hash.
        name: String,
        /// What is wrong with it.
        problem: HashError,
    },
    /// The user was there before.
    #[error("user {name:?} is already on line {first}")]
    Duplicate {
        /// Which user.
        name: String,
        /// The line where it was first.
        first: usize,
    },
}

/// Why a text can't be a user name in a password file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UserNameError {
    /// It has no characters.
    #[error("a user name has at least one character")]
    Empty,
    /// It does not fit the CONNECT packet.
    #[error("a user name has at most {MAX_NAME} bytes, this one has {0}")]
    TooLong(usize),
    /// It contains a colon, which ends the name in the file, or a control character.
    #[error("user name {0:?} contains {1:?}: neither ':' nor control characters are possible")]
    Character(String, char),
    /// It begins with `#` or has blanks at its ends: read back from the file, it would not be the same.
    #[error("user name {0:?} begins with '#' or has blanks at its ends")]
    Edge(String),
}

/// Checks that `name` can stand in a password file and is read back as it is.
///
/// # Errors
///
/// If it is empty, longer than 65,535 bytes, contains a colon or control character, begins with `#`, or begins
/// or ends with blanks.
pub fn check_user_name(name: &str) -> Result<(), UserNameError> {
    if name.is_empty() {
        return Err(UserNameError::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(UserNameError::TooLong(name.len()));
    }
    if let Some(c) = name.chars().find(|c| *c == ':' || c.is_control()) {
        return Err(UserNameError::Character(name.to_owned(), c));
    }
    if name.starts_with('#') || name.trim() != name {
        return Err(UserNameError::Edge(name.to_owned()));
    }
    Ok(())
}

impl Default for PasswordFile {
    /// An empty file: nobody may log in.
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            users: HashMap::new(),
            decoy: PasswordHash::default_decoy(),
        }
    }
}

impl PasswordFile {
    /// Reads a password file.
    ///
    /// # Errors
    ///
    /// The first line that is wrong; [`read`](Self::read) finds all of them.
    pub fn parse(text: &str) -> Result<Self, PasswdError> {
        let (file, errors) = Self::read(text);
        errors.into_iter().next().map_or(Ok(file), Err)
    }

    /// Reads what can be read of a password file, and says what is wrong with the rest.
    pub fn read(text: &str) -> (Self, Vec<PasswdError>) {
        let mut file = Self::default();
        let mut errors = Vec::new();
        for (index, line) in text.lines().enumerate() {
            // A last line may end in a bare carriage return, which would not be read back.
            let line = line.trim_end_matches('\r');
            match file.user_of(line) {
                Ok(Some((name, hash))) => {
                    file.users.insert(name.clone(), index);
                    file.lines.push(Line::User(name, hash));
                    continue;
                }
                Ok(None) => {}
                Err(problem) => errors.push(PasswdError {
                    line: index + 1,
                    problem,
                }),
            }
            file.lines.push(Line::Other(line.to_owned()));
        }
        file.choose_decoy();
        (file, errors)
    }

    /// The new user that `line` names, or none for a comment.
    fn user_of(&self, line: &str) -> Result<Option<(String, PasswordHash)>, PasswdProblem> {
        if line.starts_with('#') || line.trim().is_empty() {
            return Ok(None);
        }
        let (name, hash) = line.split_once(':').ok_or(PasswdProblem::NoColon)?;
        let (name, hash) = (name.trim().to_owned(), hash.trim());
        check_user_name(&name)?;
        if let Some(first) = self.users.get(&name) {
            return Err(PasswdProblem::Duplicate {
                name,
                first: first + 1,
            });
        }
        if hash.is_empty() {
            return Err(PasswdProblem::NoHash(name));
        }
        match hash.parse() {
            Ok(hash) => Ok(Some((name, hash))),
            Err(problem) => Err(PasswdProblem::Hash { name, problem }),
        }
    }

    /// The users in the order of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries().map(|(name, _)| name)
    }

    /// The users with their hashes in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &PasswordHash)> {
        self.lines.iter().filter_map(|line| match line {
            Line::User(name, hash) => Some((name.as_str(), hash)),
            Line::Other(_) => None,
        })
    }

    /// The hash of user `name`'s password.
    pub fn lookup(&self, name: &str) -> Option<&PasswordHash> {
        match &self.lines[*self.users.get(name)?] {
            Line::User(_, hash) => Some(hash),
            Line::Other(_) => None,
        }
    }

    /// Whether there is a user `name` with this password.
    ///
    /// Slow on purpose, and as slow for a name that is not in the file as for one with the most iterations
    /// in it, so that time does not tell which names exist.
    pub fn authenticate(&self, name: &str, password: &[u8]) -> bool {
        if let Some(hash) = self.lookup(name) {
            return hash.verify(password);
        }
        // Nobody knows a password for the decoy, but that is no proof that there is none.
        let _ = black_box(self.decoy.verify(password));
        false
    }

    /// Gives user `name` the password behind `hash`: in place if there is one, else as the last line.
    ///
    /// # Errors
    ///
    /// If the name can't stand in a password file.
    pub fn set(&mut self, name: &str, hash: PasswordHash) -> Result<(), UserNameError> {
        check_user_name(name)?;
        let line = Line::User(name.to_owned(), hash);
        if let Some(index) = self.users.get(name) {
            self.lines[*index] = line;
        } else {
            self.users.insert(name.to_owned(), self.lines.len());
            self.lines.push(line);
        }
        self.choose_decoy();
        Ok(())
    }

    /// Removes user `name`; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let Some(index) = self.users.remove(name) else {
            return false;
        };
        self.lines.remove(index);
        for later in self.users.values_mut().filter(|later| **later > index) {
            *later -= 1;
        }
        self.choose_decoy();
        true
    }

    fn choose_decoy(&mut self) {
        let slowest = self
            .entries()
            .map(|(_, hash)| hash)
            .max_by_key(|hash| hash.iterations());
        self.decoy = slowest.map_or_else(PasswordHash::default_decoy, PasswordHash::decoy);
    }
}

impl fmt::Display for PasswordFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| match line {
            Line::Other(text) => writeln!(f, "{text}"),
            Line::User(name, hash) => writeln!(f, "{name}:{hash}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::super::Password;
    use super::*;

    const TEXT: &str =
        "# people\n\nfred:$6$dHdlbHZlIGJ5dGVz$@@\n# jane is new\njane:$6$dHdlbHZlIGJ5dGVz$@@\n";

    fn hash(password: &str) -> PasswordHash {
        let password = Password::new(password.to_owned()).unwrap();
        PasswordHash::new(&password, NonZeroU32::new(2).unwrap()).unwrap()
    }

    fn text() -> String {
        TEXT.replace("@@", &format!("{}==", "A".repeat(86)))
    }

    #[test]
    fn comments_and_order_survive() {
        let file = PasswordFile::parse(&text()).unwrap();
        assert_eq!(file.to_string(), text());
        assert_eq!(file.names().collect::<Vec<_>>(), ["fred", "jane"]);
    }

    #[test]
    fn set_replaces_in_place_or_appends_and_remove_leaves_the_rest() {
        let mut file = PasswordFile::parse(&text()).unwrap();
        file.set("fred", hash("one")).unwrap();
        file.set("ada", hash("two")).unwrap();
        assert_eq!(file.names().collect::<Vec<_>>(), ["fred", "jane", "ada"]);
        assert!(file.authenticate("fred", b"one") && file.authenticate("ada", b"two"));
        assert!(file.remove("fred") && !file.remove("fred"));
        assert!(file.authenticate("ada", b"two") && !file.authenticate("fred", b"one"));
        assert!(
            file.to_string()
                .starts_with("# people\n\n# jane is new\njane:")
        );
    }

    #[test]
    fn all_wrong_lines_are_found_with_their_numbers() {
        let good = hash("x");
        let text =
            format!("fred:{good}\noops\n:x\njane:\nfred:{good}\nada:secret\r\nbob:{good}\r\n");
        let (file, errors) = PasswordFile::read(&text);
        let errors: Vec<_> = errors.iter().map(|e| format!("{}: {e}", e.line)).collect();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        2: expected NAME:HASH, found no ':'
        3: a user name has at least one character
        4: user "jane" has no password; delete the line, or set one
        5: user "fred" is already on line 1
        6: the password of user "ada" is not a hash: expected $7$… or $6$…; `mosquitto_passwd -U FILE` hashes a file of clear-text passwords
        "#);
        assert_eq!(file.names().collect::<Vec<_>>(), ["fred", "bob"]);
        assert_eq!(PasswordFile::parse(&text).unwrap_err().line, 2);
    }

    #[test]
    fn an_unknown_user_is_checked_against_the_most_expensive_hash() {
        let mut file = PasswordFile::default();
        assert!(!file.authenticate("nobody", b"x"));
        let password = Password::new("x".to_owned()).unwrap();
        for iterations in [3, 9, 4] {
            let hash = PasswordHash::new(&password, NonZeroU32::new(iterations).unwrap()).unwrap();
            file.set(&format!("user{iterations}"), hash).unwrap();
        }
        assert_eq!(file.decoy.iterations().get(), 9);
        assert!(!file.authenticate("nobody", b"x"));
    }

    #[test]
    fn a_name_that_would_not_read_back_is_refused() {
        for name in ["", "a:b", "a\nb", "#a", " a", "a "] {
            assert!(
                PasswordFile::default().set(name, hash("x")).is_err(),
                "{name:?}"
            );
        }
        assert!(
            PasswordFile::default()
                .set("Jane Doe #1", hash("x"))
                .is_ok()
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "([a-z#]{0,2}:(\\$[67])?[$A-Za-z0-9=]{0,9}\n){0,4}|.*") {
            let (file, _) = PasswordFile::read(&text);
            let again = PasswordFile::read(&file.to_string()).0;
            proptest::prop_assert_eq!(again.to_string(), file.to_string());
        }
    }
}
