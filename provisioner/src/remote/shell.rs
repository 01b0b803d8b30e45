//! Running `host.sh` over there, as root.

use std::fmt;
use std::io::{Read, Write};

use anyhow::{Context, bail};
use ssh2::Channel;

use super::connection::Connection;
use super::facts::Facts;
use crate::hint::Fault;
use crate::prompt;
use crate::secret::Secret;

/// What runs over there; the first argument says which part of it.
const SCRIPT: &str = include_str!("host.sh");

/// Reads the script from standard input and evaluates it: `sudo` logs its arguments, and on a card that
/// would be the whole script each time. One line, since some login shells take no other. What comes
/// before the mark is the password, whether `sudo` takes it or not.
const LOADER: &str = "while IFS= read -r line; do [ \"$line\" != \"$1\" ] || break; done; \
                      script=$(head -c \"$2\"); shift 2; eval \"$script\"";

/// The line after which the script begins.
const MARK: &str = "provision begins";

/// How often a wrong password for `sudo` may be corrected.
const TRIES: u32 = 3;

/// What the script printed, and how it ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) status: i32,
}

impl Ran {
    /// Its standard output, or an error with its last words.
    pub(super) fn success(self, what: &str) -> anyhow::Result<String> {
        if self.status == 0 {
            return Ok(self.stdout);
        }
        bail!("{what} failed ({}): {}", self.status, self.reason())
    }

    /// The last line that says something.
    pub(super) fn reason(&self) -> String {
        crate::process::last_line(self.stderr.as_bytes())
    }
}

/// A connection whose user may become root.
pub struct Root<'a> {
    connection: &'a Connection,
    way: Way,
}

/// How the user becomes root.
enum Way {
    /// It is.
    AlreadyRoot,
    /// With `sudo`, which asks nothing.
    Sudo,
    /// With `sudo`, which asks for this.
    SudoWith(Secret),
}

impl fmt::Debug for Root<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({:?})", self.connection)
    }
}

impl<'a> Root<'a> {
    /// Finds out how to become root, and asks for a password if `sudo` wants one.
    ///
    /// # Errors
    ///
    /// There is no `sudo`, the user may not use it, or the password is wrong.
    pub fn of(connection: &'a Connection, facts: &Facts) -> anyhow::Result<Self> {
        let way = if facts.uid == 0 {
            Way::AlreadyRoot
        } else {
            sudo(connection, facts)?
        };
        Ok(Self { connection, way })
    }

    /// Runs the part `verb` of the script with `arguments` and `input`.
    pub(super) fn run(&self, verb: &str, arguments: &[&str], input: &[u8]) -> anyhow::Result<Ran> {
        let mut command = match self.way {
            Way::AlreadyRoot => String::new(),
            Way::Sudo => "env LC_ALL=C sudo -n ".to_owned(),
            Way::SudoWith(_) => "env LC_ALL=C sudo -S -p '' ".to_owned(),
        };
        command += &script_command(verb, arguments);
        let mut lines = zeroize::Zeroizing::new(Vec::new());
        if let Way::SudoWith(password) = &self.way {
            lines.extend_from_slice(password.expose().as_bytes());
            lines.push(b'\n');
        }
        lines.extend_from_slice(preamble().as_bytes());
        run(self.connection, &command, &[&lines, input])
    }
}

impl Connection {
    /// Runs the part `verb` of the script as the user who logged in.
    pub(super) fn run(&self, verb: &str) -> anyhow::Result<Ran> {
        run(self, &script_command(verb, &[]), &[preamble().as_bytes()])
    }
}

fn sudo(connection: &Connection, facts: &Facts) -> anyhow::Result<Way> {
    let user = &connection.destination.user;
    if !facts.has_sudo {
        let text = format!("{user} is not root, and there is no sudo");
        return Err(Fault::new(text)
            .hint("log in as root, or install sudo there")
            .into());
    }
    let asked = run(connection, "env LC_ALL=C sudo -n true", &[])?;
    if asked.status == 0 {
        return Ok(Way::Sudo);
    }
    if let Some(password) = &connection.password
        && try_password(connection, password)?.status == 0
    {
        return Ok(Way::SudoWith(Secret::new(password.expose().to_owned())));
    }
    let question = format!(
        "Password of {user} for sudo on {}",
        connection.destination.host
    );
    let otherwise = format!("let {user} use sudo without a password, or run this on a terminal");
    let mut last = String::new();
    for _ in 0..TRIES {
        let password = prompt::secret(&question, &otherwise)?;
        let tried = try_password(connection, &password)?;
        if tried.status == 0 {
            return Ok(Way::SudoWith(password));
        }
        last = tried.stderr;
        if last.contains("not in the sudoers") || last.contains("not allowed") {
            let text = format!("{user} may not use sudo; nothing was changed");
            return Err(Fault::new(text)
                .hint("log in as somebody who may, or as root")
                .into());
        }
    }
    let said = crate::process::last_line(last.as_bytes());
    let text = format!("sudo refuses the password of {user}; nothing was changed ({said})");
    Err(Fault::new(text).into())
}

/// Whether `sudo` takes the password, with nothing behind it that it could take for a second try.
fn try_password(connection: &Connection, password: &Secret) -> anyhow::Result<Ran> {
    let line = zeroize::Zeroizing::new(format!("{}\n", password.expose()));
    run(
        connection,
        "env LC_ALL=C sudo -k -S -p '' true",
        &[line.as_bytes()],
    )
}

fn script_command(verb: &str, arguments: &[&str]) -> String {
    let size = SCRIPT.len().to_string();
    let mut words = vec!["sh", "-c", LOADER, "provision", MARK, &size, verb];
    words.extend(arguments);
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// What the loader reads: the mark and the script.
fn preamble() -> String {
    format!("{MARK}\n{SCRIPT}")
}

/// One word for a shell, whatever is in it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn run(connection: &Connection, command: &str, input: &[&[u8]]) -> anyhow::Result<Ran> {
    let session = connection.session();
    let mut channel = session
        .channel_session()
        .context("opening an SSH channel")?;
    channel
        .exec(command)
        .context("starting a command over SSH")?;
    let written = send(&mut channel, input);
    let (mut stdout, mut stderr) = (String::new(), String::new());
    // What the script says is a few kilobytes: neither stream fills its window while the other is read.
    channel
        .read_to_string(&mut stdout)
        .and_then(|_| channel.stderr().read_to_string(&mut stderr))
        .map_err(|error| {
            Fault::new(format!(
                "the connection was lost, or the machine takes too long: {error}"
            ))
            .hint("it ends or takes back what it had begun; push again to see what it has")
        })?;
    channel.wait_close().context("ending an SSH channel")?;
    let status = channel
        .exit_status()
        .context("asking how a command ended")?;
    // A command that ended early took no more; why it did so is in what it said.
    if status == 0 {
        written.context("sending to the machine")?;
    }
    Ok(Ran {
        stdout,
        stderr,
        status,
    })
}

fn send(channel: &mut Channel, input: &[&[u8]]) -> anyhow::Result<()> {
    for part in input {
        channel.write_all(part)?;
    }
    channel.flush()?;
    channel.send_eof()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_quoted_word_is_one_word_for_a_shell() {
        for word in ["", "a b", "it's", "$(reboot)", "a\nb", r"\", "'"] {
            let output = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", quoted(word))])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
