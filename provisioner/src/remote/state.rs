//! What is on a machine, beside what is to be there.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Context;
use data_encoding::HEXLOWER;
use image::{Entry, Kind};
use sha2::{Digest, Sha256};

use super::shell::Root;
use crate::hint::Fault;
use crate::output::bytes;
use crate::payload::{CURRENT, Payload, known_path};

/// What a machine needs beside the size of what is sent: it is unpacked beside what is there, and what is
/// replaced is kept until the proof.
const MARGIN: u64 = 8 << 20;

/// What a machine has now.
#[derive(Debug, Default)]
pub struct State {
    /// The release that its `current` leads to.
    release: Option<String>,
    /// Whether the broker's service runs.
    active: bool,
    /// Whether the last push was never proved: it was interrupted.
    pending: bool,
    /// What earlier pushes have laid.
    laid: Vec<String>,
    /// Free bytes where releases lie.
    free: u64,
    /// Paths that should be links of ours and are somebody else's files.
    foreign: Vec<String>,
    /// Ports that another program holds: the port, its name, its process id.
    held: Vec<String>,
    found: BTreeMap<String, Found>,
}

/// An entry as the machine describes it.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    kind: String,
    mode: String,
    owner: String,
    /// A file's SHA-256, a link's target.
    content: String,
}

/// What a push does to a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path as people know it: in `/etc/mqtt-broker` rather than in a release.
    pub path: String,
    /// What happens.
    pub kind: ChangeKind,
    /// Where the new contents come from.
    pub origin: String,
    /// Whether the contents are secret.
    pub secret: bool,
}

/// What happens to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was not there.
    Added,
    /// It was otherwise.
    Changed,
    /// It is as it should be.
    Same,
    /// An earlier push has laid it, and it belongs there no more.
    Removed,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Same => "same",
            Self::Removed => "removed",
        })
    }
}

impl State {
    /// Asks a machine about the paths of `payload` and about `ports`.
    pub fn of(root: &Root<'_>, payload: &Payload, ports: &[u16]) -> anyhow::Result<Self> {
        let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
        let ports: Vec<_> = ports.iter().map(String::as_str).collect();
        let mut paths = String::new();
        for (path, _) in wanted(payload) {
            paths.push_str(&path);
            paths.push('\n');
        }
        let ran = root.run("inspect", &ports, paths.as_bytes())?;
        Self::parse(&ran.success("looking at the machine")?)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let (facts, paths) = text.split_once("paths\n").unwrap_or((text, ""));
        let mut state = Self::default();
        for (name, value) in facts.lines().filter_map(|line| line.split_once('=')) {
            match name {
                "current" => state.release = value.strip_prefix("releases/").map(str::to_owned),
                "pending" => state.pending = true,
                "laid" => state.laid.push(value.to_owned()),
                "active" => state.active = value == "active",
                "free" => {
                    let kib: u64 = value.parse().context("reading the machine's free space")?;
                    state.free = kib << 10;
                }
                "foreign" => state.foreign.push(value.to_owned()),
                "held" => state.held.push(value.to_owned()),
                _ => {}
            }
        }
        for line in paths.lines() {
            let mut fields = line.split('\t').map(str::to_owned);
            let mut next = || fields.next().context("reading the machine's files");
            let path = next()?;
            let found = Found {
                kind: next()?,
                mode: next()?,
                owner: next()?,
                content: next()?,
            };
            state.found.insert(path, found);
        }
        Ok(state)
    }

    /// The release that is current.
    pub fn release(&self) -> Option<&str> {
        self.release.as_deref()
    }

    /// Whether the broker's service runs.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Whether the last push was interrupted before it was proved.
    pub fn is_pending(&self) -> bool {
        self.pending
    }

    /// What putting `payload` there changes, in the order of the paths.
    pub fn changes(&self, payload: &Payload) -> Vec<Change> {
        let wanted = wanted(payload);
        let gone = self.laid.iter().filter(|path| !wanted.contains_key(*path));
        let gone = gone.map(|path| Change {
            path: path.clone(),
            kind: ChangeKind::Removed,
            origin: "an earlier push".to_owned(),
            secret: false,
        });
        let gone: Vec<_> = gone.collect();
        let kept = wanted.into_iter().map(|(path, entry)| {
            let kind = match self.found.get(&path) {
                None => ChangeKind::Added,
                Some(found) if found.is(entry) => ChangeKind::Same,
                Some(_) => ChangeKind::Changed,
            };
            Change {
                path,
                kind,
                origin: entry.origin.clone(),
                secret: entry.secret,
            }
        });
        kept.chain(gone).collect()
    }

    /// Refuses what a push must not do.
    ///
    /// # Errors
    ///
    /// Another program has one of the ports, somebody's own files are where ours belong, or there is too
    /// little room for `size` bytes.
    pub fn check(&self, size: u64) -> Result<(), Fault> {
        if let Some(held) = self.held.first() {
            let mut parts = held.split(' ');
            let (port, program, process) = (parts.next(), parts.next(), parts.next());
            let (port, program) = (port.unwrap_or_default(), program.unwrap_or_default());
            let process = process.unwrap_or_default();
            let text = format!(
                "port {port} is held by {program} (process {process}); nothing was changed"
            );
            return Err(Fault::new(text).hint(format!(
                "stop it there (sudo systemctl disable --now {program}), or give the host another port in site.yaml"
            )));
        }
        if let Some(path) = self.foreign.first() {
            let text =
                format!("{path} is there already and is not provision's; nothing was changed");
            return Err(Fault::new(text).hint(format!("move it away: sudo mv {path} {path}.old")));
        }
        // Once packed and once unpacked, since the archive is unpacked as it comes.
        let needed = size + MARGIN;
        if self.free < needed {
            let (needed, free) = (bytes(needed), bytes(self.free));
            let text =
                format!("the machine has {free} left, {needed} are needed; nothing was changed");
            return Err(Fault::new(text).hint("make room there (sudo apt-get clean, old logs)"));
        }
        Ok(())
    }
}

impl Found {
    fn is(&self, entry: &Entry) -> bool {
        match &entry.kind {
            Kind::File(contents) => {
                // Secrets are root's alone until tmpfiles.d has opened them to the service.
                let opened = entry.secret && self.mode == "640" && self.owner == "root:mqtt-broker";
                let mode = self.mode == format!("{:o}", entry.mode) && self.owner == "root:root";
                self.kind == "file"
                    && (mode || opened)
                    && self.content == HEXLOWER.encode(&Sha256::digest(contents))
            }
            Kind::Directory => self.kind == "folder" && self.mode == format!("{:o}", entry.mode),
            Kind::Symlink(target) => self.kind == "link" && self.content == *target,
            Kind::Absent => false,
        }
    }
}

/// The entries of a payload under the paths that people know, which lead into the current release.
fn wanted(payload: &Payload) -> BTreeMap<String, &Entry> {
    let mut wanted = BTreeMap::new();
    for (path, entry) in payload.files.iter() {
        if matches!(entry.kind, Kind::Absent | Kind::Directory) || path.as_str() == CURRENT {
            continue;
        }
        wanted.insert(known_path(path.as_str(), &payload.release), entry);
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_says_is_read() {
        let text = "current=releases/ab\nactive=active\nfree=1024\nheld=8883 mosquitto 77\nforeign=/etc/mqtt-broker\n\
                    paths\n/etc/a b\tfile\t640\troot:mqtt-broker\te3b0\n/etc/l\tlink\t-\t-\tx y\n";
        let state = State::parse(text).unwrap();
        assert_eq!(
            (state.release(), state.is_active(), state.free),
            (Some("ab"), true, 1 << 20)
        );
        assert_eq!(state.found["/etc/l"].content, "x y");
        insta::assert_snapshot!(state.check(0).unwrap_err(), @"port 8883 is held by mosquitto (process 77); nothing was changed");
    }

    #[test]
    fn too_little_room_is_refused_with_both_numbers() {
        let state = State::parse("free=4096\npaths\n").unwrap();
        insta::assert_snapshot!(state.check(4 << 20).unwrap_err(), @"the machine has 4.0 MiB left, 12.0 MiB are needed; nothing was changed");
        let roomy = State::parse("free=40960\npaths\n").unwrap();
        assert!(roomy.check(4 << 20).is_ok());
    }
}
