//! The table of features and clients.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::{FEATURES, OF_ALL_VERSIONS, Results};
use crate::support::write;

/// Where it is kept, from the package's folder.
const FILE: &str = "tests/it/clients/matrix.md";

/// What one client found in one version over one transport.
pub(super) struct Column {
    pub(super) client: &'static str,
    pub(super) version: &'static str,
    pub(super) transport: &'static str,
    pub(super) results: Results,
}

impl Column {
    /// What came of a feature.
    fn cell(&self, feature: &str, index: usize) -> &str {
        if index >= OF_ALL_VERSIONS && self.version != "5" {
            return "-";
        }
        let found = self.results.iter().find(|(name, _)| name == feature);
        found.map_or("not tried", |(_, result)| result)
    }
}

/// The table, a row for each client, version and transport.
pub(super) fn table(columns: &[Column]) -> String {
    let mut table =
        "# Clients\n\nWhat clients that others wrote find, feature by feature; made by \
    `WRITE_TABLES=1 cargo nextest run --package broker every_client_is_served`.\n\n\
    `-` is what there is in version 5 only.\n\n| Client | Version | Transport |"
            .to_owned();
    for feature in FEATURES {
        let _ = write!(table, " {feature} |");
    }
    table.push_str("\n|");
    table.push_str(&" --- |".repeat(3 + FEATURES.len()));
    table.push('\n');
    for column in columns {
        let Column {
            client,
            version,
            transport,
            ..
        } = column;
        let _ = write!(table, "| {client} | {version} | {transport} |");
        for (index, feature) in FEATURES.iter().enumerate() {
            let _ = write!(table, " {} |", column.cell(feature, index));
        }
        table.push('\n');
    }
    table
}

/// Holds what was found against what is kept: no cell may have got worse, and none better unnoticed.
pub(super) fn check(found: &str) {
    assert!(
        !found.contains("failed") && !found.contains("not tried"),
        "{found}"
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("WRITE_TABLES").is_some() {
        write(&path, found);
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == found,
        "{FILE} is old, run this with WRITE_TABLES=1; now it is\n{found}"
    );
}
