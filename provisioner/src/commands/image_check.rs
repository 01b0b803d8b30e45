//! `provision image --check`: the same image twice, or where the two are different.

use anyhow::Context;
use serde_json::json;
use time::OffsetDateTime;

use super::card::WithBase;
use super::image::{Build, ImageArgs};
use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::fsio;
use crate::hint::Fault;
use crate::output::Output;
use crate::outputs::{self, Difference, differences};
use crate::recipe::Size;
use crate::site::Site;

/// Builds twice and compares. Nothing is kept, and the site stays as it is.
pub(super) fn run(
    args: &ImageArgs,
    wanted: &outputs::Plan,
    global: &Global,
    output: &Output,
) -> anyhow::Result<ExitStatus> {
    if !Site::exists(&global.site) {
        let text = format!("there is no site at {} to build for", global.site.display());
        return Err(Fault::input(text)
            .hint("make one with `provision init`, or name yours with --site")
            .into());
    }
    let (card, out) = (&args.card, args.out.as_path());
    let parts = card.parts(WithBase::Yes, global, output)?;
    let host = card.build.host(&parts.site)?;
    let files = parts.site.host_files(host, OffsetDateTime::now_utc())?;
    let build = Build {
        card,
        parts: &parts,
        plan: &parts.plan,
        host,
        files: &files,
        size: args.image_size(),
        limit: args.max_size.map(Size::bytes),
        out,
        wanted,
        staged: None,
    };
    let elsewhere = tempfile::Builder::new()
        .prefix(".check.")
        .tempdir_in(fsio::parent(out))
        .with_context(|| format!("creating a folder in {}", fsio::parent(out).display()))?;
    let one = build.make(out, &mut output.task())?;
    let other = build.make(
        &elsewhere.path().join(out.file_name().unwrap_or_default()),
        &mut output.task(),
    )?;
    let found = differences(&one, &other)?;
    tell(&found, &one, output)?;
    Ok(if found.is_empty() {
        ExitStatus::Success
    } else {
        ExitStatus::Findings
    })
}

fn tell(found: &[Difference], one: &outputs::Made, output: &Output) -> anyhow::Result<()> {
    let names: Vec<_> = one.files().map(|(name, _)| name).collect();
    if output.policy().json {
        let differences: Vec<_> = found
            .iter()
            .map(|f| json!({"file": f.name, "offset": f.offset, "path": f.path}))
            .collect();
        output.json(&json!({"version": 1, "files": names, "differences": differences}))?;
        return Ok(());
    }
    for Difference { name, offset, path } in found {
        let path = path
            .as_ref()
            .map_or_else(String::new, |path| format!(", {path}"));
        output.data(&format!("{name}: different from byte {offset} on{path}"))?;
    }
    if found.is_empty() {
        output.status(&format!(
            "Built {} twice with the same bytes",
            names.join(", ")
        ));
    }
    output.note("Nothing was written.");
    Ok(())
}
