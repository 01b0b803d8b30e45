//! `provision set-password`.

use clap::Args;
use serde_json::json;

use super::password::{self, PasswordArgs};
use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::Fault;
use crate::output::Output;
use crate::site::{Name, Site};

/// Gives a person another password.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision set-password jjolie\n  \
                        provision set-password jjolie --generate")]
pub struct SetPasswordArgs {
    /// The person's name.
    name: Name,
    #[command(flatten)]
    password: PasswordArgs,
}

/// Runs the command.
pub fn run(args: &SetPasswordArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let site = Site::open(&global.site)?;
    // Before a question is asked.
    site.people().require(&args.name).map_err(Fault::input)?;
    let password = args.password.obtain(&args.name)?;
    site.set_password(&args.name, &password)?;
    if output.policy().json {
        output.json(&json!({
            "version": 1,
            "name": args.name.as_str(),
            "password_file": site.kept_password(&args.name),
        }))?;
    } else {
        output.data(args.name.as_str())?;
    }
    output.status(&format!("Changed the password of {}", args.name));
    password::tell(&site, &args.name, &password.secret, output);
    output.note(super::UNTIL_THEN);
    Ok(ExitStatus::Success)
}
