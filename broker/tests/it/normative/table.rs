//! Which statement is tested where: the tables in `tests/normative`, and the page that is made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::support::write;

/// The standards, their tables, how many statements each has, and the numbers that it leaves out.
const STANDARDS: [(&str, &str, usize, &[&str]); 2] = [
    (
        "MQTT 3.1.1",
        include_str!("../../normative/mqtt-3.1.1.tsv"),
        141,
        &[],
    ),
    (
        "MQTT 5.0",
        include_str!("../../normative/mqtt-5.0.tsv"),
        251,
        &["2.2.1-1"],
    ),
];

/// The page, from the package's folder.
const PAGE: &str = "tests/normative/statements.md";

/// What is known of a statement.
struct Statement<'a> {
    /// Without brackets, as the standard writes it.
    number: &'a str,
    about: &'a str,
    binds: &'a str,
    state: State<'a>,
}

enum State<'a> {
    Tested(Vec<&'a str>),
    NotApplicable(&'a str),
    Open(&'a str),
}

fn statements(table: &str) -> Vec<Statement<'_>> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let columns: Vec<_> = line.split('\t').collect();
            let [number, about, binds, state] = columns[..] else {
                panic!("{} columns, not 4: {line}", columns.len())
            };
            let (kind, what) = state.split_once(": ").unwrap();
            assert!(!what.trim().is_empty(), "{line}");
            let state = match kind {
                "tested" => State::Tested(what.split(", ").collect()),
                "not applicable" => State::NotApplicable(what),
                "open" => State::Open(what),
                _ => panic!("no state: {line}"),
            };
            assert!(["server", "client", "both"].contains(&binds), "{line}");
            Statement {
                number,
                about,
                binds,
                state,
            }
        })
        .collect()
}

/// The names of all functions that are tests, in the sources and beside them.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec!["src".into(), "tests".into()];
    while let Some(folder) = folders.pop() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join::<std::path::PathBuf>(folder);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                names(&fs::read_to_string(path).unwrap(), &mut found);
            }
        }
    }
    found
}

fn names(source: &str, found: &mut BTreeSet<String>) {
    for after in source.split("#[test]\n").skip(1) {
        let name = after
            .split_once("fn ")
            .unwrap()
            .1
            .split_once('(')
            .unwrap()
            .0;
        found.insert(name.to_owned());
    }
}

#[test]
fn every_statement_is_there_once() {
    for (standard, table, count, left_out) in STANDARDS {
        let mut sections: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for statement in statements(table) {
            // One number of MQTT 3.1.1 is misprinted in the standard, and known by that: MQTT-3-8.3-4.
            let number = statement
                .number
                .strip_prefix("MQTT-")
                .unwrap()
                .replace("3-8.3-", "3.8.3-");
            let (section, index) = number.rsplit_once('-').unwrap();
            let new = sections
                .entry(section.to_owned())
                .or_default()
                .insert(index.parse().unwrap());
            assert!(new, "{} is there twice in {standard}", statement.number);
        }
        for (section, found) in &sections {
            for index in 1..=*found.last().unwrap() {
                let number = format!("{section}-{index}");
                let there = found.contains(&index);
                assert!(
                    there != left_out.contains(&&*number),
                    "{number} of {standard}"
                );
            }
        }
        assert_eq!(
            sections.values().map(BTreeSet::len).sum::<usize>(),
            count,
            "{standard}"
        );
    }
}

#[test]
fn every_test_that_a_statement_names_exists() {
    let tests = tests();
    for (standard, table, ..) in STANDARDS {
        for Statement { number, state, .. } in statements(table) {
            let State::Tested(names) = state else {
                continue;
            };
            for name in names {
                assert!(
                    tests.contains(name),
                    "{number} of {standard} names {name}, which is no test"
                );
            }
        }
    }
}

#[test]
fn at_most_one_statement_in_twenty_is_open() {
    for (standard, table, count, _) in STANDARDS {
        let all = statements(table);
        let open = all
            .iter()
            .filter(|statement| matches!(statement.state, State::Open(_)))
            .count();
        assert!(
            open * 20 <= count,
            "{open} of {count} are open in {standard}"
        );
        for statement in &all {
            let silent = matches!(statement.state, State::NotApplicable(why) if why.starts_with("only a client"));
            assert!(
                !silent || statement.binds != "server",
                "{} binds the server",
                statement.number
            );
        }
    }
}

/// The tables as a page for people.
fn page() -> String {
    let mut page = "# Normative statements\n\nMade from the tables beside it by `WRITE_TABLES=1 cargo nextest run \
    --package broker the_page_of_statements`.\n\nEach name is that of a test function; those that both standards \
    have run in both versions.\n"
        .to_owned();
    for (standard, table, ..) in STANDARDS {
        let all = statements(table);
        let count =
            |wanted: fn(&State<'_>) -> bool| all.iter().filter(|one| wanted(&one.state)).count();
        let tested = count(|state| matches!(state, State::Tested(_)));
        let not = count(|state| matches!(state, State::NotApplicable(_)));
        let open = count(|state| matches!(state, State::Open(_)));
        let _ = write!(
            page,
            "\n## {standard}\n\n{} statements: {tested} tested, {not} not applicable, {open} open.\n\n\
            | Statement | About | Binds | State |\n| --- | --- | --- | --- |\n",
            all.len(),
        );
        for Statement {
            number,
            about,
            binds,
            state,
        } in &all
        {
            let state = match state {
                State::Tested(names) => names
                    .iter()
                    .map(|name| format!("`{name}`"))
                    .collect::<Vec<_>>()
                    .join(", "),
                State::NotApplicable(why) => format!("not applicable: {why}"),
                State::Open(what) => format!("**open**: {what}"),
            };
            let _ = writeln!(page, "| {number} | {about} | {binds} | {state} |");
        }
    }
    page
}

#[test]
fn the_page_of_statements_is_made_from_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    if std::env::var_os("WRITE_TABLES").is_some() {
        write(&path, page());
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == page(),
        "{PAGE} is old: run this test with WRITE_TABLES=1"
    );
}
