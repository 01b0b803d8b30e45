//! `provision completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::ExitStatus;
use crate::output::Output;

/// Prints a completion script.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  provision completions bash > ~/.local/share/bash-completion/completions/provision"
)]
pub struct CompletionsArgs {
    /// For which shell.
    shell: Shell,
}

/// Runs the command.
pub fn run(args: &CompletionsArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "provision", &mut script);
    output.data(String::from_utf8_lossy(&script).trim_end())?;
    Ok(ExitStatus::Success)
}
