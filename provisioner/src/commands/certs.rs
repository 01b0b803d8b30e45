//! `provision certs`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::calendar;
use super::rotate_certs::push_command;
use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::fsio::{self, Access};
use crate::output::Output;
use crate::site::{CertificateOf, Site};

/// Lists the certificates: which end when. Exit code 3 if one is due.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provision certs\n  provision certs --due 60d --json\n  \
                        provision certs --ics broker.ics     then open it with your calendar"
)]
pub struct CertsArgs {
    /// What ends within this time is due: days (30d) or weeks (4w).
    #[arg(long, value_name = "TIME", default_value = "30d")]
    due: Days,
    /// Write reminders, a month and a week before each end, for a calendar.
    #[arg(long, value_name = "FILE")]
    ics: Option<PathBuf>,
}

/// A number of days, written `30d` or `4w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days(pub(super) i64);

impl FromStr for Days {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, factor) = match (text.strip_suffix('d'), text.strip_suffix('w')) {
            (Some(number), _) => (number, 1),
            (_, Some(number)) => (number, 7),
            _ => return Err("days are written as 30d, weeks as 4w"),
        };
        let number: u16 = number
            .parse()
            .or(Err("days are written as 30d, weeks as 4w"))?;
        Ok(Self(i64::from(number) * factor))
    }
}

/// Runs the command.
pub fn run(args: &CertsArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let site = Site::open(&global.site)?;
    let now = OffsetDateTime::now_utc();
    let all = site.certificates()?;
    let is_due = |of: &CertificateOf| of.summary.not_after - now < Duration::days(args.due.0);
    if output.policy().json {
        let rows: Result<Vec<_>, anyhow::Error> = all
            .iter()
            .map(|of| {
                Ok(json!({
                    "kind": of.kind.name(),
                    "name": of.name,
                    "path": of.path,
                    "not_before": rfc3339(of.summary.not_before)?,
                    "not_after": rfc3339(of.summary.not_after)?,
                    "days_left": (of.summary.not_after - now).whole_days(),
                    "sha256": of.summary.fingerprint,
                    "names": of.summary.names.iter().map(ToString::to_string).collect::<Vec<_>>(),
                    "needs_push": of.needs_push,
                    "due": is_due(of),
                }))
            })
            .collect();
        output.json(&json!({ "version": 1, "certificates": rows? }))?;
    } else {
        let width = all.iter().map(|of| of.name.len()).max().unwrap_or_default();
        for of in &all {
            let left = (of.summary.not_after - now).whole_days();
            let mut line = format!(
                "{:9} {:width$}  until {}  {left:>5} days",
                of.kind.name(),
                of.name,
                of.summary.not_after.date()
            );
            if left < 0 {
                line += "  ENDED";
            } else if is_due(of) {
                line += "  DUE";
            }
            if of.needs_push {
                line += "  not pushed yet";
            }
            output.data(&line)?;
        }
    }
    if let Some(file) = &args.ics {
        fsio::write_atomic(
            file,
            calendar::reminders(&all, now).as_bytes(),
            Access::Public,
        )?;
        output.status(&format!("Wrote reminders to {}", file.display()));
    }
    say_what_to_do(&site, &all, is_due, output)?;
    for name in site.left_client_certificates()? {
        output.warn(&format!(
            "{name} is not in people.yaml, but has a client certificate; `provision remove-user {name}` revokes it"
        ));
    }
    Ok(if all.iter().any(is_due) {
        ExitStatus::Findings
    } else {
        ExitStatus::Success
    })
}

fn say_what_to_do(
    site: &Site,
    all: &[CertificateOf],
    is_due: impl Fn(&CertificateOf) -> bool,
    output: &Output,
) -> anyhow::Result<()> {
    use crate::site::CertificateKind as Kind;
    let ends = all.first().map(|authority| authority.summary.not_after);
    // Another one would end on the same day.
    let is_last = |of: &CertificateOf| Some(of.summary.not_after) >= ends;
    for of in all {
        match of.kind {
            Kind::Authority if is_due(of) => output.warn(
                "the authority ends soon: a new site has to be made, and its ca.crt put on every phone",
            ),
            Kind::Server if is_due(of) && !is_last(of) => {
                let push = push_command(site, site.host(Some(&of.name))?)?;
                output.note(&format!("provision rotate-certs --host {} && {push}", of.name));
            }
            Kind::Server if of.needs_push => {
                output.note(&push_command(site, site.host(Some(&of.name))?)?);
            }
            Kind::Client if is_due(of) && !is_last(of) => {
                output.note(&format!("provision rotate-certs --person {}", of.name));
            }
            Kind::Authority | Kind::Server | Kind::Client => {}
        }
    }
    Ok(())
}

pub(super) fn rfc3339(time: OffsetDateTime) -> anyhow::Result<String> {
    Ok(time.format(&Rfc3339)?)
}

#[cfg(test)]
mod tests {
    use super::Days;

    #[test]
    fn times_are_days_or_weeks() {
        assert_eq!("30d".parse(), Ok(Days(30)));
        assert_eq!("4w".parse(), Ok(Days(28)));
        for bad in ["", "30", "d", "-1d", "1y", "99999d"] {
            assert!(bad.parse::<Days>().is_err(), "{bad:?}");
        }
    }
}
