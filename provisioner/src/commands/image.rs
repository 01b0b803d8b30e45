//! `provision image`.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use ::image::Report;
use ::image::base::debian::DebianBase;
use clap::Args;
use serde_json::json;
use time::OffsetDateTime;

use super::card::{CardArgs, Parts, WithBase};
use super::{init, render};
use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::Fault;
use crate::output::{Output, bytes};
use crate::recipe::{BaseChoice, Plan, Size, Sudo};
use crate::site::{Host, Renew};
use crate::{bake, ssh};

/// Bakes a card image. Where there is no site yet, it makes one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision image --out pi.img\n  \
                        provision image --target armv7 --out pi2.img\n  \
                        provision image --recipe ./family.yaml --base ./raspios-lite.img.xz --out pi.img")]
pub struct ImageArgs {
    /// The image to write; an image that is there is replaced when the new one is complete.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The size of the card: an image that would be larger is refused.
    #[arg(long, value_name = "SIZE")]
    max_size: Option<Size>,
    /// Say what would be written, and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    card: CardArgs,
}

/// Runs the command.
pub fn run(args: &ImageArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    check_out(&args.out)?;
    args.card.check_card()?;
    if args.dry_run {
        return render::preview(&args.card, global, output);
    }
    let parts = args.card.parts(WithBase::Yes, global, output)?;
    let baked = match bake(args, &parts, global, output) {
        Ok(baked) => baked,
        Err(error) => {
            undo(parts, output);
            return Err(error);
        }
    };
    // From here on there is an image, and the site it was made with stays whatever happens.
    let host = args.card.build.host(&parts.site)?;
    if output.policy().json {
        output.json(&json!({
            "version": 1,
            "image": args.out,
            "size": baked.report.size,
            "site": parts.site.root(),
            "host": host.name,
            "target": parts.plan.target.name(),
            "release": baked.release,
            "written": baked.report.written,
        }))?;
    } else {
        output.data(&args.out.display().to_string())?;
    }
    explain(args, &parts, host, &baked, output)?;
    Ok(ExitStatus::Success)
}

/// What was baked.
struct Baked {
    /// The release's id.
    release: String,
    report: Report,
    /// The card's public SSH host key.
    host_key: String,
}

fn bake(
    args: &ImageArgs,
    parts: &Parts,
    global: &Global,
    output: &Output,
) -> anyhow::Result<Baked> {
    let host = args.card.build.host(&parts.site)?;
    let now = OffsetDateTime::now_utc();
    let ready = parts
        .site
        .prepare(host, Renew::IfNeeded, &global.key_access(), now)?;
    parts.site.keep(&ready)?;
    if let Some(issued) = &ready.issued {
        output.status(issued);
    }
    let payload = parts.payload(host, &ready.files)?;
    let base = parts.base.as_deref();
    let request = bake::Request {
        base: base.ok_or_else(|| Fault::new("there is no base image"))?,
        out: &args.out,
        plan: &parts.plan,
        broker: &parts.broker.facts,
        limit: args.max_size.map(Size::bytes),
        timestamp: bake::timestamp(&ready.files)?,
    };
    let report = bake::bake(&payload, &request, &mut output.task())?;
    Ok(Baked {
        release: payload.release,
        report,
        host_key: ready.files.ssh_host_public_key,
    })
}

/// Takes back a site that was made for an image that then could not be.
fn undo(parts: Parts, output: &Output) {
    if parts.told.is_none() {
        return;
    }
    let root = parts.site.root().to_owned();
    match parts.site.discard() {
        Ok(()) => output.status(&format!("Removed site {} again", root.display())),
        Err(error) => output.warn(&format!("{error:#}")),
    }
}

/// Only a regular file is replaced, and only in a folder that exists.
fn check_out(out: &Path) -> anyhow::Result<()> {
    let folder = out
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Fault::input(format!(
            "--out {}: there is no folder {}",
            out.display(),
            folder.display()
        ))
        .into());
    }
    let Ok(meta) = fs::symlink_metadata(out) else {
        return Ok(());
    };
    let kind = meta.file_type();
    if kind.is_block_device() {
        let text = format!(
            "--out {} is a device; this command writes image files only",
            out.display()
        );
        return Err(Fault::input(text)
            .hint("write --out pi.img, then flash it")
            .into());
    }
    if !kind.is_file() {
        return Err(Fault::input(format!(
            "--out {} exists and is no regular file",
            out.display()
        ))
        .into());
    }
    Ok(())
}

/// Says where things are, and how to flash, log in and connect.
fn explain(
    args: &ImageArgs,
    parts: &Parts,
    host: &Host,
    baked: &Baked,
    output: &Output,
) -> anyhow::Result<()> {
    let (site, login) = (&parts.site, &parts.plan.login);
    if let Some(told) = &parts.told {
        init::tell(site, told, output)?;
    }
    let key = site
        .minted_ssh_key()
        .map_or_else(String::new, |path| format!("-i {} ", path.display()));
    let fingerprint = ssh::fingerprint(&baked.host_key)?;
    let sudo = match login.sudo {
        Sudo::Passwordless => "may do everything with sudo, without a password",
        Sudo::None => "may not use sudo",
    };
    let size = fs::metadata(&args.out).map_or_else(
        |_| String::new(),
        |meta| format!(" ({})", bytes(meta.len())),
    );
    let boards = boards(&parts.plan);
    let (out, name) = (args.out.display(), &host.name);
    output.note(&format!(
        "The image {out}{size} {boards}holds keys and is readable by you alone; so does the site {}: keep both.\n\n\
         1. Flash it:    rpi-imager, \"Use custom\", no customization\n\
         \u{20}                or  sudo dd if={out} of=/dev/sdX bs=4M conv=fsync status=progress\n\
         2. Log in:      ssh {key}{}@{name}.local     ({sudo})\n\
         \u{20}                host key {fingerprint}\n\
         3. Connect:     {}",
        site.root().display(),
        login.name,
        site.example_client(&format!("{name}.local"), host.port),
    ));
    Ok(())
}

/// The beginning of a sentence on the boards that the card boots on, where they are known.
fn boards(plan: &Plan) -> String {
    let base = match plan.base {
        BaseChoice::Debian => DebianBase::new(plan.target.architecture()),
        BaseChoice::File(_) => None,
    };
    let Some(base) = base else {
        return String::new();
    };
    let short = |name: &'static str| name.strip_prefix("Raspberry Pi ").unwrap_or(name);
    let names: Vec<_> = base
        .boards()
        .iter()
        .map(|board| short(board.name))
        .collect();
    format!("boots on Raspberry Pi {}. It ", names.join(", "))
}
