//! The proof from outside that a card works: its broker over TLS, then its system over SSH.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::qemu::Qemu;
use crate::hint::Interrupted;
use crate::remote::{Connection, Destination, Login, Proof, prove_at, system_state};

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(2);

/// What to try, and for how long.
pub struct Expected<'a> {
    /// When to give up.
    pub deadline: Instant,
    /// Asked whether the user wants to end.
    pub cancelled: &'a dyn Fn() -> bool,
    /// Told what is going on.
    pub tell: &'a mut dyn FnMut(&str),
}

impl std::fmt::Debug for Expected<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Expected")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// How a try ended: what was proved, or why not in time.
pub type Proved<T> = Result<T, String>;

/// Waits until the broker takes a login, a subscription and a message over TLS, and gives the message back.
///
/// # Errors
///
/// If QEMU ends, or the user wants to.
pub fn wait_for_broker(
    qemu: &mut Qemu,
    expected: &mut Expected<'_>,
    proof: &Proof<'_>,
) -> anyhow::Result<Proved<()>> {
    wait(qemu, expected, || prove_at("127.0.0.1", proof))
}

/// Waits until the system can be logged in to and has settled; returns the units that failed.
///
/// # Errors
///
/// If QEMU ends, or the user wants to.
pub fn wait_for_system(
    qemu: &mut Qemu,
    expected: &mut Expected<'_>,
    destination: &Destination,
    login: &Login,
) -> anyhow::Result<Proved<Vec<String>>> {
    wait(qemu, expected, || {
        let connection = Connection::open(destination, login)?;
        system_state(&connection)
    })
}

fn wait<T>(
    qemu: &mut Qemu,
    expected: &mut Expected<'_>,
    mut attempt: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<Proved<T>> {
    loop {
        if (expected.cancelled)() {
            return Err(Interrupted.into());
        }
        if !qemu.is_running()? {
            return Ok(Err("the card has switched itself off".to_owned()));
        }
        if qemu
            .keep_plugged()
            .context("keeping the card on its network")?
        {
            (expected.tell)("the network adapter was lost and is plugged in again");
        }
        for line in qemu.new_lines()? {
            (expected.tell)(&line);
        }
        match attempt() {
            Ok(proved) => return Ok(Ok(proved)),
            Err(error) if Instant::now() >= expected.deadline => {
                return Ok(Err(format!("{error:#}")));
            }
            Err(_) => thread::sleep(PAUSE),
        }
    }
}
