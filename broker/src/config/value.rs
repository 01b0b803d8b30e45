//! Values of options: text in, typed value or what was expected out.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Why a value is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is not of this form.
    Expected(String),
    /// It is, but the broker can't do that; the message stands for itself.
    Unsupported(String),
}

impl Wrong {
    /// The message about option `name` with the value `text`, which begins as Mosquitto's does.
    pub(super) fn message(self, name: &str, text: &str) -> String {
        match self {
            Self::Expected(what) => format!("invalid {name} value ({text}): expected {what}"),
            Self::Unsupported(message) => message,
        }
    }
}

/// The outcome of parsing a value.
pub(super) type Parsed<T> = Result<T, Wrong>;

/// "Expected …".
pub(super) fn expected<T>(what: impl Into<String>) -> Parsed<T> {
    Err(Wrong::Expected(what.into()))
}

/// `true`, `false`, or 1 and 0 for them.
pub(super) fn boolean(text: &str) -> Parsed<bool> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => expected("true or false"),
    }
}

/// A whole number in `range`.
pub(super) fn number<T>(text: &str, range: RangeInclusive<u32>) -> Parsed<T>
where
    T: TryFrom<u32>,
{
    let number = text.parse().ok().filter(|number| range.contains(number));
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| {
            Wrong::Expected(format!(
                "a whole number from {} to {}",
                range.start(),
                range.end()
            ))
        })
}

/// A whole number in which 0 means no limit.
pub(super) fn limit<T>(text: &str, most: u32) -> Parsed<Option<T>>
where
    T: TryFrom<u32>,
{
    let number = number(text, 0..=most)?;
    if number == 0 {
        Ok(None)
    } else {
        Ok(T::try_from(number).ok())
    }
}

/// A number of things in which -1 means no limit, and 0 too, as Mosquitto takes it.
pub(super) fn count(text: &str) -> Parsed<Option<u32>> {
    match text {
        "-1" => Ok(None),
        _ => limit(text, u32::MAX).or_else(|_| expected("a whole number, or -1 for no limit")),
    }
}

/// A size in bytes in which 0 means no limit.
pub(super) fn bytes(text: &str) -> Parsed<Option<u64>> {
    match text.parse() {
        Ok(0) => Ok(None),
        Ok(size) => Ok(Some(size)),
        Err(_) => expected("a whole number of bytes, or 0 for no limit"),
    }
}

/// A TCP port.
pub(super) fn port(text: &str) -> Parsed<u16> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => expected("a port from 1 to 65535"),
    }
}

/// A number with a unit: seconds, hours, days, weeks, months (of 30 days) or years (of 365).
pub(super) fn expiration(text: &str) -> Parsed<Duration> {
    let hours = |hours: u64| hours * 3600;
    let split = text.len() - text.chars().last().map_or(0, char::len_utf8);
    let (count, unit) = text.split_at(split);
    let unit = match unit {
        "s" => 1,
        "h" => hours(1),
        "d" => hours(24),
        "w" => hours(24 * 7),
        "m" => hours(24 * 30),
        "y" => hours(24 * 365),
        _ => 0,
    };
    match count.parse::<u32>() {
        Ok(count) if count > 0 && unit > 0 => Ok(Duration::from_secs(u64::from(count) * unit)),
        _ => expected("a number and a unit, s, h, d, w, m or y, as in 14d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_parse_or_say_what_is_expected() {
        assert_eq!(boolean("1"), Ok(true));
        assert_eq!(boolean("TRUE"), expected("true or false"));
        assert_eq!(
            number::<u16>("70000", 0..=65_535),
            expected("a whole number from 0 to 65535")
        );
        assert_eq!(number::<u8>("2", 0..=2), Ok(2));
        assert_eq!(limit::<u16>("0", 100), Ok(None));
        assert_eq!(limit("7", 100), Ok(Some(7_u16)));
        assert_eq!(
            (count("-1"), count("0"), count("9")),
            (Ok(None), Ok(None), Ok(Some(9)))
        );
        assert!(count("-2").is_err());
        assert_eq!(bytes("5000000000"), Ok(Some(5_000_000_000)));
        assert_eq!(port("8883"), Ok(8883));
        assert!(port("0").is_err());
    }

    #[test]
    fn an_expiration_has_a_unit() {
        assert_eq!(expiration("14d"), Ok(Duration::from_secs(14 * 86_400)));
        assert_eq!(expiration("2m"), Ok(Duration::from_secs(60 * 86_400)));
        for text in ["", "d", "14", "2x", "0d", "-1d", "1é"] {
            assert!(expiration(text).is_err(), "{text:?}");
        }
    }
}
