//! Opening files to write as root, where others own the folders.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path};

use rustix::fs::{FileType, Mode, OFlags, PROC_SUPER_MAGIC};
use rustix::io::Errno;

/// The most links on the way to a file: as many as the system itself follows.
const MOST_LINKS: usize = 40;

/// Opens a file to write at its end, and creates it with `mode` if there is none.
///
/// As root, links are followed only if they are root's own. Log and process id are often kept in a folder of the
/// user that the broker will become, who could otherwise have root write to any file by a link in that folder.
pub(crate) fn append(path: &Path, mode: u32) -> io::Result<File> {
    if rustix::process::geteuid().is_root() {
        return walk(path, Mode::from_raw_mode(mode)).map(File::from);
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(mode)
        .open(path)
}

/// Goes to a file step by step, so that nothing can be put in the way between a look and the step.
fn walk(path: &Path, mode: Mode) -> io::Result<OwnedFd> {
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC;
    let mut steps = Vec::new();
    let mut folder = begin(path, &mut steps)?;
    let mut links = 0;
    while let Some(step) = steps.pop() {
        if steps.is_empty() {
            let create = flags | OFlags::CREATE | OFlags::NOFOLLOW;
            match rustix::fs::openat(&folder, &step, create, mode) {
                Err(Errno::LOOP) => {}
                outcome => return Ok(outcome?),
            }
        }
        let here = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let next = rustix::fs::openat(&folder, &step, here, Mode::empty())?;
        let status = rustix::fs::fstat(&next)?;
        if FileType::from_raw_mode(status.st_mode) != FileType::Symlink {
            folder = next;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(Errno::LOOP.into());
        }
        if status.st_uid != 0 {
            return Err(foreign(&step, status.st_uid));
        }
        if rustix::fs::fstatfs(&folder)?.f_type == PROC_SUPER_MAGIC {
            // The system's own, as below /proc/self/fd: what they say is no path.
            let last = steps.is_empty();
            let flags = if last { flags } else { folder_flags() };
            folder = rustix::fs::openat(&folder, &step, flags, Mode::empty())?;
            if last {
                return Ok(folder);
            }
            continue;
        }
        let target = rustix::fs::readlinkat(&next, "", Vec::new())?;
        let target = OsString::from_vec(target.into_bytes());
        let target = Path::new(&target);
        let from = begin(target, &mut steps)?;
        if target.is_absolute() {
            folder = from;
        }
    }
    Err(Errno::ISDIR.into())
}

/// Adds the steps of a path, the first one last, and returns the folder that the first one is taken from.
fn begin(path: &Path, steps: &mut Vec<OsString>) -> io::Result<OwnedFd> {
    let parts = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    steps.extend(parts);
    let start = if path.is_absolute() { "/" } else { "." };
    Ok(rustix::fs::open(start, folder_flags(), Mode::empty())?)
}

fn folder_flags() -> OFlags {
    OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC
}

fn foreign(name: &OsString, owner: u32) -> io::Error {
    let text = format!(
        "{} is a link that belongs to user {owner}, and root follows only its own",
        name.to_string_lossy()
    );
    io::Error::new(io::ErrorKind::PermissionDenied, text)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::{MetadataExt as _, lchown, symlink};

    use super::*;

    fn write(path: &Path, text: &str) -> io::Result<()> {
        append(path, 0o600)?.write_all(text.as_bytes())
    }

    #[test]
    fn a_file_is_created_appended_to_and_reached_through_links() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("real")).unwrap();
        symlink("real", path("way")).unwrap();
        symlink(path("way/../way/log"), path("real/there")).unwrap();
        write(&path("./way/log"), "one\n").unwrap();
        write(&path("way/there"), "two\n").unwrap();
        assert_eq!(fs::read_to_string(path("real/log")).unwrap(), "one\ntwo\n");
        assert_eq!(path("real/log").metadata().unwrap().mode() & 0o777, 0o600);
        assert!(write(&path("nowhere/log"), "").is_err());
        assert!(write(&path("real"), "").is_err());
        assert!(write(&path("real/log/x"), "").is_err());
        symlink("round", path("round")).unwrap();
        assert!(write(&path("round"), "").is_err());
        write(Path::new("/dev/null"), "x").unwrap();
    }

    #[test]
    fn an_open_file_of_this_process_is_reached_by_its_number() {
        use std::os::fd::AsRawFd as _;
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("log")).unwrap();
        let link = folder.path().join("link");
        symlink(format!("/proc/self/fd/{}", file.as_raw_fd()), &link).unwrap();
        write(&link, "one\n").unwrap();
        let text = fs::read_to_string(folder.path().join("log")).unwrap();
        assert_eq!(text, "one\n");
    }

    #[test]
    fn root_follows_no_link_of_another_user() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("real")).unwrap();
        for (name, target) in [("last", "real/log"), ("way", "real")] {
            symlink(target, path(name)).unwrap();
            lchown(path(name), Some(65_534), Some(65_534)).unwrap();
        }
        for name in ["last", "way/log"] {
            let error = write(&path(name), "x").unwrap_err();
            assert!(
                error.to_string().contains("belongs to user 65534"),
                "{error}"
            );
        }
        assert!(!path("real/log").exists());
    }
}
