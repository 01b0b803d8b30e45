//! The section "logging" of the manual.

use super::spec::{Line, OptionSpec, Scope::Logging, ignored, works};
use crate::config::draft::Draft;
use crate::config::model::{LogDestination, LogType, LogTypes};
use crate::config::value::{self, Parsed, Wrong, expected};

const DESTINATIONS: &str = "stdout, stderr, syslog, topic, file PATH or none";

pub(super) const OPTIONS: &[OptionSpec] = &[
    works(
        "connection_messages",
        Logging,
        "true|false",
        "true",
        "Whether connecting and disconnecting clients are logged.",
        |draft, line| {
            draft.log.no_connection_messages = !value::boolean(line.value)?;
            Ok(())
        },
    ),
    works(
        "log_dest",
        Logging,
        "stdout|stderr|syslog|topic|file PATH|none",
        "stderr",
        "Where the log goes; each line adds a place, and none takes all away. A file is opened again at a reload; \
         topic publishes below $SYS/broker/log/.",
        add_destination,
    )
    .rest()
    .many(),
    works(
        "log_facility",
        Logging,
        "0-7",
        "daemon",
        "The facility of syslog: local0 to local7.",
        |draft, line| {
            // local0 is facility 16 of RFC 5424.
            let local: u8 = value::number(line.value, 0..=7)?;
            draft.log.facility = Some(16 + local);
            Ok(())
        },
    ),
    works(
        "log_timestamp",
        Logging,
        "true|false",
        "true",
        "Whether lines begin with the time.",
        |draft, line| {
            draft.log.no_timestamp = !value::boolean(line.value)?;
            Ok(())
        },
    ),
    works(
        "log_timestamp_format",
        Logging,
        "FORMAT",
        "seconds since 1970",
        "How the time is written, as strftime(3) has it: %Y-%m-%dT%H:%M:%S is ISO 8601.",
        |draft, line| {
            draft.log.format = Some(line.value.to_owned());
            Ok(())
        },
    )
    .rest()
    .once(),
    works(
        "log_type",
        Logging,
        "TYPE|all|none",
        "error, warning, notice, information",
        "What is logged; each line adds types: debug, error, warning, notice, information, subscribe, unsubscribe, \
         websockets, internal.",
        |draft, line| {
            for word in line.value.split_whitespace() {
                let types = draft.log.types.unwrap_or(LogTypes::NONE);
                draft.log.types = Some(match word {
                    "all" => LogTypes::ALL,
                    "none" => LogTypes::NONE,
                    _ => types.with(log_type(word)?),
                });
            }
            Ok(())
        },
    )
    .rest()
    .many(),
    ignored(
        "websockets_log_level",
        Logging,
        "NUMBER",
        "How much the websockets library logs.",
        "there are no websockets",
    ),
];

fn add_destination(draft: &mut Draft, line: &Line<'_>) -> Parsed<()> {
    let destinations = draft.log.destinations.get_or_insert_default();
    let is_file = |destination: &LogDestination| matches!(destination, LogDestination::File(_));
    match destination(line.value)? {
        None => destinations.clear(),
        Some(file) if is_file(&file) && destinations.iter().any(is_file) => {
            let message =
                "duplicate \"log_dest file\" value in configuration: there can be one log file";
            return Err(Wrong::Unsupported(message.to_owned()));
        }
        Some(same) if destinations.contains(&same) => {}
        Some(new) => destinations.push(new),
    }
    Ok(())
}

/// Where a log goes, or nowhere.
fn destination(text: &str) -> Parsed<Option<LogDestination>> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match (word, rest.trim()) {
        ("none", "") => Ok(None),
        ("stdout", "") => Ok(Some(LogDestination::Stdout)),
        ("stderr", "") => Ok(Some(LogDestination::Stderr)),
        ("syslog", "") => Ok(Some(LogDestination::Syslog)),
        ("topic", "") => Ok(Some(LogDestination::Topic)),
        ("file", "") => expected("a path after `file`"),
        ("file", path) => Ok(Some(LogDestination::File(path.into()))),
        ("dlt" | "android", "") => Err(Wrong::Unsupported(format!(
            "log_dest {word} is not supported: use {DESTINATIONS}"
        ))),
        _ => expected(DESTINATIONS),
    }
}

fn log_type(word: &str) -> Parsed<LogType> {
    let found = LogType::ALL.into_iter().find(|kind| kind.word() == word);
    found.ok_or_else(|| {
        let words: Vec<_> = LogType::ALL.into_iter().map(LogType::word).collect();
        Wrong::Expected(format!("{}, all or none", words.join(", ")))
    })
}
