//! Starting and asking other people's programs.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// Writes a file of a test, which nobody else reads meanwhile.
pub(crate) fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    let path = path.as_ref();
    let mut file = File::create(path).unwrap();
    // A key that others may read would be warned of.
    if path.extension().is_some_and(|extension| extension == "key") {
        file.set_permissions(Permissions::from_mode(0o600)).unwrap();
    }
    file.write_all(bytes.as_ref()).unwrap();
}

/// A port on the loopback address that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A command for `program`, or a panic that says how to get it.
///
/// Daemons lie in `/usr/sbin`, which is not on everybody's path.
pub(crate) fn program(program: &str) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|path| path.is_file());
    let missing = format!("{program} is not installed: run ci/setup");
    Command::new(found.expect(&missing))
}

/// Runs `name` to its end.
pub(crate) fn run<S: AsRef<OsStr>>(name: &str, arguments: &[S]) -> Output {
    program(name)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// A real Mosquitto, ended when it is dropped.
pub(crate) struct Mosquitto {
    child: Child,
    pub(crate) port: u16,
}

impl Mosquitto {
    /// Starts one with a configuration file in `folder`; if it does not take the file, what it says.
    ///
    /// `@PORT@` in the text is replaced by a free port.
    pub(crate) fn start(folder: &Path, config: &str) -> Result<Self, String> {
        let port = free_port();
        // Started as root it would become a user who can't read the test's folder.
        let config = format!(
            "user root\nlog_dest stderr\n{}",
            config.replace("@PORT@", &port.to_string())
        );
        let path = folder.join("mosquitto.conf");
        write(&path, config);
        let mut child = program("mosquitto")
            .arg("-c")
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            if line.ends_with(" running") {
                return Ok(Self { child, port });
            }
            said.push_str(&line);
            said.push('\n');
        }
        child.wait().unwrap();
        Err(said)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
