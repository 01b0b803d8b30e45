//! The name of a Unix socket in a folder: whose it is, who may connect, and that it goes when the listener does.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::process::{Gid, Uid};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;

/// Who may connect: to do so takes the right to write. As Mosquitto has it: its user, and that user's group.
const MODE: u32 = 0o770;

/// The name that a socket has in a folder; removed when this is dropped, if it is still that socket's.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

/// Binds a socket to `path` and listens. To be called within the runtime.
pub(super) fn listen(path: &Path, backlog: i32) -> io::Result<(UnixListener, SocketFile)> {
    let is_socket = path
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.file_type().is_socket());
    // One left from before has nobody behind it; one that answers is another broker's.
    if is_socket && UnixStream::connect(path).is_err() {
        std::fs::remove_file(path)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile::new(path)?;
    // Nobody can connect before it listens.
    socket.listen(backlog)?;
    let listener = UnixListener::from_std(OwnedFd::from(socket).into())?;
    Ok((listener, file))
}

impl SocketFile {
    /// The name that a socket was just bound to, from now on with its mode.
    fn new(path: &Path) -> io::Result<Self> {
        let (file, status) = held(path)?;
        let own = status.st_uid == geteuid().as_raw();
        if FileType::from_raw_mode(status.st_mode) != FileType::Socket || !own {
            let text = "somebody has put something else in the place of the new socket";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        // By the file itself: whoever owns the folder could put a link in the place of its name meanwhile.
        let held = format!("/proc/self/fd/{}", file.as_raw_fd());
        match std::fs::set_permissions(held, std::fs::Permissions::from_mode(MODE)) {
            // Without /proc it stays its owner's alone.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            outcome => outcome?,
        }
        Ok(Self {
            path: path.to_owned(),
            device: status.st_dev,
            inode: status.st_ino,
        })
    }

    /// Makes it another user's and group's.
    pub(super) fn give_to(&self, uid: u32, gid: u32) -> io::Result<()> {
        let (file, status) = held(&self.path)?;
        if (status.st_dev, status.st_ino) != (self.device, self.inode) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        rustix::fs::chownat(file, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?;
        Ok(())
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// What has this name, whatever it is, and its state.
fn held(path: &Path) -> io::Result<(OwnedFd, rustix::fs::Stat)> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty())?;
    let status = rustix::fs::fstat(&file)?;
    Ok((file, status))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let same = self
            .path
            .symlink_metadata()
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode));
        if same {
            // Where the folder is not this user's it stays, and the next start removes it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
