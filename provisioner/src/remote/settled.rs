//! Whether a machine has come up whole.

use std::io::Read;

use anyhow::{Context, ensure};

use super::connection::Connection;

/// Waits, as long as an exchange may take, until everything that starts at boot has started; returns the
/// units that failed.
pub fn system_state(connection: &Connection) -> anyhow::Result<Vec<String>> {
    let state = run(connection, "systemctl is-system-running --wait")?;
    ensure!(
        !matches!(state.trim(), "" | "initializing" | "starting"),
        "the system is still starting"
    );
    let failed = run(connection, "systemctl --failed --plain --no-legend")?;
    let units = failed
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    Ok(units.map(str::to_owned).collect())
}

/// What a command prints; its status is no matter, since systemctl has one for every state.
fn run(connection: &Connection, command: &str) -> anyhow::Result<String> {
    const LONGEST: u64 = 64 << 10;
    let mut channel = connection
        .session()
        .channel_session()
        .context("opening a channel")?;
    channel
        .exec(command)
        .context("asking for the system's state")?;
    let mut text = String::new();
    channel
        .by_ref()
        .take(LONGEST)
        .read_to_string(&mut text)
        .context("reading the system's state")?;
    Ok(text)
}
