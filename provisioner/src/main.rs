//! `provision`: the command line.

use std::process::ExitCode;

use clap::Parser;
use provisioner::cli::Cli;
use provisioner::output::{Output, Surroundings};
use provisioner::{commands, exit};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.global.policy(Surroundings::of_process()));
    match commands::run(&cli, &output) {
        Ok(status) => status.into(),
        Err(error) => {
            output.error(&error);
            exit::code_of(&error)
        }
    }
}
