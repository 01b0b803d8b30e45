//! The text of an ACL file as a list of lines.

use std::fmt;

use thiserror::Error;

use crate::quote;
use crate::topic::{self, TopicError};

/// An ACL file: its lines in order, comments included.
///
/// `Display` writes the file, and [`parse`](Self::parse) reads the same lines back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AclFile {
    lines: Vec<AclLine>,
}

/// One line of an ACL file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AclLine {
    /// Nothing.
    Blank,
    /// `#` and this text.
    Comment(String),
    /// `user NAME`: the topics that follow are this user's.
    User(String),
    /// `topic PERMISSION FILTER`.
    Topic(Permission, String),
    /// `pattern PERMISSION FILTER`, for everybody.
    Pattern(Permission, String),
}

/// What a `topic` or `pattern` line says about the topics that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Messages may be received.
    Read,
    /// Messages may be sent.
    Write,
    /// Both.
    ReadWrite,
    /// Neither, whatever other lines say.
    Deny,
}

impl Permission {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::ReadWrite => "readwrite",
            Self::Deny => "deny",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Read, Self::Write, Self::ReadWrite, Self::Deny]
            .into_iter()
            .find(|permission| permission.word() == word)
    }
}

/// A line that is wrong, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct AclError {
    /// The line's number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: AclProblem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AclProblem {
    /// It begins with no known word. This is how that may be shown: it may be a password file that is read.
    #[error("invalid line: expected `user`, `topic`, `pattern` or `#`, found {0}")]
    Unknown(String),
    /// `user` and nothing more.
    #[error("missing user name after `user`")]
    NoUser,
    /// `topic` or `pattern` and nothing more.
    #[error("missing topic after `{0}`")]
    NoTopic(&'static str),
    /// Two words or more, the first of them, shown as that may be, no permission.
    #[error(
        "invalid access type {0}: expected read, write, readwrite or deny \
         (a topic with a space in it needs one before it)"
    )]
    Permission(String),
    /// The filter can't be subscribed to.
    #[error("invalid topic {filter:?}: {problem}")]
    Filter {
        /// The filter.
        filter: String,
        /// The rule that it breaks.
        problem: TopicError,
    },
    /// A text that would not be read back as it is.
    #[error("{0:?} can't stand in an ACL file: it has blanks at its ends, or a control character")]
    Unwritable(String),
}

impl AclFile {
    /// Reads an ACL file.
    ///
    /// # Errors
    ///
    /// The first line that is wrong; [`read`](Self::read) finds all of them.
    pub fn parse(text: &str) -> Result<Self, AclError> {
        let (file, errors) = Self::read(text);
        errors.into_iter().next().map_or(Ok(file), Err)
    }

    /// Reads what can be read of an ACL file, and says what is wrong with the rest, which counts as blank.
    pub fn read(text: &str) -> (Self, Vec<AclError>) {
        let mut errors = Vec::new();
        let lines = text.lines().enumerate().map(|(index, line)| {
            parse_line(line).unwrap_or_else(|problem| {
                errors.push(AclError {
                    line: index + 1,
                    problem,
                });
                AclLine::Blank
            })
        });
        (
            Self {
                lines: lines.collect(),
            },
            errors,
        )
    }

    /// Adds a line at the end.
    ///
    /// # Errors
    ///
    /// If the line would not be read back as it is: an invalid filter, control characters, blanks at the ends.
    pub fn push(&mut self, line: AclLine) -> Result<(), AclProblem> {
        let written = line.to_string();
        let unwritable = || AclProblem::Unwritable(written.clone());
        // A line break inside a name would write a second line, with rights that nobody asked for.
        if written.chars().any(char::is_control) {
            return Err(unwritable());
        }
        if parse_line(&written)? != line {
            return Err(unwritable());
        }
        self.lines.push(line);
        Ok(())
    }

    /// The lines in order; a parsed file's line number `n` is at `n - 1`.
    pub fn lines(&self) -> &[AclLine] {
        &self.lines
    }

    /// What is legal but most likely not meant, with line numbers.
    pub fn warnings(&self) -> Vec<(usize, String)> {
        let numbered = self.lines.iter().enumerate();
        numbered
            .filter_map(|(index, line)| match line {
                AclLine::Pattern(_, filter) if !filter.split('/').any(|level| matches!(level, "%u" | "%c")) => {
                    let text = format!("pattern {filter:?} has no whole level %u or %c: it is the same for everybody");
                    Some((index + 1, text))
                }
                _ => None,
            })
            .collect()
    }
}

fn parse_line(line: &str) -> Result<AclLine, AclProblem> {
    let line = line.trim_end_matches('\r');
    if let Some(comment) = line.strip_prefix('#') {
        return Ok(AclLine::Comment(comment.to_owned()));
    }
    let line = line.trim_end().trim_start_matches(' ');
    if line.is_empty() {
        return Ok(AclLine::Blank);
    }
    let (word, rest) = split_word(line);
    match word {
        "user" if rest.is_empty() => Err(AclProblem::NoUser),
        "user" => Ok(AclLine::User(rest.to_owned())),
        "topic" => permission_and_filter("topic", rest)
            .map(|(permission, filter)| AclLine::Topic(permission, filter)),
        "pattern" => permission_and_filter("pattern", rest)
            .map(|(permission, filter)| AclLine::Pattern(permission, filter)),
        _ => Err(AclProblem::Unknown(quote::word(word))),
    }
}

fn permission_and_filter(
    kind: &'static str,
    rest: &str,
) -> Result<(Permission, String), AclProblem> {
    let (permission, filter) = match split_word(rest) {
        ("", _) => return Err(AclProblem::NoTopic(kind)),
        // One word alone is the filter, even if it is "read".
        (filter, "") => (Permission::ReadWrite, filter),
        (word, filter) => {
            let permission = Permission::from_word(word);
            (
                permission.ok_or_else(|| AclProblem::Permission(quote::word(word)))?,
                filter,
            )
        }
    };
    match topic::validate_filter(filter) {
        Ok(()) => Ok((permission, filter.to_owned())),
        Err(problem) => Err(AclProblem::Filter {
            filter: filter.to_owned(),
            problem,
        }),
    }
}

/// The first word and what follows it, without the blanks between them. Only spaces end a word.
fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (word, rest.trim())
}

impl fmt::Display for AclFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for AclLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => Ok(()),
            Self::Comment(text) => write!(f, "#{text}"),
            Self::User(name) => write!(f, "user {name}"),
            Self::Topic(permission, filter) => write!(f, "topic {} {filter}", permission.word()),
            Self::Pattern(permission, filter) => {
                write!(f, "pattern {} {filter}", permission.word())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_form_of_a_line_is_read() {
        let text = "# comment\n\ntopic  read   a b  \n topic a\ntopic read\n\
                    user  Jane Doe \ntopic deny x/#\r\npattern write %u/%c\n";
        let expected = [
            AclLine::Comment(" comment".to_owned()),
            AclLine::Blank,
            AclLine::Topic(Permission::Read, "a b".to_owned()),
            AclLine::Topic(Permission::ReadWrite, "a".to_owned()),
            AclLine::Topic(Permission::ReadWrite, "read".to_owned()),
            AclLine::User("Jane Doe".to_owned()),
            AclLine::Topic(Permission::Deny, "x/#".to_owned()),
            AclLine::Pattern(Permission::Write, "%u/%c".to_owned()),
        ];
        assert_eq!(AclFile::parse(text).unwrap().lines(), expected);
    }

    #[test]
    fn all_wrong_lines_are_found_with_their_numbers() {
        let text =
            "topic a\ntopic foo a/b\n  # x\nuser\ntopic read a/#/b\n\ttopic a\ntopic\npattern \n";
        let (_, errors) = AclFile::read(text);
        let errors: Vec<_> = errors.iter().map(|e| format!("{}: {e}", e.line)).collect();
        insta::assert_snapshot!(errors.join("\n"), @r##"
        2: invalid access type "foo": expected read, write, readwrite or deny (a topic with a space in it needs one before it)
        3: invalid line: expected `user`, `topic`, `pattern` or `#`, found "#"
        4: missing user name after `user`
        5: invalid topic "a/#/b": the wildcard '#' is the last level of a filter
        6: invalid line: expected `user`, `topic`, `pattern` or `#`, found "\ttopic"
        7: missing topic after `topic`
        8: missing topic after `pattern`
        "##);
    }

    #[test]
    fn a_pattern_without_a_placeholder_is_warned_of() {
        let file = AclFile::parse("pattern read a/%u\npattern read a/x%u\n").unwrap();
        let lines: Vec<_> = file.warnings().into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [2]);
    }

    #[test]
    fn a_line_that_would_smuggle_in_another_is_refused() {
        let mut file = AclFile::default();
        for line in [
            AclLine::User("fred\ntopic #".to_owned()),
            AclLine::User(" fred".to_owned()),
            AclLine::User(String::new()),
            AclLine::Topic(Permission::Read, "a ".to_owned()),
            AclLine::Topic(Permission::Read, "a/#/b".to_owned()),
            AclLine::Comment("x\r".to_owned()),
        ] {
            assert!(file.push(line.clone()).is_err(), "{line:?}");
        }
        assert_eq!(file, AclFile::default());
    }

    fn any_line() -> impl Strategy<Value = AclLine> {
        let permission = prop::sample::select(vec![
            Permission::Read,
            Permission::Write,
            Permission::ReadWrite,
            Permission::Deny,
        ]);
        let filter = "[ab %uc/+#$]{0,8}";
        prop_oneof![
            Just(AclLine::Blank),
            "[ -~]{0,8}".prop_map(AclLine::Comment),
            "[ -~é]{0,8}".prop_map(AclLine::User),
            (permission.clone(), filter)
                .prop_map(|(permission, filter)| AclLine::Topic(permission, filter)),
            (permission, filter)
                .prop_map(|(permission, filter)| AclLine::Pattern(permission, filter)),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(lines in prop::collection::vec(any_line(), 0..12)) {
            let mut file = AclFile::default();
            for line in lines {
                let _ = file.push(line);
            }
            prop_assert_eq!(AclFile::parse(&file.to_string()), Ok(file));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = AclFile::read(&text);
        }
    }
}
