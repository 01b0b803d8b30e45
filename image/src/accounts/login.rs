//! The first user of a system, who may be there already: as a placeholder that Raspberry Pi OS ships to be
//! renamed, or as somebody real.

use super::table::{AccountError, AccountFile, Table};
use super::user::{AccountFiles, LoginName, NewUser, PasswordField, check_values};

/// The user by whom the desktop's wizard runs until somebody has set up the system.
const WIZARD: &str = "rpi-first-boot-wizard";

/// How the login user came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled<'u> {
    /// There was none with that number.
    Added {
        /// Groups that the system doesn't have.
        unknown: Vec<&'u str>,
    },
    /// A placeholder has the wanted name now.
    Renamed {
        /// What it was called.
        from: String,
        /// Its home until now.
        home: String,
        /// Groups that the system doesn't have.
        unknown: Vec<&'u str>,
    },
    /// A user of that name and number was there, and has kept what it had.
    Kept {
        /// Its home.
        home: String,
        /// Groups that the system doesn't have.
        unknown: Vec<&'u str>,
    },
}

impl AccountFiles {
    /// The name and the home of the user whose number is `id`.
    pub fn user(&self, id: u32) -> Option<(&str, &str)> {
        let row = self.row(id)?;
        Some((&row[0], &row[5]))
    }

    /// Whether the user called `name` could log in with a password.
    pub fn has_password(&self, name: &str) -> bool {
        let row = self.shadow.find(name);
        row.is_some_and(|fields| !fields[1].starts_with(['!', '*']))
    }

    /// Makes `user` the user with its number: adds it, renames the placeholder that has the number (keeping
    /// place, memberships and subordinate ids), or completes the user that is there under that name.
    ///
    /// A placeholder is somebody who can't log in: the password is locked, and there are no keys, which the
    /// caller has looked for (`has_keys`). Its shell doesn't matter: it was a real one until 2026-02.
    ///
    /// # Errors
    ///
    /// An [`AccountError`], and nothing is changed, if the number is that of somebody else who can log in, if
    /// the name is taken, or a value can't be written.
    pub fn settle<'u>(
        &mut self,
        user: &'u NewUser,
        has_keys: bool,
    ) -> Result<Settled<'u>, AccountError> {
        let Some(row) = self.row(user.id) else {
            let unknown = self.add(user)?;
            return Ok(Settled::Added { unknown });
        };
        let (from, home) = (row[0].clone(), row[5].clone());
        check_values(user)?;
        if from == user.name.as_str() {
            self.complete(user, &home);
            let unknown = self.join(user);
            return Ok(Settled::Kept { home, unknown });
        }
        if has_keys || self.has_password(&from) {
            return Err(AccountError::Real {
                id: user.id,
                holder: from,
                name: user.name.to_string(),
            });
        }
        self.check_names(&from, user)?;
        self.rename(&from, &user.name);
        self.complete(user, &user.home);
        let unknown = self.join(user);
        Ok(Settled::Renamed {
            from,
            home,
            unknown,
        })
    }

    /// Takes `name` out of `group`.
    pub fn leave(&mut self, group: &str, name: &LoginName) {
        let tables = [Some(&mut self.group), self.gshadow.as_mut()];
        for table in tables.into_iter().flatten() {
            table.edit(group, |fields| {
                replace_member(fields, 3, name.as_str(), None);
            });
        }
    }

    /// Takes away the user of the desktop's wizard with all that it has; returns its home.
    pub fn remove_wizard(&mut self) -> Option<String> {
        let home = self.passwd.find(WIZARD)?[5].clone();
        for table in [&mut self.passwd, &mut self.shadow, &mut self.group] {
            table.remove(WIZARD);
        }
        let optional = [&mut self.subuid, &mut self.subgid, &mut self.gshadow];
        for table in optional.into_iter().flatten() {
            table.remove(WIZARD);
        }
        self.members(WIZARD, None);
        Some(home)
    }

    fn row(&self, id: u32) -> Option<&[String]> {
        let name = self.passwd.holder(2, id)?;
        self.passwd.find(name)
    }

    /// Whether the new name is free in all files in which the old one gives way to it.
    fn check_names(&self, from: &str, user: &NewUser) -> Result<(), AccountError> {
        let name = user.name.as_str();
        let tables = [
            (AccountFile::Passwd, Some(&self.passwd)),
            (AccountFile::Shadow, Some(&self.shadow)),
            (AccountFile::Group, Some(&self.group)),
            (AccountFile::Gshadow, self.gshadow.as_ref()),
        ];
        for (file, table) in tables {
            if table.is_some_and(|table| table.find(name).is_some() && from != name) {
                return Err(AccountError::Exists {
                    name: name.to_owned(),
                    file,
                });
            }
        }
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &LoginName) {
        let own_group = |table: &mut Table| {
            table.edit(from, |fields| to.as_str().clone_into(&mut fields[0]));
        };
        own_group(&mut self.passwd);
        own_group(&mut self.shadow);
        own_group(&mut self.group);
        let optional = [&mut self.gshadow, &mut self.subuid, &mut self.subgid];
        optional.into_iter().flatten().for_each(own_group);
        self.members(from, Some(to.as_str()));
    }

    /// Replaces or removes a name in all lists of members.
    fn members(&mut self, from: &str, to: Option<&str>) {
        self.group
            .edit_all(|fields| replace_member(fields, 3, from, to));
        if let Some(gshadow) = &mut self.gshadow {
            gshadow.edit_all(|fields| {
                // Those who may administer the group, and its members.
                replace_member(fields, 2, from, to);
                replace_member(fields, 3, from, to);
            });
        }
    }

    /// Gives the user a home, a shell that lets it in, and the password that is wanted.
    fn complete(&mut self, user: &NewUser, home: &str) {
        let name = user.name.as_str();
        self.passwd.edit(name, |fields| {
            home.clone_into(&mut fields[5]);
            let shell = &mut fields[6];
            if shell.is_empty() || shell.ends_with("/nologin") || shell.ends_with("/false") {
                user.shell.clone_into(shell);
            }
        });
        if self.shadow.find(name).is_none() {
            let since = user.since.days().to_string();
            self.shadow
                .push([name, "!", &since, "0", "99999", "7", "", "", ""]);
        }
        if let PasswordField::Hash(hash) = &user.password {
            let since = user.since.days().to_string();
            self.shadow.edit(name, |fields| {
                hash.clone_into(&mut fields[1]);
                // 0 would have the password changed at the first login.
                since.clone_into(&mut fields[2]);
            });
        }
    }
}

/// Replaces `from` in the list in field `index`, or takes it out.
fn replace_member(fields: &mut [String], index: usize, from: &str, to: Option<&str>) {
    let list = fields[index].split(',');
    let list = list.filter_map(|member| if member == from { to } else { Some(member) });
    fields[index] = list.collect::<Vec<_>>().join(",");
}
