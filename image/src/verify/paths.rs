//! One path beside what the report says of it.

use std::io;

use sha2::{Digest, Sha256};

use super::check::{Checked, Status};
use super::settled::Settled;
use crate::card::{Card, CardError};
use crate::ext4::{Found, FoundKind};
use crate::hex;
use crate::pieces::sha256_of;
use crate::report::{Content, Report, Written};

/// The marker by which systemd notes that `/usr` was taken in; each boot makes it anew.
const UPDATED: &str = "/etc/.updated";
/// What the first boot of Raspberry Pi OS takes from the kernel's command line.
const ONCE: [&str; 2] = ["resize", "init=/usr/lib/raspberrypi-sys-mods/firstboot"];
const BOOT_FILES: [&str; 2] = ["/etc/fstab", "/boot/firmware/cmdline.txt"];
const ACCOUNTS: [&str; 4] = ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"];
/// What stands in a report instead of a digest.
const SECRET: &str = "secret";

/// What is needed to judge a path.
#[derive(Debug)]
pub(super) struct PathCheck<'a> {
    pub(super) card: &'a Card,
    pub(super) report: &'a Report,
    pub(super) settled: &'a Settled,
    pub(super) is_used: bool,
}

impl PathCheck<'_> {
    pub(super) fn check(&self, written: &Written) -> Result<Checked, CardError> {
        let path = written.path.as_str();
        let Some(found) = self.card.find(path)? else {
            return Ok(match written.content {
                Content::Absent => Checked::same(path),
                _ => Checked::new(path, Status::Differs, "it is gone"),
            });
        };
        let mut wrong = Vec::new();
        let mut expected = Vec::new();
        match (&written.content, &found.kind) {
            (Content::Absent, _) if self.is_used && path == UPDATED => {
                expected.push("systemd makes it at each boot".to_owned());
            }
            (Content::Absent, kind) => wrong.push(format!("there is {kind}, and nothing was left")),
            (Content::File { size, sha256 }, FoundKind::File(now)) => {
                match self.contents(path, *size, sha256, *now)? {
                    Contents::Same => {}
                    Contents::Expected(why) => expected.push(why),
                    Contents::Other(why) => wrong.push(why),
                }
            }
            (Content::Directory, FoundKind::Directory) => {}
            (Content::Symlink { target }, FoundKind::Symlink(now)) if target == now => {}
            (Content::Symlink { target }, FoundKind::Symlink(now)) => {
                wrong.push(format!("it leads to {now}, and led to {target}"));
            }
            (content, kind) => wrong.push(format!("it is {kind}, and was {}", name(content))),
        }
        match self.rights(written, &found) {
            Rights::Same => {}
            Rights::Expected(why) => expected.push(why),
            Rights::Other(why) => wrong.push(why),
        }
        Ok(if !wrong.is_empty() {
            Checked::new(path, Status::Differs, wrong.join("; "))
        } else if !expected.is_empty() {
            Checked::new(path, Status::Expected, expected.join("; "))
        } else {
            Checked::same(path)
        })
    }

    fn contents(
        &self,
        path: &str,
        size: Option<u64>,
        sha256: &str,
        now: u64,
    ) -> Result<Contents, CardError> {
        let is_secret = sha256 == SECRET;
        // A report of an older version has the size of a secret too.
        let same_size = size.is_none_or(|size| size == now);
        if same_size && (is_secret || digest(self.card, path.as_bytes())? == sha256) {
            return Ok(Contents::Same);
        }
        let explained = if self.is_used {
            self.explained(path, size, sha256)?
        } else {
            None
        };
        Ok(match explained {
            Some(why) => Contents::Expected(why),
            None => match size.filter(|size| *size != now) {
                Some(size) => Contents::Other(format!("it has {now} bytes, and had {size}")),
                None => Contents::Other("its contents are others".to_owned()),
            },
        })
    }

    /// Why a boot would have made these contents of what was written, if it would: what it does is undone,
    /// and the result compared.
    fn explained(
        &self,
        path: &str,
        size: Option<u64>,
        sha256: &str,
    ) -> Result<Option<String>, CardError> {
        if !BOOT_FILES.contains(&path) && !ACCOUNTS.contains(&path) {
            return Ok(None);
        }
        let Some(text) = self.card.read(path)? else {
            return Ok(None);
        };
        let Ok(text) = String::from_utf8(text) else {
            return Ok(None);
        };
        let was = |candidate: &str| {
            size.is_none_or(|size| candidate.len() as u64 == size)
                && (sha256 == SECRET || hex(&Sha256::digest(candidate.as_bytes())) == sha256)
        };
        if BOOT_FILES.contains(&path) {
            let now = format!("PARTUUID={:08x}-", self.card.mbr().disk_id());
            let then = format!("PARTUUID={}-", self.report.disk_id);
            let text = text.replace(&now, &then);
            let mut candidates = vec![text.clone()];
            for word in ONCE {
                let line = text.trim_end_matches('\n');
                candidates.extend([format!("{line} {word}\n"), format!("{line} {word}")]);
                candidates.push(format!("{line} quiet {word}\n"));
            }
            let why = "the first boot gives the disk another id, and takes its own words out";
            return Ok(candidates
                .iter()
                .any(|text| was(text))
                .then(|| why.to_owned()));
        }
        let mut rest = text.as_str();
        let mut added = Vec::new();
        while let Some((before, last)) = last_line(rest) {
            let name = last.split(':').next().unwrap_or_default();
            if !self.settled.makes(name) {
                break;
            }
            added.push(name);
            rest = before;
            if was(rest) {
                let why = format!("systemd-sysusers has added {}", added.join(", "));
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    fn rights(&self, written: &Written, found: &Found) -> Rights {
        let mode = format!("{:04o}", found.mode);
        let owner = format!("{}:{}", found.owner.uid, found.owner.gid);
        let wrong = |wanted: &Option<String>, is: &String, what: &str| {
            let wanted = wanted.as_ref().filter(|wanted| *wanted != is)?;
            Some(format!("its {what} is {is}, and was {wanted}"))
        };
        let wrong: Vec<_> = [
            wrong(&written.mode, &mode, "mode"),
            wrong(&written.owner, &owner, "owner"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if wrong.is_empty() {
            Rights::Same
        } else if self.settled.adjusts(&written.path, found) {
            Rights::Expected(format!("systemd-tmpfiles has made it {mode} {owner}"))
        } else {
            Rights::Other(wrong.join("; "))
        }
    }
}

enum Contents {
    Same,
    Expected(String),
    Other(String),
}

enum Rights {
    Same,
    Expected(String),
    Other(String),
}

fn name(content: &Content) -> &'static str {
    match content {
        Content::File { .. } => "a file",
        Content::Directory => "a directory",
        Content::Symlink { .. } => "a link",
        Content::Absent => "nothing",
    }
}

/// A text without its last line, and that line without its end.
fn last_line(text: &str) -> Option<(&str, &str)> {
    let body = text.strip_suffix('\n')?;
    let at = body.rfind('\n')?;
    Some((&text[..=at], &body[at + 1..]))
}

/// The sha256 of the file at `path`, in hexadecimal digits; that of nothing if it is no file.
pub(super) fn digest(card: &Card, path: &[u8]) -> Result<String, CardError> {
    let shown = String::from_utf8_lossy(path).into_owned();
    let is_file = card
        .find(&shown)?
        .is_some_and(|found| matches!(found.kind, FoundKind::File(_)));
    let digest = if is_file {
        sha256_of(&mut card.reader(path)?, |_| Ok(()))
    } else {
        sha256_of(&mut io::empty(), |_| Ok(()))
    };
    digest.map_err(|source| CardError::Path {
        image: card.path().to_owned(),
        path: shown,
        source,
    })
}
