//! Who may log in.

use std::fmt;

use serde::Serialize;

use super::files::text;
use super::finding::Finding;
use crate::card::{Card, CardError};

/// The number of the first person, and of `nobody`.
const PEOPLE: std::ops::Range<u32> = 1000..65_534;

/// Root, or a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// The name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// Its home directory.
    pub home: String,
    /// What it gets when it logs in.
    pub shell: String,
    /// Whether a password logs in.
    pub password: PasswordState,
    /// The groups that it belongs to beside its own.
    pub groups: Vec<String>,
    /// Whether a file in `/etc/sudoers.d` lets it become root without a password.
    pub sudo_without_password: bool,
    /// The lines of its `authorized_keys`, which are public.
    #[serde(skip)]
    pub authorized_keys: Vec<String>,
}

/// What the password field of an account says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PasswordState {
    /// There is none: whoever says the name is in.
    Empty,
    /// No password is right.
    Locked,
    /// One is set, and hashed by this method.
    Hashed(String),
}

impl fmt::Display for PasswordState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no password at all"),
            Self::Locked => f.write_str("password locked"),
            Self::Hashed(method) => write!(f, "password set ({method})"),
        }
    }
}

impl PasswordState {
    fn of(field: &str) -> Self {
        let method = match field.split('$').nth(1) {
            _ if field.is_empty() => return Self::Empty,
            _ if field.starts_with(['!', '*']) || field == "x" => return Self::Locked,
            Some("y") => "yescrypt",
            Some("gy") => "gost-yescrypt",
            Some("7") => "scrypt",
            Some("6") => "sha512",
            Some("5") => "sha256",
            Some("2a" | "2b" | "2y") => "bcrypt",
            Some("1") => "md5",
            Some(_) => "unknown method",
            None => "des",
        };
        Self::Hashed(method.to_owned())
    }
}

pub(super) fn users(card: &Card) -> Result<Vec<User>, CardError> {
    let (passwd, shadow) = (text(card, "/etc/passwd")?, text(card, "/etc/shadow")?);
    let groups = text(card, "/etc/group")?;
    let sudoers = sudoers(card)?;
    let mut users = Vec::new();
    for row in passwd.lines() {
        let fields: Vec<_> = row.split(':').collect();
        let [name, own, uid, _, _, home, shell] = fields[..] else {
            continue;
        };
        let Some(uid) = uid
            .parse()
            .ok()
            .filter(|uid| *uid == 0 || PEOPLE.contains(uid))
        else {
            continue;
        };
        // A password in passwd itself is asked for where shadow has no row.
        let hidden = shadow.lines().find_map(|row| {
            let (owner, rest) = row.split_once(':')?;
            (owner == name).then(|| rest.split(':').next().unwrap_or_default())
        });
        users.push(User {
            name: name.to_owned(),
            uid,
            home: home.to_owned(),
            shell: shell.to_owned(),
            password: PasswordState::of(hidden.unwrap_or(own)),
            groups: memberships(&groups, name),
            sudo_without_password: sudoers.iter().any(|line| grants(line, name)),
            authorized_keys: keys(card, home)?,
        });
    }
    Ok(users)
}

fn memberships(groups: &str, name: &str) -> Vec<String> {
    let rows = groups.lines().filter_map(|row| {
        let (group, members) = (row.split(':').next()?, row.split(':').nth(3)?);
        members
            .split(',')
            .any(|member| member == name)
            .then(|| group.to_owned())
    });
    rows.collect()
}

fn sudoers(card: &Card) -> Result<Vec<String>, CardError> {
    const FOLDER: &str = "/etc/sudoers.d";
    let mut lines = Vec::new();
    for name in card.list(FOLDER)?.unwrap_or_default() {
        // sudo passes over names with a dot, and over backups.
        if name.contains('.') || name.ends_with('~') {
            continue;
        }
        lines.extend(
            text(card, &format!("{FOLDER}/{name}"))?
                .lines()
                .map(str::to_owned),
        );
    }
    Ok(lines)
}

fn grants(line: &str, name: &str) -> bool {
    line.split_whitespace().next() == Some(name) && line.contains("NOPASSWD:")
}

fn keys(card: &Card, home: &str) -> Result<Vec<String>, CardError> {
    let text = text(card, &format!("{home}/.ssh/authorized_keys"))?;
    let lines = text.lines().map(str::trim);
    let keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(keys.map(str::to_owned).collect())
}

pub(super) fn findings(users: &[User]) -> Vec<Finding> {
    let open = users
        .iter()
        .filter(|user| user.password == PasswordState::Empty);
    let mut findings: Vec<_> = open
        .map(|user| Finding::new(format!("user {}", user.name), "logs in without a password"))
        .collect();
    for user in users
        .iter()
        .filter(|user| user.uid == 0 && user.name != "root")
    {
        findings.push(Finding::new(
            format!("user {}", user.name),
            "is root by its number",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_password_only_its_kind_is_told() {
        let shown = ["", "!", "*", "!$6$a$b", "$y$j9T$a$b", "$6$a$b", "ab12"]
            .map(|field| PasswordState::of(field).to_string());
        assert_eq!(
            shown,
            [
                "no password at all",
                "password locked",
                "password locked",
                "password locked",
                "password set (yescrypt)",
                "password set (sha512)",
                "password set (des)"
            ]
        );
    }
}
