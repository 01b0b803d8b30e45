//! Asking for a password.

use std::io::{self, BufRead, IsTerminal as _, Read, Write as _};
use std::os::fd::AsFd;

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use thiserror::Error;
use zeroize::Zeroizing;

/// What Ctrl-C sends when it is a character and not a signal.
const CTRL_C: u8 = 3;

/// More than the longest password and its line end: nothing makes this program read on and on.
const LONGEST_LINE: u64 = 65_535 + 3;

/// Why there is no password.
#[derive(Debug, Error)]
pub(super) enum InputError {
    #[error("cannot read the password: {0}")]
    Read(#[from] io::Error),
    #[error("interrupted; nothing was changed")]
    Interrupted,
    #[error("passwords do not match")]
    Mismatch,
    #[error("the password is not UTF-8")]
    Utf8,
}

/// The terminal at standard input without echo; as it was when dropped.
struct Quiet {
    before: Termios,
}

impl Quiet {
    /// Turns the echo off, and makes Ctrl-C end a line instead of the process: a process that ends at
    /// once leaves a terminal behind on which nobody sees what he types.
    fn new() -> io::Result<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(stdin.as_fd())?;
        let mut quiet = before.clone();
        quiet.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
        quiet.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        tcsetattr(stdin.as_fd(), OptionalActions::Flush, &quiet)?;
        Ok(Self { before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // There is nothing else that could be tried.
        let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Flush, &self.before);
    }
}

/// Whether somebody can be asked.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a password twice, or reads one line where nobody can be asked.
pub(super) fn password() -> Result<Zeroizing<String>, InputError> {
    if !is_there() {
        return line(&mut io::stdin().lock(), b'\n').and_then(|line| text(&line));
    }
    let quiet = Quiet::new()?;
    let first = ask("Password: ")?;
    let second = if first.is_empty() {
        // Refused whatever comes next.
        first.clone()
    } else {
        ask("Reenter password: ")?
    };
    drop(quiet);
    if *first == *second {
        Ok(first)
    } else {
        Err(InputError::Mismatch)
    }
}

/// Asks a question on the terminal whose answer is shown; whether it is yes.
pub(super) fn confirm(question: &str) -> Result<bool, InputError> {
    io::stderr().write_all(question.as_bytes())?;
    let answer = line(&mut io::stdin().lock(), b'\n').and_then(|line| text(&line))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn ask(question: &str) -> Result<Zeroizing<String>, InputError> {
    io::stderr().write_all(question.as_bytes())?;
    let mut answer = Zeroizing::new(Vec::with_capacity(256));
    let mut byte = [0];
    let mut stdin = io::stdin().lock().take(LONGEST_LINE);
    while stdin.read(&mut byte)? == 1 && byte[0] != b'\n' {
        if byte[0] == CTRL_C {
            let _ = io::stderr().write_all(b"\n");
            return Err(InputError::Interrupted);
        }
        answer.push(byte[0]);
    }
    let _ = io::stderr().write_all(b"\n");
    text(&answer)
}

fn line(input: &mut impl BufRead, end: u8) -> Result<Zeroizing<Vec<u8>>, InputError> {
    let mut line = Zeroizing::new(Vec::with_capacity(256));
    input.take(LONGEST_LINE).read_until(end, &mut line)?;
    Ok(line)
}

fn text(bytes: &[u8]) -> Result<Zeroizing<String>, InputError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let text = text.strip_suffix('\n').unwrap_or(text);
            let text = text.strip_suffix('\r').unwrap_or(text);
            Ok(Zeroizing::new(text.to_owned()))
        }
        Err(_invalid) => Err(InputError::Utf8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_at_its_end_and_is_bounded() {
        let read = |bytes: &[u8]| {
            line(&mut &bytes[..], b'\n')
                .and_then(|line| text(&line))
                .unwrap()
                .to_string()
        };
        assert_eq!(read(b"correct horse\r\nmore\n"), "correct horse");
        assert_eq!(read(b" blanks \n"), " blanks ");
        assert_eq!(read(b"no end"), "no end");
        assert_eq!(read(b""), "");
        assert_eq!(read(&vec![b'x'; 1_000_000]).len(), 65_538);
        assert!(matches!(
            line(&mut &b"\xff\n"[..], b'\n').and_then(|line| text(&line)),
            Err(InputError::Utf8)
        ));
    }
}
