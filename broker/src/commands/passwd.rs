//! `mqtt-broker passwd`: what `mosquitto_passwd` does.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use thiserror::Error;

use super::passwd_args::{Action, ArgumentError, Request, Source, USAGE, parse};
use super::replace::{FileError, Guarded};
use super::say;
use super::terminal::{self, InputError};
use crate::passwd::{
    Algorithm, HashingError, Password, PasswordError, PasswordFile, PasswordHash, UserNameError,
    check_user_name,
};

/// The exit codes of `mosquitto_passwd`.
const FAILED: u8 = 1;
const MISMATCH: u8 = 2;

/// Why nothing was changed.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Name(#[from] UserNameError),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Hash(#[from] HashingError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error("there is no file {0}; -c makes one")]
    NoFile(String),
    #[error("there is no user {user:?} in {file}")]
    NoUser { user: String, file: String },
    #[error("{0} was left as it is")]
    Declined(String),
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// Runs `mqtt-broker passwd` with what follows that on the command line.
pub fn run(arguments: &[OsString]) -> ExitCode {
    let done = match parse(arguments) {
        Ok(Some(request)) => perform(request),
        Ok(None) => io::stdout()
            .write_all(USAGE.as_bytes())
            .map_err(Failure::from),
        Err(error) => Err(error.into()),
    };
    let Err(failure) = done else {
        return ExitCode::SUCCESS;
    };
    say(format_args!("Error: {failure}."));
    if matches!(failure, Failure::Arguments(_)) {
        say("`mqtt-broker passwd --help` says how to call it.");
    }
    ExitCode::from(match failure {
        Failure::Input(InputError::Mismatch) => MISMATCH,
        _ => FAILED,
    })
}

fn perform(request: Request) -> Result<(), Failure> {
    let Request {
        file,
        action,
        algorithm,
    } = request;
    match action {
        Action::Set {
            user,
            create,
            source,
        } => {
            check_user_name(&user)?;
            // Before anybody is asked for a password.
            if !create {
                read(&Guarded::open(&file)?, &file)?;
            } else if file.as_os_str() != "-" {
                may_replace(&file)?;
            }
            let hash = PasswordHash::with(&password(source)?, algorithm)?;
            match (create, file.to_str()) {
                (true, Some("-")) => print(&user, hash),
                (true, _) => create_file(&file, &user, hash),
                (false, _) => set(&file, &user, hash),
            }
        }
        Action::Delete(user) => delete(&file, &user),
        Action::HashClearText => hash_clear_text(&file, algorithm),
    }
}

fn password(source: Source) -> Result<Password, Failure> {
    let text = match source {
        Source::Input => terminal::password()?,
        Source::Argument(text) => {
            say(
                "Warning: the password was on the command line, where every user of this machine can see it while \
                 this program runs, and the shell may keep it in its history.",
            );
            text
        }
    };
    Ok(Password::new(text.to_string())?)
}

/// Asks before users are lost; where nobody can be asked, says so at least.
fn may_replace(path: &Path) -> Result<(), Failure> {
    let users = match Guarded::open(path)?.read() {
        Ok(text) => PasswordFile::read(&text.unwrap_or_default())
            .0
            .names()
            .count(),
        // It is no password file. Whoever says -c may want that.
        Err(FileError::Utf8 { .. }) => 0,
        Err(error) => return Err(error.into()),
    };
    let users = match users {
        0 => return Ok(()),
        1 => "1 user".to_owned(),
        more => format!("{more} users"),
    };
    let path = path.display();
    if !terminal::is_there() {
        say(format_args!(
            "Warning: {path} was there, with {users}; -c replaces it."
        ));
        return Ok(());
    }
    let question = format!("{path} has {users}. Replace it? [y/N] ");
    if terminal::confirm(&question)? {
        Ok(())
    } else {
        Err(Failure::Declined(path.to_string()))
    }
}

fn print(user: &str, hash: PasswordHash) -> Result<(), Failure> {
    let mut file = PasswordFile::default();
    file.set(user, hash)?;
    Ok(write!(io::stdout(), "{file}")?)
}

fn create_file(path: &Path, user: &str, hash: PasswordHash) -> Result<(), Failure> {
    let mut file = PasswordFile::default();
    file.set(user, hash)?;
    write(&Guarded::open(path)?, path, &file)?;
    say(format_args!("Adding password for user {user}"));
    Ok(())
}

fn set(path: &Path, user: &str, hash: PasswordHash) -> Result<(), Failure> {
    let guarded = Guarded::open(path)?;
    let mut file = read(&guarded, path)?;
    let verb = if file.contains(user) {
        "Updating"
    } else {
        "Adding"
    };
    file.set(user, hash)?;
    write(&guarded, path, &file)?;
    say(format_args!("{verb} password for user {user}"));
    Ok(())
}

fn delete(path: &Path, user: &str) -> Result<(), Failure> {
    let guarded = Guarded::open(path)?;
    let mut file = read(&guarded, path)?;
    if !file.remove(user) {
        return Err(Failure::NoUser {
            user: user.to_owned(),
            file: path.display().to_string(),
        });
    }
    write(&guarded, path, &file)?;
    say(format_args!("Removed user {user}"));
    Ok(())
}

fn hash_clear_text(path: &Path, algorithm: Algorithm) -> Result<(), Failure> {
    let guarded = Guarded::open(path)?;
    let mut file = read(&guarded, path)?;
    let names = file.hash_clear_text(|password| PasswordHash::with(password, algorithm))?;
    let left = !PasswordFile::read(&file.to_string()).1.is_empty();
    if !names.is_empty() {
        write(&guarded, path, &file)?;
        say(format_args!("Hashed the passwords of {}", names.join(", ")));
    } else if left {
        complain(path, &file);
        say("Nothing was hashed.");
    } else {
        say("Nothing to hash: no password stands in clear text.");
    }
    if left {
        say(format_args!(
            "Warning: the lines with a warning were left as they are, in clear text if they were; `mqtt-broker passwd \
             {} NAME` sets a password.",
            path.display()
        ));
    }
    Ok(())
}

fn read(guarded: &Guarded, path: &Path) -> Result<PasswordFile, Failure> {
    let text = guarded.read()?;
    let text = text.ok_or_else(|| Failure::NoFile(path.display().to_string()))?;
    Ok(PasswordFile::read(&text).0)
}

fn write(guarded: &Guarded, path: &Path, file: &PasswordFile) -> Result<(), Failure> {
    guarded.replace(&file.to_string())?;
    if let Some(mode) = guarded.too_open() {
        say(format_args!(
            "Warning: {} had mode {mode:04o}, open to others; it has {:04o} now. A broker that runs as another \
             user must be in its group: chgrp mqtt-broker FILE (or mosquitto), chmod 0640 FILE.",
            path.display(),
            mode & 0o640,
        ));
    }
    complain(path, file);
    Ok(())
}

/// Says which lines were kept although the broker will not take them.
fn complain(path: &Path, file: &PasswordFile) {
    for error in PasswordFile::read(&file.to_string()).1 {
        say(format_args!(
            "Warning: {}:{}: {error}.",
            path.display(),
            error.line
        ));
    }
}
