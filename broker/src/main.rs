//! `mqtt-broker`: the server that runs on the Pi.

use std::process::ExitCode;

fn main() -> ExitCode {
    broker::server::run(std::env::args_os())
}
