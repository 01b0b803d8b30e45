//! Random trees are written and read back equal, and the checkers find nothing.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};

use image::ext4::{Ext4, FoundKind, Superblock};
use image::fat::Fat;
use image::{Card, Entry, EntryPath, Kind, Overlay, Owner};
use proptest::prelude::*;

use crate::support::{Bench, Features, assert_sound, debugfs};

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-zA-Z0-9 '\"\\\\#$<>|*?.äß中🥧-]{1,12}",
        1 => "[a-z]{255}",
        1 => "ä{127}x",
        1 => "<[0-9]{1,3}>",
        1 => "[\"\\\\ -]{1,3}",
    ]
    .prop_filter("no name", |name| name != "." && name != "..")
}

/// Numbers in which the upper halves, that ext4 keeps apart, are used as often as not.
fn id() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), 1_u32..70_000, any::<u32>(), Just(u32::MAX)]
}

fn entry() -> impl Strategy<Value = Entry> {
    let bytes = prop_oneof![
        1 => Just(Vec::new()),
        4 => proptest::collection::vec(any::<u8>(), 0..300),
        1 => (0_usize..300_000, any::<u8>()).prop_map(|(size, byte)| vec![byte; size]),
        // With holes, and not at the borders of blocks.
        1 => (0_usize..3_000_000, any::<u8>()).prop_map(|(size, byte)| {
            let mut bytes = vec![0; size];
            bytes.iter_mut().step_by(400_009).for_each(|b| *b = byte);
            bytes
        }),
    ];
    let owner = (id(), id()).prop_map(|(uid, gid)| Owner { uid, gid });
    let kind = prop_oneof![
        3 => (bytes, 0_u32..0o10000).prop_map(|(bytes, mode)| Entry::file(bytes, mode, "test")),
        1 => (0_u32..0o10000).prop_map(|mode| Entry::directory(mode, "test")),
        1 => "[a-zä/. \"\\\\]{1,120}".prop_map(|target| Entry::symlink(target, "test")),
        1 => "[a-z]{58,62}".prop_map(|target| Entry::symlink(target, "test")),
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

/// The file systems that trees are written into.
const MADE: [&[&str]; 4] = [
    &["-b", "4096", "-O", TRIXIE],
    &[
        "-b",
        "4096",
        "-O",
        "^64bit,^huge_file,^metadata_csum,^orphan_file",
    ],
    &["-b", "1024", "-O", TRIXIE],
    &["-b", "2048", "-O", "64bit"],
];
const TRIXIE: &str = "^64bit,^huge_file,metadata_csum,metadata_csum_seed,orphan_file";

/// How `debugfs` lists an entry: type and mode, owner, name, size.
fn listed(name: &str, entry: &Entry) -> String {
    let (kind, mode, size) = match &entry.kind {
        Kind::File(bytes) => ("10", entry.mode, bytes.len().to_string()),
        Kind::Directory => ("04", entry.mode, String::new()),
        Kind::Symlink(target) => ("12", 0o777, target.len().to_string()),
        Kind::Absent => unreachable!("no tree has it"),
    };
    // It shows ids with a sign.
    let (uid, gid) = (entry.owner.uid.cast_signed(), entry.owner.gid.cast_signed());
    format!("/{kind}{mode:04o}/{uid}/{gid}/{name}/{size}/")
}

/// Compares `tree` with what `debugfs` makes of the image: its lists of all directories, and the files that
/// it takes out.
fn assert_others_read(bench: &Bench, tree: &Overlay) {
    let mut folders = BTreeSet::new();
    for (path, _) in tree.iter() {
        folders.insert(path.parent().unwrap());
    }
    for folder in folders {
        let quoted = folder.as_str().replace('"', "\"\"");
        let listing = debugfs(&bench.output(), &format!("ls -p \"{quoted}\""));
        for (path, entry) in tree.iter() {
            if path.parent().as_ref() == Some(&folder) {
                let line = listed(path.file_name(), entry);
                assert!(listing.contains(&line), "{listing} lacks {line}");
            }
        }
    }
    let dump = bench.path("dump");
    fs::create_dir(&dump).unwrap();
    debugfs(&bench.output(), &format!("rdump /srv {}", dump.display()));
    for (path, entry) in tree.iter() {
        let there = dump.join(&path.as_str()[1..]);
        match &entry.kind {
            Kind::File(bytes) => {
                // Only root can read what has no such permission.
                fs::set_permissions(&there, fs::Permissions::from_mode(0o600)).unwrap();
                assert!(fs::read(&there).unwrap() == *bytes, "{path}");
            }
            Kind::Symlink(target) => {
                assert_eq!(fs::read_link(&there).unwrap().to_str(), Some(&**target));
            }
            Kind::Directory => {
                fs::set_permissions(&there, fs::Permissions::from_mode(0o700)).unwrap();
                assert!(there.is_dir());
            }
            Kind::Absent => unreachable!("no tree has it"),
        }
    }
}

/// What the independent reader of this crate finds, attribute by attribute.
fn assert_card_holds(card: &Card, tree: &Overlay) {
    for (path, entry) in tree.iter() {
        let found = card.find(path.as_str()).unwrap().unwrap();
        assert_eq!(found.owner, entry.owner, "{path}");
        match &entry.kind {
            Kind::Symlink(target) => assert_eq!(found.kind, FoundKind::Symlink(target.clone())),
            Kind::Directory => {
                assert_eq!((found.kind, found.mode), (FoundKind::Directory, entry.mode));
            }
            Kind::File(bytes) => {
                assert_eq!(found.mode, entry.mode, "{path}");
                assert!(
                    card.read(path.as_str()).unwrap().as_ref() == Some(bytes),
                    "{path}"
                );
            }
            Kind::Absent => unreachable!("no tree has it"),
        }
    }
}

proptest! {
    // `PROPTEST_CASES` asks for more.
    #![proptest_config(ProptestConfig { cases: cases(24), ..ProptestConfig::default() })]

    #[test]
    fn whatever_tree_is_written_reads_back_and_goes_again(
        tree in tree(), other in tree(), made in 0..MADE.len(),
    ) {
        let bench = Bench::made(MADE[made], |_| {});
        let report = bench.assemble(&tree).unwrap();
        prop_assert!(report.written.len() >= tree.len());
        assert_sound(&bench.output());
        assert_card_holds(&Card::open(&bench.output()).unwrap(), &tree);
        assert_others_read(&bench, &tree);
        // Onto what is there now: a tree beside it, with some names replaced, and one without it.
        fs::rename(bench.output(), bench.base()).unwrap();
        let mut second = Overlay::new();
        for (path, entry) in other.iter() {
            let moved = EntryPath::new(path.as_str().replacen("/srv", "/opt", 1)).unwrap();
            second.insert(moved, entry.clone()).unwrap();
        }
        for (path, entry) in tree.iter() {
            if let Kind::File(bytes) = &entry.kind {
                let half = bytes[..bytes.len() / 2].to_vec();
                second.insert(path.clone(), Entry::file(half, 0o600, "again")).unwrap();
            }
        }
        bench.assemble(&second).unwrap();
        assert_sound(&bench.output());
        assert_card_holds(&Card::open(&bench.output()).unwrap(), &second);
        fs::rename(bench.output(), bench.base()).unwrap();
        let mut nothing = Overlay::new();
        nothing.insert(EntryPath::new("/srv").unwrap(), Entry::absent("test")).unwrap();
        bench.assemble(&nothing).unwrap();
        assert_sound(&bench.output());
    }
}

fn cases(few: u32) -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(few)
}
