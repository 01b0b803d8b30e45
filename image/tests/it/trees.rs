//! Random trees are written and read back equal, and the checkers find nothing.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;

use image::ext4::{Ext4, Superblock};
use image::fat::Fat;
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
    #[test]
    fn no_superblock_makes_the_parser_panic(
        mut block in proptest::collection::vec(any::<u8>(), 1024),
        shift in 0_u8..8,
    ) {
        block[0x38..0x3A].copy_from_slice(&[0x53, 0xEF]);
        block[0x18..0x1C].copy_from_slice(&[shift, 0, 0, 0]);
        let block: [u8; 1024] = block.try_into().unwrap();
        if let Ok(superblock) = Superblock::parse(&block) {
            prop_assert!(superblock.size() >= superblock.blocks);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]

    #[test]
    fn no_damage_makes_the_readers_panic_or_hang(seed in any::<u64>()) {
        let bench = Bench::new(Features::Trixie);
        let card = Card::open(&bench.base()).unwrap();
        let (boot, root) = (*card.mbr().boot().unwrap(), *card.mbr().root().unwrap());
        let file = File::options().write(true).open(bench.base()).unwrap();
        // A linear congruential generator: the constants are Knuth's (MMIX).
        let numbers = std::iter::successors(Some(seed), |n| {
            Some(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
        });
        for number in numbers.skip(1).take(60) {
            let value = number.to_le_bytes()[7];
            let near = (number >> 16) % (32 << 10);
            let tables = boot.offset() + (number >> 24) % (1 << 20);
            let place = [boot.offset() + near, tables, root.offset() + near][value as usize % 3];
            file.write_all_at(&[value], place).unwrap();
            let _ = Fat::check(&bench.base(), &boot).is_ok();
            if let Ok(fat) = Fat::open(&bench.base(), &boot) {
                let _ = (fat.read("config.txt").is_ok(), fat.list("").is_ok());
            }
            if let Ok(root) = Ext4::open(&bench.base(), &root) {
                let _ = (root.read("/etc/hostname").is_ok(), root.list("/etc").is_ok());
            }
        }
    }
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
