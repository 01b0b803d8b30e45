//! `mqtt-broker`: the server that runs on the Pi.

use std::process::ExitCode;

use broker::cli::Invocation;
use broker::{commands, server};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    match Invocation::of(&arguments) {
        Invocation::Broker => server::run(arguments),
        Invocation::Passwd(rest) => commands::passwd(rest),
        Invocation::Acl(rest) => commands::acl(rest),
    }
}
