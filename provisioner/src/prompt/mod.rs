//! Questions, asked only on a terminal.

mod terminal;

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use anyhow::Context;

use crate::hint::Fault;
use crate::secret::Secret;

/// Whether there is somebody to ask.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for a line; an empty answer takes `default`.
pub fn line(question: &str, default: &str) -> anyhow::Result<String> {
    let mut terminal = io::stderr().lock();
    write!(terminal, "{question} [{default}]: ")
        .and_then(|()| terminal.flush())
        .context("asking")?;
    let mut answer = String::new();
    let read = io::stdin()
        .lock()
        .read_line(&mut answer)
        .context("reading the answer")?;
    if read == 0 {
        return Err(Fault::input("the question was not answered").into());
    }
    let answer = answer.trim();
    Ok(if answer.is_empty() {
        default.to_owned()
    } else {
        answer.to_owned()
    })
}

/// Asks a question whose answer is no, unless it is yes.
pub fn confirm(question: &str) -> anyhow::Result<bool> {
    let answer = line(question, "y/N")?;
    Ok(["y", "yes"].contains(&answer.to_lowercase().as_str()))
}

/// Asks for a new password twice, without echo.
pub fn new_password(name: &str) -> anyhow::Result<Secret> {
    if !can_ask() {
        return Err(Fault::input("there is no terminal to ask for a password")
            .hint("use --password-stdin or --generate")
            .into());
    }
    let first = terminal::hidden(&format!("Password for {name}: "))?;
    let second = terminal::hidden("Again: ")?;
    if first.expose().is_empty() {
        return Err(Fault::input("an empty password is none; nothing was changed").into());
    }
    if first.expose() != second.expose() {
        return Err(Fault::input("the two passwords differ; nothing was changed").into());
    }
    Ok(first)
}

/// Asks twice, without echo, for the passphrase that the authority's key is put under. `otherwise` says
/// what to do where there is nobody to ask.
pub fn new_passphrase(otherwise: &str) -> anyhow::Result<Secret> {
    let first = secret("New passphrase of the authority's key", otherwise)?;
    let second = secret("Again", otherwise)?;
    if first.expose() != second.expose() {
        return Err(Fault::input("the two passphrases differ; nothing was changed").into());
    }
    Ok(first)
}

/// Asks for the passphrase of the key at `path`, without echo. `otherwise` says what to do where there
/// is nobody to ask.
pub fn passphrase(path: &Path, otherwise: &str) -> anyhow::Result<Secret> {
    secret(&format!("Passphrase of {}", path.display()), otherwise)
}

/// Asks for a secret that is known already, without echo. `otherwise` is as above.
pub fn secret(question: &str, otherwise: &str) -> anyhow::Result<Secret> {
    if !can_ask() {
        let text = format!("there is no terminal to ask at: {question}");
        return Err(Fault::input(text).hint(otherwise).into());
    }
    let answer = terminal::hidden(&format!("{question}: "))?;
    if answer.expose().is_empty() {
        return Err(Fault::input("the question was not answered").into());
    }
    Ok(answer)
}

/// Reads a password from the first line of standard input.
pub fn password_from_stdin() -> anyhow::Result<Secret> {
    let mut text = String::new();
    io::stdin()
        .lock()
        .read_line(&mut text)
        .context("reading the password from standard input")?;
    let end = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(end);
    Ok(Secret::new(text))
}
