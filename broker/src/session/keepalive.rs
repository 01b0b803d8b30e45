//! Whether a client still shows signs of life.

use std::time::{Duration, Instant};

/// The time by which the next packet of a client has to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    interval: Duration,
    last: Instant,
}

impl KeepAlive {
    /// Begins with the CONNECT, which came at `now` and asked for `seconds`; 0 turns the check off.
    pub fn new(seconds: u16, now: Instant) -> Self {
        Self {
            interval: Duration::from_secs(seconds.into()),
            last: now,
        }
    }

    /// A packet came.
    pub fn seen(&mut self, now: Instant) {
        self.last = now;
    }

    /// When to close the connection: after one and a half times the interval [MQTT-3.1.2-24].
    pub fn deadline(&self) -> Option<Instant> {
        (!self.interval.is_zero()).then(|| self.last + self.interval + self.interval / 2)
    }

    /// Whether that time has come.
    pub fn has_expired(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| now >= deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_one_and_a_half_times_its_interval() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(10, start);
        assert!(!keep_alive.has_expired(start + Duration::from_millis(14_999)));
        assert!(keep_alive.has_expired(start + Duration::from_secs(15)));
        keep_alive.seen(start + Duration::from_secs(14));
        assert!(!keep_alive.has_expired(start + Duration::from_secs(28)));
    }

    #[test]
    fn an_interval_of_zero_never_ends() {
        let start = Instant::now();
        assert_eq!(KeepAlive::new(0, start).deadline(), None);
        assert!(!KeepAlive::new(0, start).has_expired(start + Duration::from_secs(1_000_000)));
    }
}
