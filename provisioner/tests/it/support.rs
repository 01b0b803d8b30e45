//! Running programs and looking at what they did.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// An empty folder with a home of its own, in which commands run.
pub(crate) struct Sandbox {
    folder: TempDir,
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder }
    }

    /// A sandbox with a site of one person, `owner`.
    pub(crate) fn with_site() -> Self {
        let sandbox = Self::new();
        sandbox.provision(&["init", "--host", "broker"]).success();
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let mut file = fs::File::create(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Writes a line that nobody else can read.
    pub(crate) fn secret(&self, name: &str, text: &str) {
        self.write(name, &format!("{text}\n"));
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn provision(&self, args: &[&str]) -> Ended {
        self.provision_with(args, "")
    }

    pub(crate) fn provision_with(&self, args: &[&str], stdin: &str) -> Ended {
        self.run(
            Command::new(env!("CARGO_BIN_EXE_provision")).args(args),
            stdin,
        )
    }

    /// Runs a command here with nothing of this process' environment but `PATH`.
    pub(crate) fn run(&self, command: &mut Command, stdin: &str) -> Ended {
        self.prepare(command);
        self.run_as_is(command, stdin)
    }

    /// Gives a command this folder, this home, and no other environment.
    pub(crate) fn prepare(&self, command: &mut Command) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.current_dir(self.folder.path()).env_clear();
        command.env("PATH", path).env("HOME", self.path("home"));
        // No test looks at the real site.
        command.env(
            "PROVISION_INDEX_URL",
            "http://127.0.0.1:9/nothing-listens-here",
        );
    }

    pub(crate) fn run_as_is(&self, command: &mut Command, stdin: &str) -> Ended {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| {
            let program = command.get_program().to_string_lossy().into_owned();
            panic!("{program} can't be started ({error}); ci/setup installs it")
        });
        child
            .stdin
            .take()
            .unwrap()
            .write_all(stdin.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let folder = self.folder.path().to_string_lossy().into_owned();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&folder, "[HERE]");
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Everything below the folder but `home`, as path and mode, sorted: to see that nothing changed.
    pub(crate) fn listing(&self) -> Vec<String> {
        let mut lines = Vec::new();
        list(self.folder.path(), self.folder.path(), &mut lines);
        lines.sort();
        lines
    }
}

impl Ended {
    /// The whole outcome in one text, for snapshots.
    pub(crate) fn shown(&self) -> String {
        format!(
            "exit: {}\n--- stdout\n{}--- stderr\n{}",
            self.code, self.stdout, self.stderr
        )
    }

    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.shown());
        self
    }
}

/// Runs a script of the shell in the sandbox.
pub(crate) fn tool(sandbox: &Sandbox, script: &str) -> Ended {
    // The tools of file systems are not on an ordinary user's path.
    sandbox.run(
        Command::new("sh").args(["-euc", &format!("PATH=$PATH:/usr/sbin:/sbin; {script}")]),
        "",
    )
}

/// A port on which nothing listens at the moment.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn list(root: &Path, folder: &Path, lines: &mut Vec<String>) {
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        lines.push(format!("{:04o} {name}", meta.permissions().mode() & 0o7777));
        if meta.is_dir() {
            list(root, &path, lines);
        }
    }
}
