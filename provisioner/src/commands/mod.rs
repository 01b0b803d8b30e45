//! One file a command: parse, open, call, print.

pub mod add_user;
pub mod bases;
pub mod boot;
pub mod build;
pub mod ca_passphrase;
pub mod cache;
mod calendar;
pub mod card;
pub mod certs;
pub mod completions;
pub mod diff;
pub mod doctor;
pub mod fetch;
pub mod find;
pub mod flash;
pub mod group;
pub mod hide;
pub mod image;
mod image_check;
mod image_fleet;
pub mod init;
pub mod inspect;
pub mod list_users;
pub mod lock;
pub mod password;
pub mod push;
pub mod remove;
pub mod remove_user;
pub mod render;
pub mod rotate_certs;
pub mod schema;
pub mod sees;
pub mod set_password;
pub mod verify;

use crate::cli::{Cli, Command};
use crate::exit::ExitStatus;
use crate::output::Output;

/// What is told at the end of every change to a site's people.
const UNTIL_THEN: &str = "Hosts know it after the next `provision push`, or with a new card.";

/// Runs the command that was asked for.
pub fn run(cli: &Cli, output: &Output) -> anyhow::Result<ExitStatus> {
    match &cli.command {
        Command::Init(args) => init::run(args, &cli.global, output),
        Command::Image(args) => image::run(args, &cli.global, output),
        Command::Push(args) => push::run(args, &cli.global, output),
        Command::Remove(args) => remove::run(args, &cli.global, output),
        Command::RotateCerts(args) => rotate_certs::run(args, &cli.global, output),
        Command::Certs(args) => certs::run(args, &cli.global, output),
        Command::CaPassphrase(args) => ca_passphrase::run(args, &cli.global, output),
        Command::AddUser(args) => add_user::run(args, &cli.global, output),
        Command::RemoveUser(args) => remove_user::run(args, &cli.global, output),
        Command::SetPassword(args) => set_password::run(args, &cli.global, output),
        Command::ListUsers(args) => list_users::run(args, &cli.global, output),
        Command::Sees(args) => sees::run(args, &cli.global, output),
        Command::Hide(args) => hide::run(args, &cli.global, output),
        Command::Group(args) => group::run(args, &cli.global, output),
        Command::Render(args) => render::run(args, &cli.global, output),
        Command::Doctor(args) => doctor::run(args, &cli.global, output),
        Command::Bases(args) => bases::run(args, &cli.global, output),
        Command::Fetch(args) => fetch::run(args, &cli.global, output),
        Command::Cache(args) => cache::run(args, &cli.global, output),
        Command::Find(args) => find::run(args, &cli.global, output),
        Command::Schema(args) => schema::run(args, output),
        Command::Flash(args) => flash::run(args, &cli.global, output),
        Command::Boot(args) => boot::run(args, &cli.global, output),
        Command::Inspect(args) => inspect::run(args, &cli.global, output),
        Command::Diff(args) => diff::run(args, &cli.global, output),
        Command::Verify(args) => verify::run(args, &cli.global, output),
        Command::Completions(args) => completions::run(args, output),
    }
}
