//! Whether the computer's clock can be right: certificates and cards are dated by it.

use std::path::Path;

use anyhow::Context;
use time::{Duration, OffsetDateTime};

use super::check::{Checked, finding, well};
use super::registry::Surroundings;
use super::secrets;
use crate::pki;

/// How far the clock of a file server may be ahead.
const TOLERANCE: Duration = Duration::minutes(2);

/// Something that is known to have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    at: OffsetDateTime,
    what: String,
}

/// The clock is wrong if it is before something that has happened: this program was made, a file of the
/// site was written, a certificate was issued.
pub(super) fn clock(around: &Surroundings<'_>) -> Checked {
    let mut events = vec![program()?];
    // What can't be read there has a check of its own.
    events.extend(site(around.site).unwrap_or_default());
    judge(around.now, events)
}

fn judge(now: OffsetDateTime, events: Vec<Event>) -> Checked {
    let shown = |at: OffsetDateTime| {
        let (hour, minute, _) = at.to_hms();
        format!("{} {hour:02}:{minute:02} UTC", at.date())
    };
    let latest = events.into_iter().max_by_key(|event| event.at);
    match latest {
        Some(event) if event.at > now + TOLERANCE => finding(
            format!(
                "it is {} by the clock, but {} on {}",
                shown(now),
                event.what,
                shown(event.at)
            ),
            "set the clock: `sudo timedatectl set-ntp true`; if it is right, that date is wrong",
        ),
        _ => well(format!("it is {}", shown(now))),
    }
}

fn program() -> anyhow::Result<Event> {
    let path = std::env::current_exe().context("finding this program's file")?;
    let modified = std::fs::metadata(&path).and_then(|meta| meta.modified());
    let modified = modified.with_context(|| format!("looking at {}", path.display()))?;
    Ok(Event {
        at: modified.into(),
        what: "this program was made".to_owned(),
    })
}

fn site(root: &Path) -> anyhow::Result<Vec<Event>> {
    let mut events = Vec::new();
    for file in secrets::walk(root)? {
        let path = root.join(&file.path);
        if let (true, Ok(modified)) = (file.meta.is_file(), file.meta.modified()) {
            events.push(Event {
                at: modified.into(),
                what: format!("{} was written", path.display()),
            });
        }
        let is_certificate = path.extension().is_some_and(|suffix| suffix == "crt");
        let text = is_certificate.then(|| std::fs::read_to_string(&path));
        if let Some(Ok(Ok(summary))) = text.map(|text| text.map(|text| pki::summarize(&text))) {
            events.push(Event {
                at: summary.not_before,
                what: format!("{} begins to be valid", path.display()),
            });
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::super::check::{Finding, Passed};
    use super::*;

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    fn event(seconds: i64, what: &str) -> Event {
        let what = what.to_owned();
        Event {
            at: at(seconds),
            what,
        }
    }

    #[test]
    fn a_clock_that_starts_in_1970_is_before_the_latest_of_all_events() {
        let events = vec![
            event(1_700_000_000, "this program was made"),
            event(1_800_000_000, "site/passwd was written"),
        ];
        let Finding { what, cure } = judge(at(60), events).unwrap().unwrap_err();
        assert_eq!(
            what,
            "it is 1970-01-01 00:01 UTC by the clock, but site/passwd was written on 2027-01-15 08:00 UTC"
        );
        assert!(cure.contains("timedatectl"), "{cure}");
    }

    #[test]
    fn a_file_servers_clock_may_be_a_little_ahead() {
        let events = || vec![event(1_800_000_000, "site/passwd was written")];
        let passed = judge(at(1_800_000_000 - 120), events()).unwrap();
        assert_eq!(
            passed,
            Ok(Passed::Well("it is 2027-01-15 07:58 UTC".to_owned()))
        );
        assert!(judge(at(1_800_000_000 - 121), events()).unwrap().is_err());
    }
}
