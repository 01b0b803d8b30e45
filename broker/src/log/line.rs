//! What a line looks like.

use std::fmt::Write as _;

use jiff::fmt::strtime::{BrokenDownTime, Config};
use jiff::{Timestamp, Zoned};

use crate::config::{LogType, Timestamps};

/// The bytes of a message that are logged: names may have 65,535 each, and thousands of lines may wait.
const MAX_LENGTH: usize = 2000;

/// A message on its way to the destinations.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) kind: LogType,
    pub(super) time: Timestamp,
    pub(super) text: String,
}

impl Line {
    /// A message of now, cut where it is too long.
    pub(super) fn new(kind: LogType, mut text: String) -> Self {
        if text.len() > MAX_LENGTH {
            let fits = |index: &usize| text.is_char_boundary(*index);
            let end = (0..=MAX_LENGTH).rev().find(fits).unwrap_or_default();
            text.truncate(end);
            text.push_str("...");
            text.shrink_to_fit();
        }
        let time = Timestamp::now();
        Self { kind, time, text }
    }

    /// The message with its control characters made visible.
    pub(super) fn visible(self) -> Self {
        let text = visible(&self.text);
        Self { text, ..self }
    }

    /// The text with its time before it, without a line end.
    pub(super) fn stamped(&self, timestamps: &Timestamps) -> String {
        match timestamps {
            Timestamps::None => self.text.clone(),
            Timestamps::Epoch => format!("{}: {}", self.time.as_second(), self.text),
            Timestamps::Format(format) => {
                let local = self.time.to_zoned(jiff::tz::TimeZone::system());
                format!("{}: {}", strftime(format, &local), self.text)
            }
        }
    }
}

/// The time in a format of strftime; directives that it doesn't know stay as they are, as in C.
pub(super) fn strftime(format: &str, time: &Zoned) -> String {
    let config = Config::new().lenient(true);
    let time = BrokenDownTime::from(time);
    // Lenient, there is nothing left to fail; if there were, a line without its time beats none.
    time.to_string_with_config(&config, format)
        .unwrap_or_default()
}

/// The text with control characters escaped, so that no client can forge a line or steer a terminal.
///
/// A tab stays: Mosquitto begins the list of a SUBSCRIBE's topics with one.
fn visible(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => clean.push(c),
            // Also what reorders or hides text on a terminal.
            _ if c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                // Writing to a String does not fail.
                let _ = write!(clean, "{}", c.escape_unicode());
            }
            _ => clean.push(c),
        }
    }
    clean
}

/// The severity of RFC 5424 for a type, as Mosquitto gives it to syslog.
pub(super) fn severity(kind: LogType) -> u8 {
    match kind {
        LogType::Error => 3,
        LogType::Warning => 4,
        LogType::Notice | LogType::Subscribe | LogType::Unsubscribe => 5,
        LogType::Information => 6,
        LogType::Debug | LogType::Websockets | LogType::Internal => 7,
    }
}

/// The topic that messages of a type are published to with `log_dest topic`, if they are.
///
/// Debug messages never are: each would cause another.
pub fn topic(kind: LogType) -> Option<&'static str> {
    match kind {
        LogType::Error => Some("$SYS/broker/log/E"),
        LogType::Warning => Some("$SYS/broker/log/W"),
        LogType::Notice => Some("$SYS/broker/log/N"),
        LogType::Information => Some("$SYS/broker/log/I"),
        LogType::Subscribe => Some("$SYS/broker/log/M/subscribe"),
        LogType::Unsubscribe => Some("$SYS/broker/log/M/unsubscribe"),
        LogType::Debug | LogType::Websockets | LogType::Internal => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line {
            time: Timestamp::from_second(1_700_000_000).unwrap(),
            ..Line::new(LogType::Notice, text.to_owned()).visible()
        }
    }

    #[test]
    fn a_line_begins_with_the_time_as_asked_for() {
        let line = line("x");
        assert_eq!(line.stamped(&Timestamps::None), "x");
        assert_eq!(line.stamped(&Timestamps::Epoch), "1700000000: x");
        let year = Timestamps::Format("%Y-%m".to_owned());
        assert_eq!(line.stamped(&year), "2023-11: x");
        let nonsense = Timestamps::Format("%Y %!".to_owned());
        assert_eq!(line.stamped(&nonsense), "2023 %!: x");
    }

    #[test]
    fn a_long_line_is_cut_between_two_characters() {
        let text = line(&"é".repeat(1001)).text;
        assert_eq!(text, format!("{}...", "é".repeat(1000)));
        let text = line(&format!("x{}", "é".repeat(1000))).text;
        assert_eq!(text, format!("x{}...", "é".repeat(999)));
        assert_eq!(line(&"x".repeat(MAX_LENGTH)).text.len(), MAX_LENGTH);
    }

    #[test]
    fn a_client_can_neither_forge_a_line_nor_steer_a_terminal() {
        let id = "evil\n1700000000: New client\x1b[2J\u{202e}\u{9b}é\t日";
        assert_eq!(
            line(id).text,
            "evil\\u{a}1700000000: New client\\u{1b}[2J\\u{202e}\\u{9b}é\t日"
        );
    }
}
