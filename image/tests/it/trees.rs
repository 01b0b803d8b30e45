//! Random trees are written and read back equal, and the checkers find nothing.

use std::collections::BTreeSet;

use image::{Card, Entry, EntryPath, Overlay, Owner};
use proptest::prelude::*;

use crate::support::{Bench, Features, assert_sound};

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-zA-Z0-9 '#$<>|*?.äß中-]{1,12}",
        1 => "[a-z]{255}",
        1 => "<[0-9]{1,3}>",
    ]
    .prop_filter("no name", |name| name != "." && name != "..")
}

fn entry() -> impl Strategy<Value = Entry> {
    let bytes = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..300),
        1 => (0_usize..300_000, any::<u8>()).prop_map(|(size, byte)| vec![byte; size]),
    ];
    let owner = (0_u32..100_000, 0_u32..100_000).prop_map(|(uid, gid)| Owner { uid, gid });
    let kind = prop_oneof![
        3 => (bytes, 0_u32..0o10000).prop_map(|(bytes, mode)| Entry::file(bytes, mode, "test")),
        1 => (0_u32..0o10000).prop_map(|mode| Entry::directory(mode, "test")),
        1 => "[a-z/. \"]{1,120}".prop_map(|target| Entry::symlink(target, "test")),
    ];
    (kind, prop_oneof![Just(Owner::ROOT), owner]).prop_map(|(entry, owner)| entry.owned_by(owner))
}

/// Trees in which nothing lies below what isn't a directory.
fn tree() -> impl Strategy<Value = Overlay> {
    let path = proptest::collection::vec(name(), 1..4);
    proptest::collection::vec((path, entry()), 0..30).prop_map(|entries| {
        let mut overlay = Overlay::new();
        let mut inner = BTreeSet::new();
        for (names, entry) in entries {
            let path = format!("/srv/{}", names.join("/"));
            let path = EntryPath::new(path).unwrap();
            let above: Vec<_> = std::iter::successors(path.parent(), EntryPath::parent).collect();
            let blocked = above
                .iter()
                .any(|parent| overlay.get(parent.as_str()).is_some());
            if !blocked && !inner.contains(&path) && overlay.get(path.as_str()).is_none() {
                inner.extend(above);
                overlay.insert(path, entry).unwrap();
            }
        }
        overlay
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn whatever_tree_is_written_reads_back(tree in tree()) {
        // `assemble` reads everything back itself; this shows that it finds nothing to object to.
        let bench = Bench::new(Features::Trixie);
        let report = bench.assemble(&tree).unwrap();
        prop_assert!(report.written.len() >= tree.len());
        assert_sound(&bench.output());
        let card = Card::open(&bench.output()).unwrap();
        for (path, entry) in tree.iter() {
            let found = card.find(path.as_str()).unwrap().unwrap();
            prop_assert_eq!(found.owner, entry.owner);
        }
    }
}
