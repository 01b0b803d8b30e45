//! The one notion of time in this crate: an argument.

use std::fmt;

/// Seconds since 1970-01-01 00:00 UTC, given by the caller so that two builds are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Timestamp(u32);

impl Timestamp {
    /// `seconds` after the epoch. 32 bits reach to the year 2106, as far as every on-disk format here.
    pub const fn from_unix(seconds: u32) -> Self {
        Self(seconds)
    }

    /// Seconds after the epoch.
    pub const fn unix(self) -> u32 {
        self.0
    }

    /// Whole days after the epoch, the unit of `/etc/shadow`.
    pub const fn days(self) -> u32 {
        self.0 / 86_400
    }

    /// Year, month and day in UTC.
    ///
    /// The algorithm is Howard Hinnant's `civil_from_days`: it counts in eras of 400 years that begin in
    /// March, so that the leap day is the last of a year.
    pub(crate) fn date(self) -> (u16, u16, u16) {
        let days = self.days() + 719_468;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = era * 400 + year_of_era + u32::from(month <= 2);
        let narrow = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
        (narrow(year), narrow(month), narrow(day))
    }

    /// Hour, minute and second in UTC.
    pub(crate) fn time(self) -> (u16, u16, u16) {
        let second = self.0 % 86_400;
        let narrow = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
        (
            narrow(second / 3600),
            narrow(second / 60 % 60),
            narrow(second % 60),
        )
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let (hour, minute, second) = self.time();
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants_read_as_the_calendar_says() {
        let shown = |seconds| Timestamp::from_unix(seconds).to_string();
        assert_eq!(shown(0), "1970-01-01T00:00:00Z");
        assert_eq!(shown(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(shown(1_709_251_199), "2024-02-29T23:59:59Z");
        assert_eq!(shown(4_102_444_800), "2100-01-01T00:00:00Z");
        assert_eq!(shown(4_107_542_399), "2100-02-28T23:59:59Z");
        assert_eq!(shown(4_107_542_400), "2100-03-01T00:00:00Z");
    }
}
