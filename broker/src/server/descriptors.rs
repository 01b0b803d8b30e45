//! File descriptors: as many as there may be, and some for other things than connections.

use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::connection::Incoming;
use super::shared::Shared;
use crate::log::LogType;

/// So many are kept for what is not a connection: saving, reloading, logging; of a low limit a quarter.
const RESERVE: u64 = 32;

/// The most that is asked for: more connections than any home has. A limit without end is no use to anybody.
const MOST: u64 = 1 << 20;

/// How often at most it is said that connections are closed.
const PAUSE: Duration = Duration::from_secs(10);

/// Raises the limit to what the system allows. Many start programs with 1024 for the sake of those that can't
/// count further.
pub(super) fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let most = maximum.unwrap_or(MOST).min(MOST);
    if current.is_some_and(|current| current < most) {
        let limit = Rlimit {
            current: Some(most),
            maximum,
        };
        // If that can't be, the limit is what it was.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// Whether a descriptor with this number is among the last that there may be.
///
/// The kernel gives the lowest number that is free. As no connection keeps one of the last numbers, they are
/// free for everything else.
fn is_among_last(number: i32, limit: Option<u64>) -> bool {
    let (Some(limit), Ok(number)) = (limit, u64::try_from(number)) else {
        return false;
    };
    number >= limit - RESERVE.min(limit / 4)
}

/// Turns away connections that would take the last descriptors.
#[derive(Debug, Default)]
pub(super) struct Doorkeeper {
    /// When that was said last.
    said: Option<Instant>,
    /// Connections that were turned away since.
    closed: u64,
}

impl Doorkeeper {
    /// Whether a connection just taken is to be closed.
    pub(super) fn turns_away(&mut self, incoming: &Incoming, shared: &Shared) -> bool {
        let number = match incoming {
            Incoming::Tcp(stream, ..) => stream.as_raw_fd(),
            Incoming::Unix(stream) => stream.as_raw_fd(),
        };
        let limit = getrlimit(Resource::Nofile).current;
        if !is_among_last(number, limit) {
            return false;
        }
        self.closed += 1;
        if self.said.is_none_or(|said| said.elapsed() >= PAUSE) {
            let (closed, limit) = (self.closed, limit.unwrap_or_default());
            shared.log.log(
                LogType::Warning,
                format_args!(
                    "Warning: client connection from {incoming} denied, {closed} since this was said last: of {limit} \
                     file descriptors, the last are kept for saving and reloading. LimitNOFILE= of the service, or \
                     ulimit -n, allows more."
                ),
            );
            self.said = Some(Instant::now());
            self.closed = 0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_descriptors_are_32_or_a_quarter_of_a_low_limit() {
        for (limit, first) in [(65_536, 65_504), (1024, 992), (128, 96), (40, 30)] {
            assert!(!is_among_last(first - 1, Some(limit)), "{limit}");
            assert!(is_among_last(first, Some(limit)), "{limit}");
        }
        assert!(!is_among_last(i32::MAX, None));
    }
}
