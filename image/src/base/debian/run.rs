//! Programs that run for a while: watched, logged, and stopped when the user wants an end.

use std::collections::VecDeque;
use std::io::{self, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::log;
use crate::Progress;
use crate::process::ProcessError;

/// How a program ended, and the last lines that it said.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) last: VecDeque<String>,
}

/// Runs `program` to its end. Everything that it writes to standard error goes to `log`.
pub(super) fn watched(
    program: &'static str,
    command: &mut Command,
    log: impl Write,
    progress: &mut dyn Progress,
) -> Result<Ended, ProcessError> {
    let failed = |source| ProcessError::Spawn {
        program: program.to_owned(),
        source,
    };
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let last = match child.stderr.take() {
        Some(stderr) => log::follow(BufReader::new(stderr), log, progress, || stop(&child)),
        None => Ok(VecDeque::new()),
    };
    let status = child.wait().map_err(failed)?;
    let last = last
        .map_err(|error| io::Error::new(error.kind(), format!("its log: {error}")))
        .map_err(failed)?;
    Ok(Ended { status, last })
}

/// A command whose both outputs are on standard error, in the order in which they come.
pub(super) fn merged(program: &std::path::Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "exec \"$@\" >&2", "sh"])
        .arg(program)
        .env("LC_ALL", "C");
    command
}

/// Asks a program to end, and what it runs. mmdebstrap removes its tree first, and waits for that.
/// Whoever has ended already needs no asking.
fn stop(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};

    let _ = kill_process_group(Pid::from_child(child), Signal::TERM);
}
