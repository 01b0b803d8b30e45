//! The time that certificates are checked at, on boards whose clock may be wrong.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// When this program was built, in seconds since 1970.
const BUILD_TIME: &str = env!("BUILD_TIME");

/// The system's clock, unless it says a time before this program was built.
///
/// A Raspberry Pi has no clock that runs while it is off: until it has reached a time server it says 1970, or the
/// time at which its image was made. Every certificate issued since would be refused as not yet valid. Then it is
/// at least the time of the build, and of the newest file of the configuration. A clock that is past the build is
/// believed, whatever files say: one file dated ahead would make certificates end that are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    built: Duration,
    /// The latest time that a file tells, if it is later than the build.
    told: Duration,
}

/// No earlier than the build.
impl Default for Clock {
    fn default() -> Self {
        let built = Duration::from_secs(BUILD_TIME.parse().unwrap_or(0));
        Self { built, told: built }
    }
}

impl Clock {
    /// The clock, which says no earlier time than `time` while the system's says one before the build.
    #[must_use]
    pub fn no_earlier_than(self, time: SystemTime) -> Self {
        let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            told: self.told.max(time),
            ..self
        }
    }

    /// The time to check certificates at, in seconds since 1970.
    pub fn seconds(&self) -> u64 {
        self.at(system())
    }

    /// What it says while the system's clock is behind.
    pub fn floor(&self) -> u64 {
        self.told.as_secs()
    }

    /// Whether the system's clock is behind a time that has passed for certain.
    pub fn is_behind(&self) -> bool {
        system() < self.built
    }

    fn at(&self, system: Duration) -> u64 {
        let time = if system < self.built {
            self.told
        } else {
            system
        };
        time.as_secs()
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
        let clock = built.no_earlier_than(UNIX_EPOCH + Duration::from_secs(4_000_000_000));
        assert_eq!(clock.at(Duration::ZERO), 4_000_000_000);
        assert_eq!(clock.no_earlier_than(UNIX_EPOCH), clock);
        assert!(!built.is_behind() && !clock.is_behind());
        let ahead = Clock {
            built: Duration::from_secs(5_000_000_000),
            told: Duration::from_secs(5_000_000_001),
        };
        assert!(ahead.is_behind());
        assert_eq!(ahead.seconds(), 5_000_000_001);
    }

    #[test]
    fn a_clock_past_the_build_is_right_whatever_a_file_says() {
        let clock = Clock::default();
        let dated_ahead = clock.no_earlier_than(UNIX_EPOCH + Duration::from_secs(4_000_000_000));
        assert_eq!(dated_ahead.at(clock.built), clock.built.as_secs());
        let later = clock.built + Duration::from_secs(1);
        assert_eq!(dated_ahead.at(later), later.as_secs());
    }

    #[test]
    fn a_date_is_readable_even_where_there_is_none() {
        assert_eq!(date(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(date(i64::MAX), "the end of time");
    }
}
