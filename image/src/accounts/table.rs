//! One account file: colon-separated lines, kept as they are until they are changed.

use std::fmt;

use super::user::LoginName;

/// Which file an error or a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountFile {
    /// `/etc/passwd`
    Passwd,
    /// `/etc/shadow`
    Shadow,
    /// `/etc/group`
    Group,
    /// `/etc/gshadow`
    Gshadow,
    /// `/etc/subuid`
    Subuid,
    /// `/etc/subgid`
    Subgid,
}

impl AccountFile {
    /// Where it is on the Pi.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Passwd => "/etc/passwd",
            Self::Shadow => "/etc/shadow",
            Self::Group => "/etc/group",
            Self::Gshadow => "/etc/gshadow",
            Self::Subuid => "/etc/subuid",
            Self::Subgid => "/etc/subgid",
        }
    }

    /// How many fields a line has.
    const fn fields(self) -> usize {
        match self {
            Self::Passwd => 7,
            Self::Shadow => 9,
            Self::Group | Self::Gshadow => 4,
            Self::Subuid | Self::Subgid => 3,
        }
    }

    /// Which fields are numbers, and may not be empty.
    const fn numbers(self) -> &'static [usize] {
        match self {
            Self::Passwd => &[2, 3],
            Self::Group => &[2],
            Self::Subuid | Self::Subgid => &[1, 2],
            Self::Shadow | Self::Gshadow => &[],
        }
    }

    /// Whether a name may have only one line. A user can have several ranges of subordinate ids.
    const fn is_unique(self) -> bool {
        !matches!(self, Self::Subuid | Self::Subgid)
    }
}

impl fmt::Display for AccountFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

/// A parsed file.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Table {
    file: AccountFile,
    lines: Vec<Line>,
}

#[derive(Clone, PartialEq, Eq)]
enum Line {
    /// A name and its fields.
    Row(Vec<String>),
    /// An empty line, a comment, or a NIS entry (`+` or `-`): nothing to look at.
    Other(String),
}

impl Table {
    pub(super) fn parse(file: AccountFile, text: &str) -> Result<Self, AccountError> {
        let mut table = Self {
            file,
            lines: Vec::new(),
        };
        for (number, text) in (1..).zip(text.lines()) {
            let line = if text.trim().is_empty() || text.starts_with(['#', '+', '-']) {
                Line::Other(text.to_owned())
            } else {
                table.row(number, text)?
            };
            table.lines.push(line);
        }
        Ok(table)
    }

    fn row(&self, number: usize, text: &str) -> Result<Line, AccountError> {
        let broken = |rule: String| AccountError::Line {
            file: self.file,
            line: number,
            rule,
        };
        let fields: Vec<_> = text.split(':').map(str::to_owned).collect();
        let wanted = self.file.fields();
        if fields.len() != wanted {
            return Err(broken(format!(
                "it has {} fields, {wanted} are needed",
                fields.len()
            )));
        }
        if fields[0].is_empty() {
            return Err(broken("its name is empty".to_owned()));
        }
        for index in self.file.numbers() {
            if fields[*index].parse::<u32>().is_err() {
                return Err(broken(format!(
                    "field {} is {:?}, not a number",
                    index + 1,
                    fields[*index]
                )));
            }
        }
        if self.file.is_unique() && self.find(&fields[0]).is_some() {
            return Err(broken(format!("{} has a line already", fields[0])));
        }
        Ok(Line::Row(fields))
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &[String]> {
        self.lines.iter().filter_map(|line| match line {
            Line::Row(fields) => Some(fields.as_slice()),
            Line::Other(_) => None,
        })
    }

    pub(super) fn find(&self, name: &str) -> Option<&[String]> {
        self.rows().find(|fields| fields[0] == name)
    }

    /// The name of the row whose field `index` is the number `value`.
    pub(super) fn holder(&self, index: usize, value: u32) -> Option<&str> {
        self.rows()
            .find(|fields| fields[index].parse() == Ok(value))
            .map(|fields| fields[0].as_str())
    }

    pub(super) fn push<const N: usize>(&mut self, fields: [&str; N]) {
        debug_assert_eq!(N, self.file.fields(), "a line as its file has them");
        self.lines
            .push(Line::Row(fields.map(str::to_owned).to_vec()));
    }

    /// Adds `member` to the list in the last field of the row of `name`.
    pub(super) fn add_member(&mut self, name: &str, member: &LoginName) {
        let row = self.lines.iter_mut().find_map(|line| match line {
            Line::Row(fields) if fields[0] == name => fields.last_mut(),
            _ => None,
        });
        if let Some(members) = row {
            if members.split(',').any(|known| known == member.as_str()) {
                return;
            }
            if !members.is_empty() {
                members.push(',');
            }
            members.push_str(member.as_str());
        }
    }

    /// Takes the row of `name` away.
    pub(super) fn remove(&mut self, name: &str) {
        self.lines
            .retain(|line| !matches!(line, Line::Row(fields) if fields[0] == name));
    }

    /// Lets `change` have its way with all rows of `name`. A user can have several in `/etc/subuid`.
    pub(super) fn edit(&mut self, name: &str, change: impl Fn(&mut [String])) {
        self.edit_all(|fields| {
            if fields[0] == name {
                change(fields);
            }
        });
    }

    /// Lets `change` have its way with all rows.
    pub(super) fn edit_all(&mut self, change: impl Fn(&mut [String])) {
        for line in &mut self.lines {
            if let Line::Row(fields) = line {
                change(fields);
            }
        }
    }

    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            match line {
                Line::Row(fields) => text.push_str(&fields.join(":")),
                Line::Other(line) => text.push_str(line),
            }
            text.push('\n');
        }
        text
    }
}

impl fmt::Debug for Table {
    /// Names only: the other fields may be password hashes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        f.debug_list()
            .entries(self.rows().map(|fields| &fields[0]))
            .finish()
    }
}

/// Why the account files can't be read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// A line breaks the format.
    #[error("{file}:{line}: {rule}")]
    Line {
        /// The file.
        file: AccountFile,
        /// The line's number, from 1.
        line: usize,
        /// What is wrong with it, as a clause.
        rule: String,
    },
    /// Not a name that can log in everywhere.
    #[error("{name:?} can't be a login name: {rule}")]
    Name {
        /// The name as given.
        name: String,
        /// The broken rule, as a clause.
        rule: &'static str,
    },
    /// The name is taken.
    #[error("{name} has a line in {file} already")]
    Exists {
        /// The name.
        name: String,
        /// Where it is.
        file: AccountFile,
    },
    /// The number is taken.
    #[error("{id} is the id of {holder} in {file}, and {name} can't have it too")]
    IdTaken {
        /// The new name.
        name: String,
        /// The number.
        id: u32,
        /// Who has it.
        holder: String,
        /// Where.
        file: AccountFile,
    },
    /// The number is somebody's who can log in, under another name.
    #[error("{id} is the id of {holder}, who can log in, and is not renamed to {name}")]
    Real {
        /// The number.
        id: u32,
        /// Who has it.
        holder: String,
        /// The wanted name.
        name: String,
    },
    /// A value would break the line that it is written into.
    #[error("the {field} of {name} may not contain a colon or a line break")]
    Field {
        /// The new name.
        name: String,
        /// Which value.
        field: &'static str,
    },
    /// A password hash isn't one.
    #[error("the password hash of {name} is not in the form $id$salt$hash")]
    Hash {
        /// The new name.
        name: String,
    },
    /// No free range of subordinate ids is left.
    #[error("{file} has no room for 65536 more subordinate ids")]
    Exhausted {
        /// The file.
        file: AccountFile,
    },
}
