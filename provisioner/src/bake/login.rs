//! The login user: its rows in the account files, and what it may do as root.

use anyhow::Context;
use image::accounts::{
    AccountError, AccountFile, AccountFiles, LoginName, NewUser, PasswordField, Settled,
};
use image::{Entry, Owner, Timestamp};

use super::base::Base;
use super::home::{self, Home};
use super::sudo::{self, Who};
use super::traces::{self, Renamed};
use crate::hint::Fault;
use crate::payload::LoginUser;
use crate::recipe::Sudo;

pub(super) const ORIGIN: &str = "login user";

/// The number of the first user of a Pi.
const ID: u32 = 1000;

/// Groups of the login user beside `sudo`; those that the base doesn't have are left out. Raspberry Pi OS'
/// placeholder is in these and in more, and keeps them.
const GROUPS: [&str; 10] = [
    "adm",
    "dialout",
    "cdrom",
    "audio",
    "users",
    "video",
    "plugdev",
    "input",
    "netdev",
    "systemd-journal",
];

/// By being in these a user may do everything, where Debian's or Raspberry Pi OS' own rules hold.
const POWERFUL: [&str; 3] = ["sudo", "admin", "wheel"];

/// Sees to it that `login` is the first user, with home and SSH keys; the placeholder of Raspberry Pi OS is
/// renamed to it, as the system's own wizard would.
pub(super) fn add(base: &mut Base<'_>, login: &LoginUser, since: Timestamp) -> anyhow::Result<()> {
    let mut accounts = read(base)?;
    let user = wanted(login, since)?;
    let before = accounts
        .user(ID)
        .map(|(name, home)| (name.to_owned(), home.to_owned()));
    let has_keys = match &before {
        Some((_, home)) => has_keys(base, home)?,
        None => false,
    };
    let settled = accounts
        .settle(&user, has_keys)
        .map_err(|error| explain(&error))?;
    let home = match settled {
        Settled::Added { .. } => Home::New,
        Settled::Renamed { home, .. } => Home::Moved { from: home },
        Settled::Kept { home, .. } => Home::Kept { at: home },
    };
    if login.sudo == Sudo::None {
        for group in POWERFUL {
            accounts.leave(group, &user.name);
        }
    }
    if login.sudo == Sudo::Password && !accounts.has_password(user.name.as_str()) {
        let text = format!("{} shall say a password to sudo, and has none", user.name);
        return Err(Fault::input(text)
            .hint("give `system.login` a password, or choose `sudo: passwordless` or `none`")
            .into());
    }
    if let Some(home) = accounts.remove_wizard() {
        base.remove(&home, ORIGIN)?;
    }
    write(base, &accounts)?;
    let before = before.map(|(name, _)| name);
    let who = Who {
        name: user.name.as_str(),
        before: before.as_deref(),
        id: ID,
    };
    sudo::agree(base, who, login.sudo)?;
    if let (Some(before), Home::Moved { from }) = (before.as_deref(), &home) {
        let user = Renamed {
            before,
            home: from,
            name: user.name.as_str(),
        };
        traces::follow(base, user)?;
    }
    let owner = Owner { uid: ID, gid: ID };
    home::lay_out(base, &user.home, &home, owner, &login.authorized_keys)
}

fn read(base: &Base<'_>) -> anyhow::Result<AccountFiles> {
    for file in [AccountFile::Passwd, AccountFile::Shadow, AccountFile::Group] {
        if !base.had(file.path())? {
            return Err(damaged(format!("the base has no {file}")));
        }
    }
    AccountFiles::parse(|file| base.text(file.path())).map_err(|error: anyhow::Error| {
        match error.downcast_ref::<AccountError>() {
            Some(error) => damaged(format!("in the base, {error}")),
            None => error,
        }
    })
}

fn damaged(text: String) -> anyhow::Error {
    let fault = Fault::input(text);
    fault
        .hint("take another copy of the base, this one is damaged")
        .into()
}

fn wanted(login: &LoginUser, since: Timestamp) -> anyhow::Result<NewUser> {
    let name = LoginName::new(&login.name)
        .map_err(|error| Fault::input(format!("system.login.name: {error}")))?;
    let sudo = (login.sudo != Sudo::None).then_some("sudo");
    Ok(NewUser {
        home: format!("/home/{name}"),
        name,
        id: ID,
        comment: String::new(),
        shell: "/bin/bash".to_owned(),
        password: login.password.clone().unwrap_or(PasswordField::Locked),
        groups: GROUPS.into_iter().chain(sudo).map(str::to_owned).collect(),
        since,
    })
}

/// Whether somebody can log in with a key.
fn has_keys(base: &Base<'_>, home: &str) -> anyhow::Result<bool> {
    for file in ["authorized_keys", "authorized_keys2"] {
        let text = base
            .card
            .read(&format!("{home}/.ssh/{file}"))
            .map_err(image::Error::from)?;
        let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
        if text
            .lines()
            .map(str::trim)
            .any(|line| !line.is_empty() && !line.starts_with('#'))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn explain(error: &AccountError) -> anyhow::Error {
    let holder = match error {
        AccountError::Real { holder, .. } => Some(holder.clone()),
        _ => None,
    };
    let fault = Fault::input(format!("the login user can't be added: {error}"));
    match holder {
        Some(holder) => fault.hint(format!(
            "say `system.login.name: {holder}` to keep that user, or use a base that nobody has set up"
        )),
        None => fault.hint("choose another `system.login.name`"),
    }
    .into()
}

fn write(base: &mut Base<'_>, accounts: &AccountFiles) -> anyhow::Result<()> {
    for (file, text) in accounts.render() {
        let found = base.find(file.path())?;
        let found = found.with_context(|| format!("looking for {file} in the base"))?;
        let entry = Entry::file(text, found.mode & 0o7777, ORIGIN).owned_by(found.owner);
        let entry = match file {
            AccountFile::Shadow | AccountFile::Gshadow => entry.secret(),
            _ => entry,
        };
        base.put(file.path(), entry)?;
    }
    Ok(())
}
