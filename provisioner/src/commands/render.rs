//! `provision render`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use image::{Entry, EntryPath, Kind};
use serde_json::json;
use time::OffsetDateTime;

use super::card::{CardArgs, WithBase};
use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::fsio::{self, Access};
use crate::hint::Fault;
use crate::output::{Output, bytes};
use crate::payload::{ETC, Payload};

/// Shows what would be baked: a list, one file, or all files in a folder.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision render\n  \
                        provision render --show /etc/mqtt-broker/broker.conf\n  provision render out/")]
pub struct RenderArgs {
    /// An empty or new folder to write the files into; secrets get mode 0600.
    dir: Option<PathBuf>,
    /// Print one file instead of the list.
    #[arg(long, value_name = "PATH", conflicts_with = "dir")]
    show: Option<String>,
    #[command(flatten)]
    card: CardArgs,
}

/// Runs the command.
pub fn run(args: &RenderArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let payload = payload(&args.card, global, output)?;
    match (&args.dir, &args.show) {
        (Some(dir), _) => {
            write(dir, &payload)?;
            output.data(&dir.display().to_string())?;
            output.status(&format!(
                "Wrote {} entries to {}",
                payload.files.len(),
                dir.display()
            ));
        }
        (None, Some(path)) => show(path, &payload, output)?,
        (None, None) => list(&payload, output)?,
    }
    Ok(ExitStatus::Success)
}

/// Lists what `image` would write.
pub(super) fn preview(
    card: &CardArgs,
    global: &Global,
    output: &Output,
) -> anyhow::Result<ExitStatus> {
    list(&payload(card, global, output)?, output)?;
    output.note("Nothing was written.");
    Ok(ExitStatus::Success)
}

fn payload(card: &CardArgs, global: &Global, output: &Output) -> anyhow::Result<Payload> {
    if !crate::site::Site::exists(&global.site) {
        let text = format!(
            "there is no site at {}, so there is nothing to show",
            global.site.display()
        );
        return Err(Fault::input(text)
            .hint("make one with `provision init`, or name yours with --site")
            .into());
    }
    let parts = card.parts(WithBase::No, global, output)?;
    let host = card.build.host(&parts.site)?;
    let files = parts.site.host_files(host, OffsetDateTime::now_utc())?;
    parts.payload(host, &files)
}

fn list(payload: &Payload, output: &Output) -> anyhow::Result<()> {
    if output.policy().json {
        let files: Vec<_> = payload
            .files
            .iter()
            .map(|(path, entry)| {
                json!({
                    "path": path.as_str(),
                    "kind": kind(entry),
                    "mode": format!("{:04o}", entry.mode),
                    "owner": format!("{}:{}", entry.owner.uid, entry.owner.gid),
                    "origin": entry.origin,
                    "secret": entry.secret,
                })
            })
            .collect();
        let units: Vec<_> = payload.units.iter().map(|unit| &unit.name).collect();
        let value = json!({ "version": 1, "release": payload.release, "login": payload.login.name, "units": units, "files": files });
        output.json(&value)?;
        return Ok(());
    }
    for (path, entry) in payload.files.iter() {
        let what = match &entry.kind {
            Kind::File(contents) => bytes(contents.len() as u64),
            Kind::Directory => "folder".to_owned(),
            Kind::Symlink(target) => format!("-> {target}"),
            Kind::Absent => "removed".to_owned(),
        };
        let secret = if entry.secret { ", secret" } else { "" };
        output.data(&format!(
            "{:04o} {}:{} {path}  ({what}; {}{secret})",
            entry.mode, entry.owner.uid, entry.owner.gid, entry.origin
        ))?;
    }
    for unit in &payload.units {
        output.data(&format!("unit {} wanted by {}", unit.name, unit.wanted_by))?;
    }
    output.data(&format!(
        "login {} with {} SSH keys",
        payload.login.name,
        payload.login.authorized_keys.len()
    ))?;
    Ok(())
}

const fn kind(entry: &Entry) -> &'static str {
    match entry.kind {
        Kind::File(_) => "file",
        Kind::Directory => "directory",
        Kind::Symlink(_) => "symlink",
        Kind::Absent => "absent",
    }
}

/// Prints one file, which may be named as people know it (`/etc/mqtt-broker/…`).
fn show(path: &str, payload: &Payload, output: &Output) -> anyhow::Result<()> {
    let own = path.strip_prefix(ETC).map(|below| {
        format!(
            "/usr/local/lib/mqtt-broker/releases/{}/etc{below}",
            payload.release
        )
    });
    let found = payload
        .files
        .get(path)
        .or_else(|| payload.files.get(own.as_deref()?));
    let Some(Entry {
        kind: Kind::File(contents),
        secret,
        ..
    }) = found
    else {
        return Err(Fault::input(format!("no file {path} would be written"))
            .hint("`provision render` lists them")
            .into());
    };
    if *secret {
        let fault = Fault::input(format!("{path} is secret and is not shown"));
        return Err(fault
            .hint("`provision render DIR` writes it, readable by you alone")
            .into());
    }
    let text = std::str::from_utf8(contents)
        .map_err(|error| Fault::input(format!("{path} is not text: {error}")))?;
    for (index, line) in text.lines().enumerate() {
        output.data(
            &if output.policy().verbosity > crate::output::Verbosity::Normal {
                format!("{:>4}  {line}", index + 1)
            } else {
                line.to_owned()
            },
        )?;
    }
    Ok(())
}

fn write(dir: &Path, payload: &Payload) -> anyhow::Result<()> {
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        let fault = Fault::input(format!(
            "{} is not empty; nothing was written",
            dir.display()
        ));
        return Err(fault.hint("name a new folder").into());
    }
    fsio::create_directory(dir, Access::Private)?;
    for (path, entry) in payload.files.iter() {
        write_entry(dir, path, entry)?;
    }
    for unit in &payload.units {
        let [own, systems] = unit.places();
        // What no overlay brings is in the base.
        let file = if payload.files.get(&own).is_some() {
            own
        } else {
            systems
        };
        let (path, link) = unit.link(&file)?;
        write_entry(dir, &path, &link)?;
    }
    Ok(())
}

fn write_entry(dir: &Path, path: &EntryPath, entry: &Entry) -> anyhow::Result<()> {
    let target = dir.join(&path.as_str()[1..]);
    fsio::create_directory(target.parent().unwrap_or(dir), Access::Public)?;
    let access = if entry.secret {
        Access::Private
    } else {
        Access::Public
    };
    match &entry.kind {
        Kind::File(contents) => {
            fsio::write_atomic(&target, contents, access)?;
            let mode = if entry.secret {
                entry.mode & 0o700
            } else {
                entry.mode
            };
            fs::set_permissions(&target, fs::Permissions::from_mode(mode))
                .with_context(|| format!("setting the mode of {}", target.display()))
        }
        Kind::Directory => fsio::create_directory(&target, access),
        Kind::Symlink(to) => {
            symlink(to, &target).with_context(|| format!("linking {}", target.display()))
        }
        Kind::Absent => Ok(()),
    }
}
