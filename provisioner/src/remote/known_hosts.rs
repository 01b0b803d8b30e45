//! Whether a machine is the one that it was: OpenSSH's `known_hosts`, the user's and the site's.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ssh2::{CheckResult, KnownHostFileKind, Session};

use super::destination::Destination;

/// What is known of a machine's host key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// This key was seen before.
    Same,
    /// Another key was seen before.
    Changed,
    /// None was.
    Never,
}

/// The files that say which machine has which key.
#[derive(Debug, Clone)]
pub(super) struct KnownHosts {
    /// Read in this order; all of them count.
    files: Vec<PathBuf>,
}

impl KnownHosts {
    /// The site's file, and those of the person who runs the program.
    pub(super) fn of(site: &Path) -> Self {
        let mut files = vec![own_file(site), PathBuf::from("/etc/ssh/ssh_known_hosts")];
        if let Some(home) = std::env::var_os("HOME") {
            files.push(Path::new(&home).join(".ssh/known_hosts"));
        }
        Self { files }
    }

    /// Looks for the key that the machine has shown.
    pub(super) fn check(
        &self,
        session: &Session,
        destination: &Destination,
        key: &[u8],
    ) -> anyhow::Result<Known> {
        let host = destination.host.to_string();
        let mut verdict = Known::Never;
        for file in &self.files {
            let mut known = session.known_hosts().context("reading known hosts")?;
            for line in lines(file)? {
                // A line that libssh2 does not understand (`@cert-authority`) says nothing to it.
                let _ = known.read_str(&line, KnownHostFileKind::OpenSSH);
            }
            match known.check_port(&host, destination.port, key) {
                CheckResult::Match => return Ok(Known::Same),
                CheckResult::Mismatch => verdict = Known::Changed,
                CheckResult::NotFound | CheckResult::Failure => {}
            }
        }
        Ok(verdict)
    }

    /// The kinds of key that are known for the machine, so that it is asked for one of those: a
    /// machine has several keys, and one that was never seen proves nothing.
    pub(super) fn kinds(
        &self,
        session: &Session,
        destination: &Destination,
    ) -> anyhow::Result<Vec<String>> {
        let host = destination.host.to_string();
        let mut kinds = Vec::new();
        for file in &self.files {
            for line in lines(file)? {
                let mut alone = session.known_hosts().context("reading known hosts")?;
                let read = alone.read_str(&line, KnownHostFileKind::OpenSSH).is_ok();
                // Names may be hashed: libssh2 can tell, and no key is like this one.
                let named = read
                    && matches!(
                        alone.check_port(&host, destination.port, b"-"),
                        CheckResult::Mismatch
                    );
                if let (true, Some(entry)) = (named, parse(&line)) {
                    kinds.push(entry.public_key().algorithm().to_string());
                }
            }
        }
        kinds.dedup();
        Ok(kinds)
    }
}

/// Adds a machine's key to the site's file.
pub(super) fn remember(
    site: &Path,
    destination: &Destination,
    public_key: &str,
) -> anyhow::Result<()> {
    let file = own_file(site);
    let mut text = crate::fsio::read_optional(&file)?.unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.extend([&pattern(destination), " ", public_key, "\n"]);
    crate::fsio::write_atomic(&file, text.as_bytes(), crate::fsio::Access::Public)
}

/// A key as OpenSSH writes it: its kind and its bytes in Base64.
pub(super) fn public_key(key: &[u8]) -> anyhow::Result<String> {
    let key = ssh_key::PublicKey::from_bytes(key).context("reading the machine's host key")?;
    let text = key.to_openssh().context("writing the machine's host key")?;
    Ok(text.trim_end().to_owned())
}

/// The site's own file.
fn own_file(site: &Path) -> PathBuf {
    site.join("ssh/known_hosts")
}

/// How OpenSSH names a machine: the port is only said if it is not SSH's own.
pub(super) fn pattern(destination: &Destination) -> String {
    match destination.port {
        Destination::SSH_PORT => destination.host.to_string(),
        port => format!("[{}]:{port}", destination.host),
    }
}

fn lines(file: &Path) -> anyhow::Result<Vec<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("reading {}", file.display())),
    }
}

fn parse(line: &str) -> Option<ssh_key::known_hosts::Entry> {
    let line = line.trim();
    (!line.is_empty() && !line.starts_with('#')).then(|| line.parse().ok())?
}
