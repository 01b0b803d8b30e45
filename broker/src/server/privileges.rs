//! From root to a user with fewer rights, once everything is open that takes root.

use std::ffi::CString;
use std::path::Path;

use nix::unistd::{Uid, User, geteuid, initgroups, setgid, setuid};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::error::ServerError;
use super::files;
use super::socket_file::SocketFile;
use crate::config::{Config, LogDestination};
use crate::log::{LogType, Logger};

/// Who the broker becomes where the configuration does not say: its own user, or the one that a Mosquitto left.
const DEFAULTS: [&str; 2] = ["mqtt-broker", "mosquitto"];

/// Gives up root's rights for good, if the process has them.
///
/// The whole process changes, with all its threads. Sockets with a name become that user's, and log files. Files
/// that only root may read can't be read again at a reload: that is said now, not on the day when it fails.
pub(super) fn drop<'a>(
    config: &Config,
    sockets: impl Iterator<Item = &'a SocketFile>,
    log: &Logger,
) -> Result<(), ServerError> {
    let Some(user) = chosen(config)? else {
        if geteuid().is_root() && config.service.user.is_none() {
            let text = "Warning: the broker runs as root, since there is neither a user mqtt-broker nor one \
                        called mosquitto: name one with `user`, or say `user root`.";
            log.log(LogType::Warning, text);
        }
        return Ok(());
    };
    for destination in &config.log.destinations {
        if let LogDestination::File(path) = destination {
            hand_over(path, &user);
        }
    }
    for socket in sockets {
        if let Err(error) = socket.give_to(user.uid.as_raw(), user.gid.as_raw()) {
            let (path, name) = (socket.path().display(), &user.name);
            let text = format!("Warning: {path} cannot be given to user {name}: {error}");
            log.log(LogType::Warning, text);
        }
    }
    become_user(&user)?;
    log.log(
        LogType::Information,
        format_args!("Running as user {} now.", user.name),
    );
    for problem in problems(config, &user) {
        log.log(LogType::Warning, format_args!("Warning: {problem}."));
    }
    Ok(())
}

/// Becomes the user that the broker would become, if it would, and says what that user can't do. For a process that
/// ends soon.
pub(super) fn rehearse(config: &Config) -> Result<Vec<String>, ServerError> {
    let Some(user) = chosen(config)? else {
        return Ok(Vec::new());
    };
    become_user(&user)?;
    Ok(problems(config, &user))
}

/// What the process can't do now that it is the user.
fn problems(config: &Config, user: &User) -> Vec<String> {
    let name = &user.name;
    let mut problems: Vec<_> = files::unreadable(config)
        .into_iter()
        .map(|(path, error)| {
            let path = path.display();
            format!(
                "cannot be read again at a reload: {path}: {error}: user {name} lacks the right to"
            )
        })
        .collect();
    for destination in &config.log.destinations {
        let LogDestination::File(path) = destination else {
            continue;
        };
        match rustix::fs::access(path, rustix::fs::Access::WRITE_OK) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => problems.push(format!(
                "cannot be opened again at a reload: {}: {error}: user {name} lacks the right to",
                path.display()
            )),
        }
    }
    problems.extend(unwritable(config));
    problems
}

/// Says whether the user to become exists, before anything is opened.
pub(super) fn check(config: &Config) -> Result<(), ServerError> {
    chosen(config).map(|_| ())
}

/// The user to become; none if there is no need or nobody.
fn chosen(config: &Config) -> Result<Option<User>, ServerError> {
    match config.service.user.as_deref() {
        _ if !geteuid().is_root() => Ok(None),
        Some("root") => Ok(None),
        Some(name) => match lookup(name)? {
            Some(user) => Ok(Some(user)),
            None => Err(ServerError::NoSuchUser(name.to_owned())),
        },
        None => default(),
    }
}

fn lookup(name: &str) -> Result<Option<User>, ServerError> {
    User::from_name(name).map_err(system("look up the user to become"))
}

fn default() -> Result<Option<User>, ServerError> {
    for name in DEFAULTS {
        if let Some(user) = lookup(name)? {
            return Ok(Some(user));
        }
    }
    Ok(None)
}

fn system(what: &'static str) -> impl Fn(nix::Error) -> ServerError {
    move |errno| ServerError::System {
        what,
        source: errno.into(),
    }
}

fn become_user(user: &User) -> Result<(), ServerError> {
    let name = CString::new(user.name.as_str())
        .map_err(|_nul| system("name the user")(nix::Error::EINVAL))?;
    initgroups(&name, user.gid).map_err(system("give up root's groups"))?;
    setgid(user.gid).map_err(system("give up root's group"))?;
    setuid(user.uid).map_err(system("give up root's rights"))?;
    // A user called otherwise may still be number 0; and what was given up must not come back.
    if user.uid.is_root() || setuid(Uid::from_raw(0)).is_ok() {
        return Err(system("give up root's rights")(nix::Error::EPERM));
    }
    Ok(())
}

/// Makes a log file the user's that root has just created, so that a reload can open it again.
///
/// Whoever may write to its folder could have put a link in its place: only a plain file of root's with one name is
/// handed over, and never what a link points to. If it can't be, the reload says so.
fn hand_over(path: &Path, user: &User) {
    let flags =
        OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let Ok(file) = rustix::fs::open(path, flags, Mode::empty()) else {
        return;
    };
    let Ok(status) = rustix::fs::fstat(&file) else {
        return;
    };
    let plain = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
    if plain && status.st_nlink == 1 && status.st_uid == 0 {
        let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
        let _ = std::os::unix::fs::fchown(&file, Some(uid), Some(gid));
    }
}

/// Why the state can't be kept, if the new user may not write where it belongs.
fn unwritable(config: &Config) -> Option<String> {
    let persistence = &config.persistence;
    if !persistence.enabled {
        return None;
    }
    let folder = if persistence.location.as_os_str().is_empty() {
        Path::new(".")
    } else {
        &persistence.location
    };
    let error = rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).err()?;
    Some(format!(
        "the state can't be kept: this user may not write to {}: {error}",
        folder.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use nix::unistd::Gid;

    use super::*;

    #[test]
    fn only_plain_files_with_one_name_are_handed_over() {
        if !geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["log", "target", "hard"] {
            std::fs::File::create(path(name)).unwrap();
        }
        std::os::unix::fs::symlink(path("target"), path("link")).unwrap();
        std::fs::hard_link(path("hard"), path("other")).unwrap();
        let user = User {
            uid: Uid::from_raw(65_534),
            gid: Gid::from_raw(65_534),
            ..User::from_uid(Uid::from_raw(0)).unwrap().unwrap()
        };
        for name in ["log", "link", "hard", "missing"] {
            hand_over(&path(name), &user);
        }
        let owner = |name| path(name).metadata().unwrap().uid();
        assert_eq!(["log", "target", "hard"].map(owner), [65_534, 0, 0]);
    }
}
