//! Child processes: found, run to their end, and quoted by the last line they wrote to standard error.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

/// Where system tools live that aren't on an ordinary user's `PATH`.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Finds `program` on `PATH` or among the system's administration tools.
///
/// # Errors
///
/// [`ProcessError::Missing`], which names `package`, the Debian package that has it.
pub(crate) fn find(program: &'static str, package: &'static str) -> Result<PathBuf, ProcessError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| is_executable(candidate))
        .ok_or(ProcessError::Missing { program, package })
}

fn is_executable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file()
}

/// What a child process left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) program: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Finished {
    /// The error that says how it ended.
    pub(crate) fn failure(self) -> ProcessError {
        let last = |text: &str| {
            text.lines()
                .map(str::trim)
                .rfind(|line| !line.is_empty())
                .map(str::to_owned)
        };
        ProcessError::Failed {
            status: self.status.to_string(),
            last_line: last(&self.stderr)
                .or_else(|| last(&String::from_utf8_lossy(&self.stdout)))
                .unwrap_or_else(|| "it said nothing".to_owned()),
            program: self.program,
        }
    }
}

/// Runs `command` with `input` as its standard input and waits for it, whatever its status.
///
/// The locale is set to `C`, since what tools say is read. Arguments never appear in errors.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Result<Finished, ProcessError> {
    let program = Path::new(command.get_program())
        .file_name()
        .map_or_else(String::new, |name: &OsStr| {
            name.to_string_lossy().into_owned()
        });
    let spawn_error = |source| ProcessError::Spawn {
        program: program.clone(),
        source,
    };
    let mut child = command
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(spawn_error)?;
    let stdin = child.stdin.take();
    let (written, output) = thread::scope(|scope| {
        // Fed from beside, so that a child that writes much before it reads can't block.
        let feeder = scope.spawn(move || stdin.map_or(Ok(()), |mut pipe| pipe.write_all(input)));
        let output = child.wait_with_output();
        (feeder.join(), output)
    });
    let output = output.map_err(spawn_error)?;
    match written {
        // A child that ends without reading everything has a reason, which its status tells.
        Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
            return Err(spawn_error(error));
        }
        _ => {}
    }
    Ok(Finished {
        program,
        status: output.status,
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Why a tool could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It isn't installed.
    #[error("{program} is not installed")]
    Missing {
        /// Its name.
        program: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// It is installed but too old.
    #[error("{program} is version {actual}, and {wanted} or newer is needed")]
    TooOld {
        /// Its name.
        program: &'static str,
        /// What it says it is.
        actual: String,
        /// The oldest that will do.
        wanted: &'static str,
    },
    /// It could not be started, fed or waited for.
    #[error("cannot run {program}")]
    Spawn {
        /// Its name.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It ended with an error.
    #[error("{program} failed ({status}): {last_line}")]
    Failed {
        /// Its name.
        program: String,
        /// How it ended.
        status: String,
        /// The last line it wrote to standard error, or to standard output.
        last_line: String,
    },
}

impl ProcessError {
    /// Where e2fsprogs is new enough.
    pub(crate) const NEWER: &'static str =
        "install e2fsprogs of Debian 12, Ubuntu 23.10 or newer, or from Homebrew";

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { package, .. } => Some(format!(
                "install it: `apt-get install {package}` on Debian and Ubuntu"
            )),
            Self::TooOld { .. } => Some(Self::NEWER.to_owned()),
            Self::Spawn { .. } | Self::Failed { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_named_with_its_package() {
        let error = find("no-such-tool", "some-package").unwrap_err();
        assert_eq!(error.to_string(), "no-such-tool is not installed");
        assert!(
            error
                .hint()
                .unwrap()
                .contains("apt-get install some-package")
        );
    }

    #[test]
    fn a_failure_ends_with_the_last_line_and_shows_no_argument() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "echo first >&2; echo 'the reason' >&2; echo >&2; exit 3",
            "hunter2",
        ]);
        let error = run(&mut command, b"").unwrap().failure();
        assert_eq!(error.to_string(), "sh failed (exit status: 3): the reason");
    }

    #[test]
    fn input_that_nobody_reads_does_no_harm() {
        let finished = run(&mut Command::new("true"), &vec![0; 1 << 20]).unwrap();
        assert!(finished.status.success());
    }
}
