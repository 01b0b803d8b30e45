//! The table of differences that are known.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::support::run;

/// Where the table is, from the package's folder.
pub(super) const TABLE: &str = "tests/it/compare/differences.tsv";

/// What two brokers answered to one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) theirs: String,
    pub(super) ours: String,
}

/// The version of Mosquitto that the table was taken with: others may answer better.
const TAKEN_WITH: &str = "mosquitto version 2.0.11";

/// Whether the installed Mosquitto is the one that the table was taken with.
pub(super) fn is_taken_with_this() -> bool {
    let said = run("mosquitto", &["-h"]).stdout;
    String::from_utf8_lossy(&said).starts_with(TAKEN_WITH)
}

/// Reads the table: four columns, the step, their answer, ours, and the reason.
pub(super) fn known() -> BTreeMap<String, Difference> {
    let mut known = BTreeMap::new();
    let lines = include_str!("differences.tsv").lines().enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.starts_with('#')) {
        let columns: Vec<_> = line.split('\t').collect();
        let [label, theirs, ours, reason] = columns[..] else {
            panic!("{TABLE}:{}: {} columns, not 4", index + 1, columns.len())
        };
        assert!(reason.len() > 10, "{TABLE}:{}: no reason", index + 1);
        let difference = Difference {
            theirs: theirs.to_owned(),
            ours: ours.to_owned(),
        };
        let twice = known.insert(label.to_owned(), difference);
        assert!(
            twice.is_none(),
            "{TABLE}:{}: {label} is there twice",
            index + 1
        );
    }
    known
}

/// Differences as lines of the table, the reason to be written by hand.
pub(super) fn listed<'a>(
    differences: impl IntoIterator<Item = (&'a String, &'a Difference)>,
) -> String {
    let mut lines = String::new();
    for (label, Difference { theirs, ours }) in differences {
        let _ = writeln!(lines, "{label}\t{theirs}\t{ours}\tWHY");
    }
    lines
}
