//! The features of an ext4 file system by name, and which of them may be there when it is written.
//!
//! What isn't listed as fit is refused, even where the kernel would mount it: `debugfs` changes blocks and
//! inodes one by one, and whatever else a feature wants kept in step (quotas, encryption keys, folded
//! names) it doesn't.

/// What a file system may have so that reader, writer and checker all understand it: filetype, extent,
/// 64bit, `flex_bg`, `metadata_csum_seed`.
const INCOMPATIBLE_FIT: u32 = 0x2 | 0x40 | 0x80 | 0x200 | 0x2000;
/// `sparse_super`, `large_file`, `btree_dir`, `huge_file`, `uninit_bg`, `dir_nlink`, `extra_isize`,
/// `metadata_csum`.
const READ_ONLY_FIT: u32 = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x400;
/// All that e2fsprogs 1.47 has a name for. Others change nothing for who writes, but the checker refuses
/// to look at a file system that has them.
const COMPATIBLE_FIT: u32 = 0x1FFF;

/// Names of incompatible features, by bit, as `dumpe2fs` says them.
const INCOMPATIBLE: [(u32, &str); 15] = [
    (0x1, "compression"),
    (0x2, "filetype"),
    (0x8, "journal_dev"),
    (0x10, "meta_bg"),
    (0x40, "extent"),
    (0x80, "64bit"),
    (0x100, "mmp"),
    (0x200, "flex_bg"),
    (0x400, "ea_inode"),
    (0x1000, "dirdata"),
    (0x2000, "metadata_csum_seed"),
    (0x4000, "large_dir"),
    (0x8000, "inline_data"),
    (0x1_0000, "encrypt"),
    (0x2_0000, "casefold"),
];

/// Names of the features that allow only reading where they are unknown.
const READ_ONLY: [(u32, &str); 9] = [
    (0x80, "has_snapshot"),
    (0x100, "quota"),
    (0x200, "bigalloc"),
    (0x800, "replica"),
    (0x1000, "read-only"),
    (0x2000, "project"),
    (0x4000, "shared_blocks"),
    (0x8000, "verity"),
    (0x1_0000, "orphan_present"),
];

/// The names of those of the three sets of features with which a file system can't be written, joined by
/// commas; empty if there are none. Features without a name are shown by set and bit, as `dumpe2fs` does:
/// `FEATURE_I20`.
pub(super) fn unfit(compatible: u32, incompatible: u32, read_only: u32) -> String {
    let sets = [
        ('I', incompatible & !INCOMPATIBLE_FIT, &INCOMPATIBLE[..]),
        ('R', read_only & !READ_ONLY_FIT, &READ_ONLY[..]),
        ('C', compatible & !COMPATIBLE_FIT, &[]),
    ];
    let mut names = Vec::new();
    for (set, bits, known) in sets {
        for number in (0..32).filter(|number| bits & (1 << number) != 0) {
            let name = known.iter().find(|(bit, _)| *bit == 1_u32 << number);
            names.push(name.map_or_else(
                || format!("FEATURE_{set}{number}"),
                |(_, name)| (*name).to_owned(),
            ));
        }
    }
    names.join(", ")
}
