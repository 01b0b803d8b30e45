//! The time that certificates are checked at, on boards whose clock may be wrong.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// When this program was built, in seconds since 1970.
const BUILD_TIME: &str = env!("BUILD_TIME");

/// The system's clock, but never earlier than a time that is known to have passed.
///
/// A Raspberry Pi has no clock that runs while it is off: until it has reached a time server it says 1970, or the
/// time at which it was turned off. Every certificate issued since would be refused as not yet valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    floor: Duration,
}

/// No earlier than the build.
impl Default for Clock {
    fn default() -> Self {
        let seconds = BUILD_TIME.parse().unwrap_or(0);
        Self {
            floor: Duration::from_secs(seconds),
        }
    }
}

impl Clock {
    /// The clock, which is also no earlier than `time`.
    #[must_use]
    pub fn no_earlier_than(self, time: SystemTime) -> Self {
        let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            floor: self.floor.max(time),
        }
    }

    /// The time to check certificates at, in seconds since 1970.
    pub fn seconds(&self) -> u64 {
        self.at(system())
    }

    /// The earliest time that it says.
    pub fn floor(&self) -> u64 {
        self.floor.as_secs()
    }

    /// Whether the system's clock is behind a time that has passed.
    pub fn is_behind(&self) -> bool {
        system() < self.floor
    }

    fn at(&self, system: Duration) -> u64 {
        system.max(self.floor).as_secs()
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let time = Duration::from_secs(self.seconds());
        Some(UnixTime::since_unix_epoch(time))
    }
}

/// What the system says, since 1970.
fn system() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// What the system's clock says, in seconds since 1970.
pub fn system_seconds() -> i64 {
    i64::try_from(system().as_secs()).unwrap_or(i64::MAX)
}

/// A time as people read it: `2026-11-24 13:05:00 UTC`.
pub fn date(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        // Past the year 9999, which is how a certificate says that it has no end.
        Err(_out_of_range) => "the end of time".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_in_1970_is_taken_for_the_time_of_the_build_or_of_the_newest_file() {
        let built = Clock::default();
        assert!(built.at(Duration::ZERO) > 1_760_000_000, "{built:?}");
        let newer = UNIX_EPOCH + Duration::from_secs(4_000_000_000);
        let clock = built.no_earlier_than(newer);
        assert_eq!(clock.at(Duration::ZERO), 4_000_000_000);
        assert_eq!(clock.at(Duration::from_secs(5_000_000_000)), 5_000_000_000);
        assert_eq!(clock.no_earlier_than(UNIX_EPOCH), clock);
        assert!(clock.is_behind() && !built.is_behind());
    }

    #[test]
    fn a_date_is_readable_even_where_there_is_none() {
        assert_eq!(date(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(date(i64::MAX), "the end of time");
    }
}
