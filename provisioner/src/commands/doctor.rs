//! `provision doctor`.

use clap::Args;
use serde_json::json;
use time::OffsetDateTime;

use crate::cli::Global;
use crate::doctor::{self, Report, Status, Surroundings};
use crate::exit::ExitStatus;
use crate::output::Output;

/// Says what this computer or the site lacks, and the cure. Changes nothing.
///
/// Ends with 0 if all is well and with 3 if something was found.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  provision doctor\n  provision doctor --site ~/family\n  \
                        provision doctor --json | jq -r '.checks[] | select(.cure) | .cure'"
)]
pub struct DoctorArgs {}

/// Runs the command.
pub fn run(_: &DoctorArgs, global: &Global, output: &Output) -> anyhow::Result<ExitStatus> {
    let reports = doctor::examine(&Surroundings {
        site: &global.site,
        now: OffsetDateTime::now_utc(),
    });
    if output.policy().json {
        output.json(&json!({ "version": 1, "checks": reports }))?;
    } else {
        for line in lines(&reports) {
            output.data(&line)?;
        }
    }
    let count = |status| {
        let matching = reports.iter().filter(|report| report.status == status);
        matching.count()
    };
    let findings = count(Status::Finding);
    output.status(&format!(
        "Checked {}: {findings} {}, {} skipped",
        reports.len(),
        if findings == 1 { "finding" } else { "findings" },
        count(Status::Skipped)
    ));
    Ok(if findings == 0 {
        ExitStatus::Success
    } else {
        ExitStatus::Findings
    })
}

/// A line a check, and one for its cure.
fn lines(reports: &[Report]) -> impl Iterator<Item = String> {
    let names = reports.iter().map(|report| report.name.chars().count());
    let width = names.max().unwrap_or_default();
    reports.iter().flat_map(move |report| {
        let (word, name) = (report.status.word(), &report.name);
        let cure = report.cure.as_ref();
        let first = format!("{word:7}  {name:width$}  {}", report.what);
        [Some(first), cure.map(|cure| format!("  cure: {cure}"))]
            .into_iter()
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_a_line_and_its_cure_another() {
        let report = |name: &str, status, what: &str, cure: Option<&str>| Report {
            name: name.to_owned(),
            status,
            what: what.to_owned(),
            cure: cure.map(str::to_owned),
        };
        let reports = [
            report("cargo", Status::Ok, "it is new", None),
            report(
                "e2fsprogs",
                Status::Finding,
                "it is old",
                Some("get a new one"),
            ),
            report("site", Status::Skipped, "there is none", None),
        ];
        insta::assert_snapshot!(lines(&reports).collect::<Vec<_>>().join("\n"), @r"
        ok       cargo      it is new
        finding  e2fsprogs  it is old
          cure: get a new one
        skipped  site       there is none
        ");
    }
}
