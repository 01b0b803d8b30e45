//! `provision image`.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use ::image::base::debian::DebianBase;
use ::image::{ImageSize, Progress, Staged};
use clap::Args;
use serde_json::json;
use time::OffsetDateTime;

use super::card::{CardArgs, Parts, WithBase};
use super::{image_check, image_fleet, init, render};
use crate::bases::{Base, What};
use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::Fault;
use crate::output::{Output, bytes};
use crate::outputs::{
    self, BaseFacts, BuildReport, Facts, Made, Maker, Names, OutputArgs, OutputFacts, Published,
};
use crate::recipe::{Plan, Size, Sudo};
use crate::site::{Host, HostFiles, Renew};
use crate::{bake, fsio, ssh};

/// Bakes a card image. Where there is no site yet, it makes one.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision image --out pi.img\n  \
                        provision image --target armv7 --out pi2.img\n  \
                        provision image --shrink --free 100M --out small.img\n  \
                        provision image --compress xz --with all --out pi.img\n  \
                        provision image --fleet fleet.csv --out cards     an image for each row: name,address,people\n  \
                        provision image --base debian --update --dry-run --out pi.img     which packages are newer\n  \
                        provision image --recipe ./family.yaml --base ./raspios-lite.img.xz --out pi.img")]
pub struct ImageArgs {
    /// The image to write; an image that is there is replaced when the new one is complete. With --fleet the folder
    /// for all of them.
    #[arg(long, value_name = "FILE|DIR")]
    pub(super) out: PathBuf,
    /// Make an image for each card of a table (CSV) or a list (YAML): name, address, gateway, dns, people, san.
    #[arg(long, value_name = "FILE")]
    pub(super) fleet: Option<PathBuf>,
    /// The size of the card, as 7500M: an image that would be larger is refused. Units are binary, those of cards are not.
    #[arg(long, value_name = "SIZE")]
    pub(super) max_size: Option<Size>,
    /// Make the image exactly this large, as 4G: the root file system fills it.
    #[arg(long, value_name = "SIZE", conflicts_with = "shrink")]
    size: Option<Size>,
    /// Make the image as small as it can be with the free room that is asked for.
    #[arg(long)]
    shrink: bool,
    /// Say what would be written, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Build twice, the second time in another folder, compare, and keep neither; exit code 3 if they differ.
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) check: bool,
    #[command(flatten)]
    pub(super) outputs: OutputArgs,
    #[command(flatten)]
    pub(super) card: CardArgs,
}

impl ImageArgs {
    pub(super) fn image_size(&self) -> ImageSize {
        match self.size {
            Some(size) => ImageSize::Exactly(size.bytes()),
            None if self.shrink => ImageSize::Smallest,
            None => ImageSize::AsNeeded,
        }
    }
}

/// Runs the command.
pub fn run(args: &ImageArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    if let Some(file) = &args.fleet {
        return image_fleet::run(args, file, global, output);
    }
    check_out(&args.out)?;
    let (names, wanted) = (Names::of(&args.out)?, args.outputs.plan()?);
    wanted.check_places(&names, fsio::parent(&args.out))?;
    args.card.check_card()?;
    if args.dry_run {
        args.card.preview_lock(global, output)?;
        let status = render::preview(&args.card, global, output);
        let files = wanted.files(&names).join(", ");
        output.note(&format!("It would go into {files}."));
        return status;
    }
    if args.check {
        return image_check::run(args, &wanted, global, output);
    }
    let parts = args.card.parts(WithBase::Yes, global, output)?;
    let baked = match bake(args, &wanted, &parts, global, output) {
        Ok(baked) => baked,
        Err(error) => {
            undo(parts, output);
            return Err(error);
        }
    };
    if let Some(lock) = parts.lock() {
        lock.save(output)?;
    }
    // From here on there is an image, and the site it was made with stays whatever happens.
    let host = args.card.build.host(&parts.site)?;
    if output.policy().json {
        output.json(&json!({
            "version": 1,
            "image": args.out,
            "size": baked.report.report.size,
            "site": parts.site.root(),
            "host": host.name,
            "target": parts.plan.target.name(),
            "base": parts.base.as_ref().map(Base::json),
            "release": baked.release,
            "lock": parts.lock().map(|lock| json!({
                "file": lock.file.path(),
                "changes": lock.changes(),
            })),
            "written": baked.report.report.written,
            "outputs": baked.outputs(&args.out),
        }))?;
    } else {
        output.data(&args.out.display().to_string())?;
    }
    explain(args, &parts, host, &baked, output)?;
    Ok(ExitStatus::Success)
}

/// What was baked.
pub(super) struct Baked {
    /// The release's id.
    pub(super) release: String,
    pub(super) report: BuildReport,
    pub(super) files: Vec<OutputFacts>,
    /// The card's public SSH host key.
    pub(super) host_key: String,
}

impl Baked {
    /// The files that were written, for machines.
    pub(super) fn outputs(&self, out: &Path) -> Vec<serde_json::Value> {
        let output = |file: &OutputFacts| {
            let path = out.with_file_name(&file.name);
            json!({"path": path, "size": file.size, "sha256": file.sha256})
        };
        self.files.iter().map(output).collect()
    }
}

fn bake(
    args: &ImageArgs,
    wanted: &outputs::Plan,
    parts: &Parts,
    global: &Global,
    output: &Output,
) -> anyhow::Result<Baked> {
    let host = args.card.build.host(&parts.site)?;
    let now = OffsetDateTime::now_utc();
    let ready = parts
        .site
        .prepare(host, Renew::IfNeeded, &global.key_access(), now)?;
    let build = Build {
        card: &args.card,
        parts,
        plan: &parts.plan,
        host,
        files: &ready.files,
        size: args.image_size(),
        limit: args.max_size.map(Size::bytes),
        out: &args.out,
        wanted,
        staged: None,
    };
    let made = build.make(&args.out, &mut output.task())?;
    parts.site.keep(&ready)?;
    if let Some(issued) = &ready.issued {
        output.status(issued);
    }
    let (baked, published) = build.finish(made)?;
    tell_files(&published, output);
    Ok(baked)
}

/// One build of an image, for one host.
pub(super) struct Build<'a> {
    pub(super) card: &'a CardArgs,
    pub(super) parts: &'a Parts,
    /// How this one is built.
    pub(super) plan: &'a Plan,
    pub(super) host: &'a Host,
    pub(super) files: &'a HostFiles,
    pub(super) size: ImageSize,
    pub(super) limit: Option<u64>,
    /// Where the image will be.
    pub(super) out: &'a Path,
    pub(super) wanted: &'a outputs::Plan,
    /// What several images begin with, if that was made ready.
    pub(super) staged: Option<&'a Staged>,
}

impl Build<'_> {
    /// Makes the image, and what shall lie beside it, in the folder of `place`.
    pub(super) fn make(&self, place: &Path, progress: &mut dyn Progress) -> anyhow::Result<Made> {
        let parts = self.parts;
        let payload = parts.payload_by(self.plan, self.host, self.files)?;
        let base = self.base()?;
        let request = self.request(base, place)?;
        let image = bake::bake(&payload, &request, progress)?;
        let facts = Facts {
            recipe: self.card.build.recipe_name(),
            plan: self.plan,
            base: BaseFacts::new(base),
            host: &self.host.name,
            release: &payload.release,
            broker: &parts.broker,
            compiled: self.card.build.compiles(),
            timestamp: request.timestamp,
        };
        let maker = Maker {
            plan: self.wanted,
            facts: &facts,
            out: self.out,
            folder: fsio::parent(place),
        };
        outputs::make(image, &maker, progress)
    }

    /// Gives what was made its names.
    pub(super) fn finish(&self, made: Made) -> anyhow::Result<(Baked, Published)> {
        let report = made.report().clone();
        let published = made.publish(fsio::parent(self.out))?;
        let baked = Baked {
            release: report.broker.release.clone(),
            report,
            files: published.outputs.clone(),
            host_key: self.files.ssh_host_public_key.clone(),
        };
        Ok((baked, published))
    }

    /// Finds out whether everything fits the base, and makes nothing.
    pub(super) fn check(&self, progress: &mut dyn Progress) -> anyhow::Result<()> {
        let payload = self.parts.payload_by(self.plan, self.host, self.files)?;
        bake::check(&payload, &self.request(self.base()?, self.out)?, progress)
    }

    /// Makes ready what this image and others like it begin with, where that saves work.
    pub(super) fn stage(&self, progress: &mut dyn Progress) -> anyhow::Result<Option<Staged>> {
        let payload = self.parts.payload_by(self.plan, self.host, self.files)?;
        bake::stage(&payload, &self.request(self.base()?, self.out)?, progress)
    }

    fn base(&self) -> anyhow::Result<&Base> {
        let base = self.parts.base.as_ref();
        base.ok_or_else(|| Fault::new("there is no base image").into())
    }

    fn request<'a>(&'a self, base: &'a Base, place: &'a Path) -> anyhow::Result<bake::Request<'a>> {
        Ok(bake::Request {
            base: &base.image,
            out: place,
            plan: self.plan,
            broker: &self.parts.broker.facts,
            size: self.size,
            limit: self.limit,
            timestamp: bake::timestamp(self.files)?,
            staged: self.staged,
        })
    }
}

/// What lies beside the image now, and what doesn't any more.
fn tell_files(published: &Published, output: &Output) {
    for file in published.outputs.iter().skip(1) {
        output.status(&format!("Wrote {} ({})", file.name, bytes(file.size)));
    }
    tell_others(published, output);
}

/// What is of the image before, and what is of others.
pub(super) fn tell_others(published: &Published, output: &Output) {
    for name in &published.removed {
        output.status(&format!("Removed {name}, which was of the image before"));
    }
    for name in &published.foreign {
        output.warn(&format!(
            "{name} is not of this image; nothing was done to it"
        ));
    }
}

/// Takes back a site that was made for an image that then could not be.
pub(super) fn undo(parts: Parts, output: &Output) {
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
pub(super) fn check_out(out: &Path) -> anyhow::Result<()> {
    let folder = fsio::parent(out);
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
    let site = &parts.site;
    if let Some(told) = &parts.told {
        init::tell(site, told, output)?;
    }
    let fingerprint = ssh::fingerprint(&baked.host_key)?;
    let size = fs::metadata(&args.out).map_or_else(
        |_| String::new(),
        |meta| format!(" ({})", bytes(meta.len())),
    );
    let boards = boards(parts).map_or_else(String::new, |boards| format!("boots on {boards}. It "));
    let hostname = parts.plan.system.hostname.as_ref();
    let (out, name) = (args.out.display(), hostname.unwrap_or(&host.name));
    output.note(&format!(
        "The image {out}{size} {boards}holds keys and is readable by you alone; so does the site {}: keep both.\n\n\
         1. Flash it:    sudo provision flash {out}     (shows the cards, asks, reads everything back)\n\
         \u{20}                or  rpi-imager, \"Use custom\", no customization\n\
         2. Log in:      {}{name}.local     ({})\n\
         \u{20}                host key {fingerprint}\n\
         3. Connect:     {}",
        site.root().display(),
        login(parts),
        sudo(parts),
        site.example_client(&format!("{name}.local"), host.port),
    ));
    Ok(())
}

/// How to log in to a card: all but its name.
pub(super) fn login(parts: &Parts) -> String {
    let key = parts
        .site
        .minted_ssh_key()
        .map_or_else(String::new, |path| format!("-i {} ", path.display()));
    let port = match parts.plan.system.ssh.port {
        22 => String::new(),
        port => format!("-p {port} "),
    };
    format!("ssh {key}{port}{}@", parts.plan.login.name)
}

/// What who has logged in may do.
pub(super) fn sudo(parts: &Parts) -> &'static str {
    match parts.plan.login.sudo {
        Sudo::Passwordless => "may do everything with sudo, without a password",
        Sudo::Password => "may do everything with sudo, with its password",
        Sudo::None => "may not use sudo",
    }
}

/// The boards that the card boots on, where they are known.
pub(super) fn boards(parts: &Parts) -> Option<String> {
    let base = match parts.base.as_ref().map(|base| &base.what) {
        Some(What::Debian(suite)) => DebianBase::new(*suite, parts.plan.target.architecture()),
        _ => None,
    };
    let short = |name: &'static str| name.strip_prefix("Raspberry Pi ").unwrap_or(name);
    let base = base?;
    let names: Vec<_> = base
        .boards()
        .iter()
        .map(|board| short(board.name))
        .collect();
    Some(format!("Raspberry Pi {}", names.join(", ")))
}
