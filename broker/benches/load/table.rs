//! What was measured, as a table with ratios.

use std::fmt;

use crate::server::Kind;

/// Which way a figure should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
}

/// All figures of all rounds.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

struct Row {
    what: &'static str,
    unit: &'static str,
    better: Better,
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

impl Table {
    /// Adds a figure of one round.
    pub(crate) fn add(
        &mut self,
        what: &'static str,
        unit: &'static str,
        better: Better,
        kind: Kind,
        value: f64,
    ) {
        let place = self
            .rows
            .iter()
            .position(|row| row.what == what && row.unit == unit);
        let index = place.unwrap_or_else(|| {
            let (ours, theirs) = (Vec::new(), Vec::new());
            self.rows.push(Row {
                what,
                unit,
                better,
                ours,
                theirs,
            });
            self.rows.len() - 1
        });
        match kind {
            Kind::Ours => self.rows[index].ours.push(value),
            Kind::Theirs => self.rows[index].theirs.push(value),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<66} {:>11} {:>11} {:>7}",
            "", "ours", "mosquitto", "ratio"
        )?;
        for row in &self.rows {
            let (ours, theirs) = (median(&row.ours), median(&row.theirs));
            let what = format!("{}: {}", row.what, row.unit);
            let (digits, ratio) = (usize::from(ours < 100.0), ours / theirs);
            let worse = match row.better {
                Better::More => ratio < 0.99,
                Better::Less => ratio > 1.01,
            };
            let mark = if worse { " worse" } else { "" };
            writeln!(
                f,
                "{what:<66} {ours:>11.digits$} {theirs:>11.digits$} {ratio:>7.2}{mark}"
            )?;
        }
        Ok(())
    }
}

/// The middle one, or 0 of none.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
