//! `provision find`.

use std::fmt;
use std::fs;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cli::Global;
use crate::exit::ExitStatus;
use crate::hint::Fault;
use crate::lan::{self, Advertised};
use crate::output::Output;
use crate::pki::{self, Summary};
use crate::site::Site;
use crate::tls_client::{TlsClient, TlsError};

/// Lists the brokers of this site that are on the local network, and checks each over TLS.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  provision find\n  \
                        provision find --all --timeout 10s     whoever else's brokers there are")]
pub struct FindArgs {
    /// How long to listen.
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = listening_time)]
    timeout: Duration,
    /// List every broker with TLS, whatever site it is of.
    #[arg(long)]
    all: bool,
}

/// The state of a broker that a phone of this site would trust.
const GOOD: &str = "good";

/// A broker that was heard of, and what came of trying it.
struct Found {
    broker: Advertised,
    state: State,
}

/// What came of trying a broker.
struct State {
    /// One word for scripts.
    word: &'static str,
    /// The same for people.
    text: String,
    /// When a certificate of the site's own ends or has ended.
    until: Option<OffsetDateTime>,
}

/// Runs the command.
pub fn run(args: &FindArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let (id, client) = site(global)?;
    let mut task = output.task();
    image::Progress::begin(&mut task, "Listen for brokers", None);
    let mut brokers = lan::browse(args.timeout)?;
    let heard = brokers.len();
    if !args.all {
        brokers.retain(|broker| broker.site.as_ref() == Some(&id));
    }
    let states = lan::check(&client, &brokers);
    let found: Vec<_> = brokers
        .into_iter()
        .zip(&states)
        .map(|(broker, state)| Found {
            state: State::of(state, &broker),
            broker,
        })
        .collect();
    if output.policy().json {
        let brokers: Vec<_> = found.iter().map(Found::json).collect();
        output.json(&json!({ "version": 1, "site": id, "brokers": brokers }))?;
    } else {
        for line in table(&found) {
            output.data(&line)?;
        }
    }
    image::Progress::end(&mut task, &summary(args.all, &found));
    hint(heard, found.len(), output);
    Ok(ExitStatus::Success)
}

/// What the site is known by, and a client that trusts its authority. The site is open only for a
/// moment: other commands may have it while this one listens.
fn site(global: &Global) -> anyhow::Result<(String, TlsClient)> {
    let path = Site::open(&global.site)?.authority_path();
    let authority =
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let unfit = |error: &dyn fmt::Display| Fault::input(format!("{}: {error}", path.display()));
    let id = pki::site_id(&authority).map_err(|error| unfit(&error))?;
    let client = TlsClient::trusting(&authority).map_err(|error| unfit(&error))?;
    Ok((id, client))
}

impl State {
    fn of(result: &Result<Summary, TlsError>, broker: &Advertised) -> Self {
        let until = match result {
            Ok(summary) => Some(summary.not_after),
            Err(TlsError::Expired { not_after }) => Some(*not_after),
            Err(_) => None,
        };
        let (word, text) = match result {
            Ok(summary) => (
                GOOD,
                format!("ours, certificate good until {}", summary.not_after.date()),
            ),
            Err(TlsError::Expired { not_after }) => (
                "expired",
                format!("ours, but its certificate ended on {}", not_after.date()),
            ),
            Err(TlsError::NotYetValid { not_before }) => (
                "not-yet-valid",
                format!(
                    "ours, but its certificate begins on {}, or this computer's clock is slow",
                    not_before.date()
                ),
            ),
            Err(TlsError::WrongName(_)) => (
                "wrong-name",
                format!("ours, but its certificate is not for {}", broker.host),
            ),
            Err(TlsError::ServerName(_)) => (
                "wrong-name",
                "has a name that no certificate can be for".to_owned(),
            ),
            Err(TlsError::WrongAuthority) => (
                "wrong-authority",
                "answers, but with another authority's certificate".to_owned(),
            ),
            Err(TlsError::NotTls | TlsError::Closed) => {
                ("not-tls", "answers, but not in TLS".to_owned())
            }
            Err(TlsError::Handshake(error)) => (
                "refused",
                format!("answers, but the TLS handshake failed: {error}"),
            ),
            Err(TlsError::Connection(_) | TlsError::Silent | TlsError::Authority(_)) => {
                ("unreachable", "does not answer".to_owned())
            }
        };
        Self { word, text, until }
    }
}

impl Found {
    fn addresses(&self) -> impl Iterator<Item = &str> {
        self.broker.addresses.iter().map(lan::Address::text)
    }

    fn json(&self) -> Value {
        json!({
            "host": self.broker.host,
            "addresses": self.addresses().collect::<Vec<_>>(),
            "port": self.broker.port,
            "site": self.broker.site,
            "state": self.state.word,
            "text": self.state.text,
            "certificate_until": self.state.until.and_then(|until| until.format(&Rfc3339).ok()),
        })
    }
}

/// One line a broker, in columns.
fn table(found: &[Found]) -> Vec<String> {
    let cells: Vec<_> = found
        .iter()
        .map(|found| {
            let addresses = found.addresses().collect::<Vec<_>>().join(", ");
            let port = found.broker.port.to_string();
            [found.broker.host.clone(), addresses, port]
        })
        .collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max();
    let widths = [0, 1, 2].map(|column| width(column).unwrap_or(0));
    let row = |cells: &[String; 3], found: &Found| {
        let [host, addresses, port] = cells;
        format!(
            "{host:0$}  {addresses:1$}  {port:2$}  {3}",
            widths[0], widths[1], widths[2], found.state.text
        )
    };
    cells
        .iter()
        .zip(found)
        .map(|(cells, found)| row(cells, found))
        .collect()
}

/// How many were heard of, which proves nothing, and how many proved to be ours.
fn summary(all: bool, found: &[Found]) -> String {
    let of_site = if all { "" } else { " of this site" };
    let brokers = match found.len() {
        0 => return format!("Heard of no broker{of_site}"),
        1 => "1 broker".to_owned(),
        count => format!("{count} brokers"),
    };
    let good = found.iter().filter(|found| found.state.word == GOOD);
    format!("Heard of {brokers}{of_site} ({} good)", good.count())
}

/// What to do when there is less than was hoped for.
fn hint(heard: usize, found: usize, output: &Output) {
    if heard > found {
        let others = heard - found;
        output.note(&format!(
            "Others told of themselves: {others}; --all lists them."
        ));
    }
    if found == 0 {
        output.note("Is the Pi on the same network as this computer, and on for a minute or two?");
    }
    if heard == 0 {
        output.note(
            "Does a firewall keep UDP port 5353 from either? `provision doctor` looks at this computer.",
        );
    }
}

/// `3s` or `500ms`; at most a minute.
fn listening_time(text: &str) -> Result<Duration, Fault> {
    let parsed = match text.strip_suffix("ms") {
        Some(number) => number.parse().map(Duration::from_millis),
        None => text
            .strip_suffix('s')
            .unwrap_or(text)
            .parse()
            .map(Duration::from_secs),
    };
    let fits = |time: &Duration| (1..=60_000).contains(&time.as_millis());
    parsed
        .ok()
        .filter(fits)
        .ok_or_else(|| Fault::input("write a number and a unit, as 3s or 500ms, and at most 60s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit_and_an_end() {
        let shown = ["3s", "500ms", "7", "0s", "61s", "-1s", "3 s", "1h"]
            .map(|text| listening_time(text).ok().map(|time| time.as_millis()));
        let expected = [Some(3000), Some(500), Some(7000)];
        assert_eq!(shown[..3], expected);
        assert_eq!(shown[3..], [None; 5]);
    }
}
