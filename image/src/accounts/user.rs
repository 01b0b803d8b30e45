//! Adding a login user to the account files.

use std::fmt;

use super::table::{AccountError, AccountFile, Table};
use crate::time::Timestamp;

/// How many subordinate ids a user gets, and where the first range begins (`login.defs`).
const SUBORDINATE_COUNT: u32 = 65_536;
const SUBORDINATE_FIRST: u32 = 100_000;

/// A name that can log in: `^[a-z][a-z0-9-]*$`, at most 32 characters, not `root`. These are the rules of
/// Raspberry Pi OS, stricter than Debian's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginName(String);

impl LoginName {
    /// Checks `name`.
    pub fn new(name: impl Into<String>) -> Result<Self, AccountError> {
        let name = name.into();
        let rule = if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            Some("it must begin with a letter from a to z")
        } else if !name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        {
            Some("only a to z, 0 to 9 and - are allowed")
        } else if name.len() > 32 {
            Some("it is longer than 32 characters")
        } else if name == "root" {
            Some("root is the administrator, who logs in through sudo")
        } else {
            None
        };
        match rule {
            Some(rule) => Err(AccountError::Name { name, rule }),
            None => Ok(Self(name)),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LoginName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The password of a user, as it stands in `/etc/shadow`.
#[derive(Clone, PartialEq, Eq)]
pub enum PasswordField {
    /// No password is right; keys still log in.
    Locked,
    /// A hash as `crypt(5)` has it: `$y$…`, `$6$…`.
    Hash(String),
}

impl fmt::Debug for PasswordField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Locked => "Locked",
            Self::Hash(_) => "Hash(..)",
        })
    }
}

/// A user to be added, with a group of the same name and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The name of the user and of its group.
    pub name: LoginName,
    /// The number of both; the first user of a Pi has 1000.
    pub id: u32,
    /// The full name, or nothing.
    pub comment: String,
    /// The home directory, usually `/home/NAME`.
    pub home: String,
    /// The login shell.
    pub shell: String,
    /// The password, or the lack of one.
    pub password: PasswordField,
    /// Further groups. Those that the system doesn't have are left out, since they differ by release.
    pub groups: Vec<String>,
    /// The day from which the password is counted.
    pub since: Timestamp,
}

/// The texts of a system's account files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFiles {
    pub(super) passwd: Table,
    pub(super) shadow: Table,
    pub(super) group: Table,
    pub(super) gshadow: Option<Table>,
    pub(super) subuid: Option<Table>,
    pub(super) subgid: Option<Table>,
}

impl AccountFiles {
    /// Parses the files that `read` returns the text of; `gshadow`, `subuid` and `subgid` may be
    /// missing, and the others count as empty if they are.
    ///
    /// # Errors
    ///
    /// Errors of `read`, and [`AccountError::Line`] for the first line that breaks a format.
    pub fn parse<E: From<AccountError>>(
        mut read: impl FnMut(AccountFile) -> Result<Option<String>, E>,
    ) -> Result<Self, E> {
        let mut table = |file| -> Result<Option<Table>, E> {
            match read(file)? {
                Some(text) => Ok(Some(Table::parse(file, &text)?)),
                None => Ok(None),
            }
        };
        let empty = |file| Table::parse(file, "");
        Ok(Self {
            passwd: table(AccountFile::Passwd)?.map_or_else(|| empty(AccountFile::Passwd), Ok)?,
            shadow: table(AccountFile::Shadow)?.map_or_else(|| empty(AccountFile::Shadow), Ok)?,
            group: table(AccountFile::Group)?.map_or_else(|| empty(AccountFile::Group), Ok)?,
            gshadow: table(AccountFile::Gshadow)?,
            subuid: table(AccountFile::Subuid)?,
            subgid: table(AccountFile::Subgid)?,
        })
    }

    /// The names of users and their numbers, in the order of `/etc/passwd`.
    pub fn users(&self) -> impl Iterator<Item = (&str, u32)> {
        self.passwd
            .rows()
            .filter_map(|fields| Some((fields[0].as_str(), fields[2].parse().ok()?)))
    }

    /// The names of groups, in the order of `/etc/group`.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.group.rows().map(|fields| fields[0].as_str())
    }

    /// Adds `user` with its group; returns those of its further groups that the system doesn't have.
    ///
    /// # Errors
    ///
    /// An [`AccountError`], and nothing is changed, if the name or the number is taken or a value
    /// can't be written.
    pub fn add<'u>(&mut self, user: &'u NewUser) -> Result<Vec<&'u str>, AccountError> {
        self.check(user)?;
        let subuid = next_subordinates(self.subuid.as_ref(), AccountFile::Subuid)?;
        let subgid = next_subordinates(self.subgid.as_ref(), AccountFile::Subgid)?;
        let name = user.name.as_str();
        let id = user.id.to_string();
        self.passwd
            .push([name, "x", &id, &id, &user.comment, &user.home, &user.shell]);
        let password = match &user.password {
            PasswordField::Locked => "!",
            PasswordField::Hash(hash) => hash,
        };
        let since = user.since.days().to_string();
        self.shadow
            .push([name, password, &since, "0", "99999", "7", "", "", ""]);
        self.group.push([name, "x", &id, ""]);
        if let Some(gshadow) = &mut self.gshadow {
            gshadow.push([name, "!", "", ""]);
        }
        let count = SUBORDINATE_COUNT.to_string();
        if let Some(table) = &mut self.subuid {
            table.push([name, &subuid.to_string(), &count]);
        }
        if let Some(table) = &mut self.subgid {
            table.push([name, &subgid.to_string(), &count]);
        }
        Ok(self.join(user))
    }

    fn check(&self, user: &NewUser) -> Result<(), AccountError> {
        let name = user.name.as_str();
        let tables = [
            (AccountFile::Passwd, &self.passwd, Some(2)),
            (AccountFile::Shadow, &self.shadow, None),
            (AccountFile::Group, &self.group, Some(2)),
        ];
        for (file, table, id_field) in tables {
            if table.find(name).is_some() {
                return Err(AccountError::Exists {
                    name: name.to_owned(),
                    file,
                });
            }
            if let Some(holder) = id_field.and_then(|index| table.holder(index, user.id)) {
                return Err(AccountError::IdTaken {
                    name: name.to_owned(),
                    id: user.id,
                    holder: holder.to_owned(),
                    file,
                });
            }
        }
        check_values(user)
    }

    pub(super) fn join<'u>(&mut self, user: &'u NewUser) -> Vec<&'u str> {
        let mut unknown = Vec::new();
        for group in &user.groups {
            if self.group.find(group).is_none() {
                unknown.push(group.as_str());
                continue;
            }
            self.group.add_member(group, &user.name);
            if let Some(gshadow) = &mut self.gshadow {
                gshadow.add_member(group, &user.name);
            }
        }
        unknown
    }

    /// The files as they are to be written, those that were missing left out.
    pub fn render(&self) -> Vec<(AccountFile, String)> {
        let tables = [
            (AccountFile::Passwd, Some(&self.passwd)),
            (AccountFile::Shadow, Some(&self.shadow)),
            (AccountFile::Group, Some(&self.group)),
            (AccountFile::Gshadow, self.gshadow.as_ref()),
            (AccountFile::Subuid, self.subuid.as_ref()),
            (AccountFile::Subgid, self.subgid.as_ref()),
        ];
        tables
            .into_iter()
            .filter_map(|(file, table)| Some((file, table?.render())))
            .collect()
    }
}

/// Refuses what would break a line, or is no hash.
pub(super) fn check_values(user: &NewUser) -> Result<(), AccountError> {
    let name = user.name.as_str();
    let values = [
        ("full name", &user.comment),
        ("home directory", &user.home),
        ("shell", &user.shell),
    ];
    for (field, value) in values {
        if value.contains(|c: char| c == ':' || c.is_control()) {
            return Err(AccountError::Field {
                name: name.to_owned(),
                field,
            });
        }
    }
    match &user.password {
        PasswordField::Hash(hash) if !is_hash(hash) => Err(AccountError::Hash {
            name: name.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// `$id$…$hash` in the alphabet of `crypt(5)`.
fn is_hash(hash: &str) -> bool {
    let valid = |c: char| c.is_ascii_graphic() && !matches!(c, ':' | ';' | '*' | '!' | '\\');
    hash.starts_with('$') && hash.matches('$').count() >= 3 && hash.chars().all(valid)
}

/// Where the next range of subordinate ids begins: behind all that are given away.
fn next_subordinates(table: Option<&Table>, file: AccountFile) -> Result<u32, AccountError> {
    let ends = table.into_iter().flat_map(Table::rows).map(|fields| {
        let number = |index: usize| fields[index].parse::<u32>().unwrap_or(0);
        number(1).checked_add(number(2))
    });
    let mut first = SUBORDINATE_FIRST;
    for end in ends {
        first = first.max(end.ok_or(AccountError::Exhausted { file })?);
    }
    match first.checked_add(SUBORDINATE_COUNT) {
        Some(_) => Ok(first),
        None => Err(AccountError::Exhausted { file }),
    }
}
