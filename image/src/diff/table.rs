//! What two cards differ in before the first path: size, partition table, file systems.

use serde::Serialize;

use crate::card::Card;

/// A fact about a card as a whole that is not the same on both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableDifference {
    /// Which: `size`, `disk id`, `partition 2 length`.
    pub what: String,
    /// On the first card.
    pub before: String,
    /// On the second card.
    pub after: String,
}

/// Compares sizes, partition tables and the names of file systems.
pub fn tables(before: &Card, after: &Card) -> Vec<TableDifference> {
    let (one, other) = (facts(before), facts(after));
    let mut names: Vec<_> = one.iter().map(|(name, _)| name).collect();
    for (name, _) in &other {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let value = |facts: &[(String, String)], wanted: &str| {
        let found = facts.iter().find(|(name, _)| name == wanted);
        found.map_or_else(|| "none".to_owned(), |(_, value)| value.clone())
    };
    names
        .into_iter()
        .map(|name| TableDifference {
            what: name.clone(),
            before: value(&one, name),
            after: value(&other, name),
        })
        .filter(|difference| difference.before != difference.after)
        .collect()
}

fn facts(card: &Card) -> Vec<(String, String)> {
    let mut facts = vec![
        ("size".to_owned(), format!("{} bytes", card.size())),
        (
            "disk id".to_owned(),
            format!("{:08x}", card.mbr().disk_id()),
        ),
    ];
    for partition in card.mbr().partitions() {
        let mut add = |what: &str, value: String| {
            facts.push((format!("partition {} {what}", partition.number), value));
        };
        add("type", partition.kind.to_string());
        add(
            "boot flag",
            if partition.bootable { "set" } else { "clear" }.to_owned(),
        );
        add("start", partition.start.to_string());
        add("length", partition.length.to_string());
    }
    facts.push(("boot label".to_owned(), card.boot().label()));
    facts.push(("boot serial number".to_owned(), card.boot().serial()));
    facts.push((
        "root label".to_owned(),
        card.root().superblock().label.clone(),
    ));
    facts.push(("root uuid".to_owned(), card.root().uuid()));
    facts
}
