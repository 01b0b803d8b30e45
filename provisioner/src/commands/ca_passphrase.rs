//! `provision ca-passphrase`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::output::Output;
use crate::prompt;
use crate::site::{KeyAccess, Site};

/// Puts the authority's key under a passphrase, changes it, or takes it off.
///
/// Whoever has the key of the authority can make certificates that all phones trust.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision ca-passphrase\n  provision ca-passphrase --remove")]
pub struct CaPassphraseArgs {
    /// Take the passphrase off.
    #[arg(long)]
    remove: bool,
    /// A file whose first line is the new passphrase [default: asks twice].
    #[arg(long, value_name = "FILE", conflicts_with = "remove")]
    new_passphrase_file: Option<PathBuf>,
}

/// Runs the command.
pub fn run(
    args: &CaPassphraseArgs,
    global: &Global,
    output: &Output,
) -> anyhow::Result<ExitStatus> {
    let site = Site::open(&global.site)?;
    let path = site.authority_key_path();
    if args.remove && !site.authority_is_locked()? {
        output.status(&format!("{} has no passphrase", path.display()));
        return Ok(ExitStatus::Success);
    }
    // Who mistypes the old one need not make up a new one first.
    let plain = site.authority_key(&global.key_access())?;
    if args.remove {
        site.set_authority_passphrase(&plain, None)?;
        output.status(&format!("Removed the passphrase of {}", path.display()));
        return report(&path, false, output);
    }
    let new = match &args.new_passphrase_file {
        Some(file) => KeyAccess {
            passphrase_file: Some(file.clone()),
        }
        .passphrase(&path)?,
        None => prompt::new_passphrase("--new-passphrase-file FILE reads the new one from a file")?,
    };
    site.set_authority_passphrase(&plain, Some(&new))?;
    output.status(&format!(
        "Encrypted {} with the new passphrase",
        path.display()
    ));
    output
        .note("It is asked for whenever a certificate is issued. There is no way back without it.");
    report(&path, true, output)
}

fn report(path: &Path, encrypted: bool, output: &Output) -> anyhow::Result<ExitStatus> {
    if output.policy().json {
        output.json(&json!({ "version": 1, "key": path, "encrypted": encrypted }))?;
    } else {
        output.data(&path.display().to_string())?;
    }
    Ok(ExitStatus::Success)
}
