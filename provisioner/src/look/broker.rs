//! The broker on a card: what it is, and whether it is whole.

use anyhow::Context;
use image::ext4::FoundKind;
use image::inspect::Finding;
use image::{Card, Entry};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::payload::{self, CURRENT, ETC};
use crate::pki;
use crate::toolchain::{ElfFacts, Target};

/// Where releases lie.
const RELEASES: &str = "/usr/local/lib/mqtt-broker/releases";
const UNIT: &str = "/etc/systemd/system/multi-user.target.wants/mqtt-broker.service";
/// What only root, and at run time the broker, may read: as it is baked, and as a boot makes it.
const SECRETS: [&str; 3] = ["etc/passwd", "etc/acl", "etc/tls/server.key"];
const BAKED: u32 = 0o600;
const SETTLED: u32 = 0o640;
/// Directories of a release are no deeper; files are no more.
const DEEPEST: usize = 6;
const MOST: usize = 1000;

/// The broker's release that a card would start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broker {
    /// The release's id, which is a digest of what is in it.
    pub release: String,
    /// Whether what is in it still has this digest.
    pub intact: bool,
    /// Whether it starts at boot.
    pub enabled: bool,
    /// Where people look for its configuration.
    pub configuration: &'static str,
    /// How many accounts there are, that of `provision` itself left out.
    pub accounts: usize,
    /// The server's certificate.
    pub certificate: Option<Certificate>,
    /// All releases that are there.
    pub releases: Vec<String>,
}

/// The server's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// SHA-256 of its bytes.
    pub fingerprint: String,
    /// What it is good for.
    pub names: Vec<String>,
    /// The last moment it is valid, RFC 3339.
    pub not_after: String,
    /// Whether the card's own authority has issued it.
    pub issued_by_authority: bool,
    /// Whether the key beside it is its own.
    pub key_fits: bool,
}

/// Looks at the broker; `None` if there is none on the card. What is wrong goes to `findings`.
pub fn broker(
    card: &Card,
    now: OffsetDateTime,
    findings: &mut Vec<Finding>,
) -> anyhow::Result<Option<Broker>> {
    let Some(release) = release(card, findings)? else {
        return Ok(None);
    };
    let folder = format!("{RELEASES}/{release}");
    let files = Files::of(card, &folder, findings)?;
    let intact = files.has_id(&release);
    let mut wrong = |subject: &str, what: String| findings.push(Finding::new(subject, what));
    if !intact {
        wrong(
            &folder,
            "its contents are not those that its id was made from".to_owned(),
        );
    }
    check_program(card, &folder, &mut wrong)?;
    let certificate = certificate(&files, &folder, now, &mut wrong)?;
    let enabled = find(card, UNIT)?.is_some();
    if !enabled {
        wrong("mqtt-broker.service", "it is not enabled".to_owned());
    }
    let passwd = files.text("etc/passwd");
    let accounts = passwd.lines().filter(|line| !line.trim().is_empty());
    let own = format!("{}:", crate::site::probe::NAME);
    Ok(Some(Broker {
        accounts: accounts.filter(|line| !line.starts_with(&own)).count(),
        releases: card.list(RELEASES).map_err(failed)?.unwrap_or_default(),
        configuration: ETC,
        release,
        intact,
        enabled,
        certificate,
    }))
}

/// The release that is in use, if there is one that can be.
fn release(card: &Card, findings: &mut Vec<Finding>) -> anyhow::Result<Option<String>> {
    let Some(current) = find(card, CURRENT)? else {
        return Ok(None);
    };
    let mut wrong = |subject: &str, what: String| findings.push(Finding::new(subject, what));
    let FoundKind::Symlink(target) = current.kind else {
        let what = format!("it is {}, and should be a link to a release", current.kind);
        wrong(CURRENT, what);
        return Ok(None);
    };
    let release = target.trim_start_matches("releases/").to_owned();
    let folder = format!("{RELEASES}/{release}");
    if find(card, &folder)?.is_none() {
        wrong(CURRENT, format!("it leads to {folder}, which is not there"));
        return Ok(None);
    }
    for link in [ETC, "/usr/local/bin/mqtt-broker"] {
        if card.root().resolve(link).map_err(failed)?.is_none() {
            wrong(link, "it leads nowhere".to_owned());
        }
    }
    Ok(Some(release))
}

fn failed(error: impl Into<image::Error>) -> anyhow::Error {
    error.into().into()
}

fn find(card: &Card, path: &str) -> anyhow::Result<Option<image::ext4::Found>> {
    card.find(path).map_err(failed)
}

/// The entries of a release, with the modes that they were baked with.
struct Files {
    entries: Vec<(String, Entry)>,
}

impl Files {
    fn of(card: &Card, folder: &str, findings: &mut Vec<Finding>) -> anyhow::Result<Self> {
        let mut files = Self {
            entries: Vec::new(),
        };
        files.add(card, folder, "", 0, findings)?;
        // `etc` before `bin`: the order of the paths that people know, /etc/… and /usr/local/bin/….
        files
            .entries
            .sort_by_key(|(path, _)| (!path.starts_with("etc"), path.clone()));
        Ok(files)
    }

    fn add(
        &mut self,
        card: &Card,
        folder: &str,
        below: &str,
        depth: usize,
        findings: &mut Vec<Finding>,
    ) -> anyhow::Result<()> {
        let here = format!("{folder}{below}");
        for name in card.list(&here).map_err(failed)?.unwrap_or_default() {
            let path = format!("{here}/{name}");
            let inside = format!("{below}/{name}").trim_start_matches('/').to_owned();
            let Some(found) = find(card, &path)? else {
                continue;
            };
            if found.owner.uid != 0 {
                findings.push(Finding::new(&path, "it is not root's"));
            }
            let mut mode = found.mode;
            if SECRETS.contains(&inside.as_str()) {
                if mode == SETTLED {
                    mode = BAKED;
                }
                if mode != BAKED {
                    findings.push(Finding::new(
                        &path,
                        format!("it is secret, and its mode is {mode:04o}"),
                    ));
                }
            }
            let entry = match found.kind {
                FoundKind::File(_) => {
                    let bytes = card.read(&path).map_err(failed)?.unwrap_or_default();
                    Entry::file(bytes, mode, "card")
                }
                FoundKind::Symlink(target) => Entry::symlink(target, "card"),
                FoundKind::Directory => {
                    if depth < DEEPEST && self.entries.len() < MOST {
                        self.add(
                            card,
                            folder,
                            &format!("{below}/{name}"),
                            depth + 1,
                            findings,
                        )?;
                    }
                    Entry::directory(mode, "card")
                }
                FoundKind::Special => continue,
            };
            self.entries.push((inside, entry));
        }
        Ok(())
    }

    /// Whether this is the release of that id. Folders count in it only where an overlay names them, which
    /// can't be seen from here: both are tried.
    fn has_id(&self, id: &str) -> bool {
        let is_folder = |entry: &Entry| matches!(entry.kind, image::Kind::Directory);
        let files: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| !is_folder(entry))
            .cloned()
            .collect();
        let inner = |path: &str| path != "etc" && path != "bin";
        let with: Vec<_> = self
            .entries
            .iter()
            .filter(|(path, _)| inner(path))
            .cloned()
            .collect();
        payload::digest(&files) == id || payload::digest(&with) == id
    }

    fn text(&self, inside: &str) -> String {
        let found = self.entries.iter().find(|(path, _)| path == inside);
        match found.map(|(_, entry)| &entry.kind) {
            Some(image::Kind::File(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        }
    }
}

/// Whether the program runs on the card: made for its processor, with a C library that is new enough.
fn check_program(
    card: &Card,
    folder: &str,
    wrong: &mut impl FnMut(&str, String),
) -> anyhow::Result<()> {
    let path = format!("{folder}/bin/mqtt-broker");
    let Some(bytes) = card.read(&path).map_err(failed)? else {
        wrong(&path, "it is gone".to_owned());
        return Ok(());
    };
    let target = card
        .architecture()
        .map_err(failed)?
        .map(|architecture| match architecture {
            image::Architecture::Arm64 => Target::Aarch64,
            image::Architecture::Armhf => Target::Armv7,
            image::Architecture::Amd64 => Target::X86_64,
        });
    let Some(target) = target else {
        return Ok(());
    };
    let library = card.read(target.libc_path()).map_err(failed)?;
    let has = library.and_then(|library| ElfFacts::read(&library).ok()?.defines);
    if let Err(error) = ElfFacts::read(&bytes).and_then(|facts| facts.check(target, has)) {
        wrong(&path, error.to_string());
    }
    Ok(())
}

fn certificate(
    files: &Files,
    folder: &str,
    now: OffsetDateTime,
    wrong: &mut impl FnMut(&str, String),
) -> anyhow::Result<Option<Certificate>> {
    let path = format!("{folder}/etc/tls/server.crt");
    let (text, authority) = (
        files.text("etc/tls/server.crt"),
        files.text("etc/tls/ca.crt"),
    );
    let key = zeroize::Zeroizing::new(files.text("etc/tls/server.key"));
    let summary = match pki::summarize(&text) {
        Ok(summary) => summary,
        Err(error) => {
            wrong(&path, format!("it is no certificate: {error:#}"));
            return Ok(None);
        }
    };
    let issued_by_authority = pki::is_issued_by(&text, &authority).unwrap_or(false);
    let key_fits = pki::check_key_pair(&text, &key).is_ok();
    if !issued_by_authority {
        wrong(
            &path,
            "the card's own authority has not issued it".to_owned(),
        );
    }
    if !key_fits {
        wrong(&path, "the key beside it is another one's".to_owned());
    }
    if summary.not_after < now {
        wrong(&path, format!("it ended on {}", summary.not_after.date()));
    } else if summary.not_before > now {
        wrong(&path, format!("it begins on {}", summary.not_before.date()));
    }
    let not_after = summary
        .not_after
        .format(&Rfc3339)
        .context("writing a date")?;
    Ok(Some(Certificate {
        fingerprint: summary.fingerprint,
        names: summary.names.iter().map(ToString::to_string).collect(),
        not_after,
        issued_by_authority,
        key_fits,
    }))
}
