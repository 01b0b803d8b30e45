//! Reading from the terminal what must not be seen.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};

use anyhow::Context;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use crate::hint::{Fault, Interrupted};
use crate::secret::Secret;

/// What Ctrl-C sends when it is a character and not a signal.
const CTRL_C: u8 = 3;

/// The terminal of this process, as it was found when dropped.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    /// Turns the echo off, and makes Ctrl-C end a line instead of the process: a process that ends at
    /// once leaves a terminal behind on which nobody sees what he types.
    fn new() -> std::io::Result<Self> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
        quiet.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        tcsetattr(&terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }

    /// A line and what has ended it; nothing at the end of the input.
    fn line(&mut self) -> std::io::Result<(Zeroizing<Vec<u8>>, Option<u8>)> {
        let mut line = Zeroizing::new(Vec::with_capacity(256));
        let mut byte = [0];
        while self.terminal.read(&mut byte)? == 1 {
            if matches!(byte[0], b'\n' | CTRL_C) {
                return Ok((line, Some(byte[0])));
            }
            line.push(byte[0]);
        }
        Ok((line, None))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // There is nothing else that could be tried.
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}

/// Asks for a line that is not shown.
///
/// # Errors
///
/// [`Interrupted`] after Ctrl-C; if the input ends, or is not UTF-8.
pub(super) fn hidden(question: &str) -> anyhow::Result<Secret> {
    let mut quiet = Quiet::new().context("turning the terminal's echo off")?;
    let asked = quiet.terminal.write_all(question.as_bytes());
    asked.context("asking")?;
    let (line, end) = quiet.line().context("reading the answer")?;
    quiet.terminal.write_all(b"\n").context("ending the line")?;
    match end {
        Some(CTRL_C) => Err(Interrupted.into()),
        None if line.is_empty() => Err(Fault::input("the question was not answered").into()),
        _ => match std::str::from_utf8(&line) {
            Ok(text) => Ok(Secret::new(text.trim_end_matches('\r').to_owned())),
            Err(_) => Err(Fault::input("the answer is not UTF-8").into()),
        },
    }
}
