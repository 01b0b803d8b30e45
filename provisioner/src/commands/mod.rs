//! One file a command: parse, open, call, print.

pub mod add_user;
pub mod build;
pub mod completions;
pub mod find;
pub mod image;
pub mod init;
pub mod render;

use crate::cli::{Cli, Command};
use crate::exit::ExitStatus;
use crate::output::Output;

/// Runs the command that was asked for.
pub fn run(cli: &Cli, output: &Output) -> anyhow::Result<ExitStatus> {
    match &cli.command {
        Command::Init(args) => init::run(args, &cli.global, output),
        Command::Image(args) => image::run(args, &cli.global, output),
        Command::AddUser(args) => add_user::run(args, &cli.global, output),
        Command::Render(args) => render::run(args, &cli.global, output),
        Command::Find(args) => find::run(args, &cli.global, output),
        Command::Completions(args) => completions::run(args, output),
    }
}
