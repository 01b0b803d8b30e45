//! The tables of spreadsheets: a header, then a row a card.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::file::{Card, Place};
use crate::hint::{Fault, nearest};
use crate::site::NameError;

/// The columns of a table, which are the keys of a card in YAML.
const COLUMNS: [&str; 6] = ["name", "address", "gateway", "dns", "people", "san"];

/// A row of a table before its cells are looked at.
type Cells = BTreeMap<String, String>;

/// Reads a table: a header with some of [`COLUMNS`] in any order, then a row a card. Several values in one cell
/// are separated by spaces. Spreadsheets of half the world separate cells with semicolons.
pub(super) fn read(name: &str, text: &str) -> anyhow::Result<Vec<(Place, Card)>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines();
    let header = lines.find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let semicolons = header.is_some_and(|line| line.contains(';') && !line.contains(','));
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(if semicolons { b';' } else { b',' })
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let header = reader
        .headers()
        .map_err(|error| broken(name, text, &error))?
        .clone();
    let place = place_of(text, header.position()).of(name);
    for (index, column) in header.iter().enumerate() {
        check_column(&place, column)?;
        if header.iter().take(index).any(|earlier| earlier == column) {
            let text = format!("{place}: there are two columns {column:?}");
            return Err(Fault::input(text).into());
        }
    }
    let mut cards = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| broken(name, text, &error))?;
        let place = place_of(text, record.position());
        let cells = header.iter().zip(&record);
        let cells = cells.map(|(column, cell)| (column.to_owned(), cell.to_owned()));
        let card = Card::of_cells(cells.collect());
        let card = card.map_err(|error| Fault::input(format!("{}: {error}", place.of(name))))?;
        cards.push((place, card));
    }
    Ok(cards)
}

/// Where a record is. What the reader passes over before it counts to it: comments, and empty lines.
fn place_of(text: &str, position: Option<&csv::Position>) -> Place {
    let Some(position) = position else {
        return Place::Line(1);
    };
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let lines = text.get(start..).unwrap_or_default().lines();
    let passed = lines.take_while(|line| line.is_empty() || line.starts_with('#'));
    Place::Line(position.line() + passed.count() as u64)
}

/// What is wrong with the form of a table.
fn broken(name: &str, text: &str, error: &csv::Error) -> Fault {
    let place = place_of(text, error.position()).of(name);
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            let text = format!("{place}: there are {len} cells, and {expected_len} columns");
            Fault::input(text)
                .hint("several values in one cell are separated by spaces, and a cell may be empty")
        }
        _ => Fault::input(format!("{place}: {error}")),
    }
}

fn check_column(place: &str, column: &str) -> anyhow::Result<()> {
    if COLUMNS.contains(&column) {
        return Ok(());
    }
    let fault = Fault::input(format!("{place}: unknown column {column:?}"));
    Err(match nearest(column, COLUMNS) {
        Some(near) => fault.hint(format!("did you mean {near:?}?")),
        None => fault.hint(format!(
            "this line names the columns: {}",
            COLUMNS.join(", ")
        )),
    }
    .into())
}

impl Card {
    fn of_cells(mut cells: Cells) -> Result<Self, String> {
        let mut take = |column: &str| cells.remove(column).filter(|cell| !cell.is_empty());
        let words = |cell: Option<String>| -> Vec<String> {
            let cell = cell.unwrap_or_default();
            cell.split_whitespace().map(str::to_owned).collect()
        };
        let people = take("people").map(|cell| {
            let names = cell.split_whitespace().map(str::parse);
            names
                .collect::<Result<_, _>>()
                .map_err(|error: NameError| error.to_string())
        });
        let ip = |text: &str| {
            let parsed = text.parse::<IpAddr>();
            parsed.map_err(|_address| format!("{text:?} is no address"))
        };
        Ok(Self {
            name: take("name").ok_or("the card has no name")?,
            address: take("address").map(|cell| cell.parse()).transpose()?,
            gateway: take("gateway").map(|cell| ip(&cell)).transpose()?,
            dns: words(take("dns"))
                .iter()
                .map(|word| ip(word))
                .collect::<Result<_, _>>()?,
            people: people.transpose()?,
            san: words(take("san")),
        })
    }
}
