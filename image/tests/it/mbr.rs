//! The partition table against `sfdisk`, and against any input.

use std::fs::File;
use std::io::Write;

use image::mbr::{MBR_SIZE, Mbr, MbrError, Partition, PartitionType, Sectors};
use proptest::prelude::*;

use crate::support::{run, tool};

fn partition(number: u8, kind: u8, start: u64, length: u64) -> Partition {
    Partition {
        number,
        kind: PartitionType(kind),
        bootable: false,
        start: Sectors::new(start),
        length: Sectors::new(length),
    }
}

/// The layout of a published image of Raspberry Pi OS Lite.
fn raspberry_pi_os() -> Mbr {
    let mut mbr = Mbr::new(0x4f2c_9ea0);
    mbr.set(partition(1, 0x0C, 16_384, 1_048_576)).unwrap();
    mbr.set(partition(2, 0x83, 1_064_960, 4_161_536)).unwrap();
    mbr
}

#[test]
fn sfdisk_reads_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pi.img");
    let mut file = File::create(&path).unwrap();
    file.write_all(&raspberry_pi_os().to_bytes()).unwrap();
    file.set_len((1_064_960 + 4_161_536) * 512).unwrap();
    let dump = run(tool("sfdisk").arg("--dump").arg(&path)).replace(path.to_str().unwrap(), "pi");
    insta::assert_snapshot!(dump, @r"
    label: dos
    label-id: 0x4f2c9ea0
    device: pi
    unit: sectors
    sector-size: 512

    pi1 : start=       16384, size=     1048576, type=c
    pi2 : start=     1064960, size=     4161536, type=83
    ");
}

#[test]
fn rows_are_the_bytes_that_sfdisk_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pi.img");
    File::create(&path).unwrap().set_len(600 << 20).unwrap();
    let mut sfdisk = tool("sfdisk");
    sfdisk
        .args(["--quiet", "--no-reread", "--no-tell-kernel"])
        .arg(&path);
    crate::support::feed(
        &mut sfdisk,
        b"label: dos\nlabel-id: 0x12345678\nstart=2048,size=90000,type=c\nstart=92160,size=1000000,type=83\n",
    );
    let theirs = std::fs::read(&path).unwrap();
    let mut ours = Mbr::new(0x1234_5678);
    ours.set(partition(1, 0x0C, 2048, 90_000)).unwrap();
    ours.set(partition(2, 0x83, 92_160, 1_000_000)).unwrap();
    assert_eq!(ours.to_bytes()[440..], theirs[440..512]);
}

#[test]
fn boot_and_root_are_found_and_named_as_in_fstab() {
    let mbr = raspberry_pi_os();
    mbr.check(Sectors::new(1_064_960 + 4_161_536)).unwrap();
    assert_eq!(mbr.boot().unwrap().number, 1);
    assert_eq!(mbr.root().unwrap().offset(), 545_259_520);
    assert_eq!(mbr.partuuid(2), "4f2c9ea0-02");
}

#[test]
fn tables_that_are_none_of_a_pi_are_refused_with_a_word() {
    let parse = |change: fn(&mut [u8; MBR_SIZE])| {
        let mut sector = raspberry_pi_os().to_bytes();
        change(&mut sector);
        let mbr = Mbr::parse(&sector)?;
        mbr.check(Sectors::new(6_000_000))?;
        mbr.boot()?;
        mbr.root()?;
        Ok::<_, MbrError>(())
    };
    let mut report = String::new();
    let cases: [fn(&mut [u8; MBR_SIZE]); 9] = [
        |s| s[511] = 0,
        |s| s[450] = 0xEE,
        |s| {
            s[450] = 0xEE;
            s[462..478].fill(0);
        },
        |s| s[446] = 0x33,
        |s| s[458..462].fill(0),
        |s| s[454..458].copy_from_slice(&1_000_000_u32.to_le_bytes()),
        |s| s[474..478].copy_from_slice(&u32::MAX.to_le_bytes()),
        |s| s[450] = 0x82,
        |s| s[466] = 0x07,
    ];
    for case in cases {
        report.push_str(&parse(case).unwrap_err().to_string());
        report.push('\n');
    }
    insta::assert_snapshot!(report, @r"
    there is no partition table: the first sector ends in 55 00, not 55 aa
    the image has a hybrid GPT/MBR partition table, and Raspberry Pi images have an MBR
    the image has a GPT partition table, and Raspberry Pi images have an MBR
    row 1 of the partition table begins with 0x33, not with 0x00 or 0x80
    partition 1 has no sectors or begins at sector 0
    partition 1 ends at sector 2048576, after partition 2 begins at 1064960
    partition 2 ends at sector 4296032255, the image has 6000000
    the image has no FAT partition (type 0x0c); the types of its partitions: 0x82, 0x83
    the image has no Linux partition (type 0x83); the types of its partitions: 0x0c, 0x07
    ");
}

#[test]
fn what_does_not_fit_into_a_row_is_refused() {
    let mut mbr = Mbr::new(1);
    let before = mbr.to_bytes();
    let mut refuse = |partition: Partition| mbr.set(partition).unwrap_err().to_string();
    assert_eq!(
        refuse(partition(5, 0x83, 1, 1)),
        "there is no partition 5 in an MBR, only 1 to 4"
    );
    assert_eq!(
        refuse(partition(1, 0x83, 1 << 32, 1)),
        "partition 1 would need sector number 4294967296, an MBR ends at 4294967295"
    );
    assert_eq!(
        refuse(partition(1, 0x83, 0, 1)),
        "partition 1 has no sectors or begins at sector 0"
    );
    assert_eq!(mbr.to_bytes(), before);
}

proptest! {
    #[test]
    fn no_sector_makes_it_panic_and_what_is_accepted_is_kept(
        mut sector in proptest::collection::vec(any::<u8>(), MBR_SIZE),
        flags in proptest::array::uniform4(any::<bool>()),
        size in any::<u64>(),
    ) {
        sector[510..].copy_from_slice(&[0x55, 0xAA]);
        for (row, flag) in flags.into_iter().enumerate() {
            sector[446 + 16 * row] = if flag { 0x80 } else { 0 };
        }
        let sector: [u8; MBR_SIZE] = sector.try_into().unwrap();
        if let Ok(mut mbr) = Mbr::parse(&sector) {
            prop_assert_eq!(mbr.to_bytes(), sector);
            let _ = (mbr.check(Sectors::new(size)), mbr.boot().is_ok(), mbr.root().is_ok());
            for partition in mbr.partitions().copied().collect::<Vec<_>>() {
                mbr.set(partition).unwrap();
            }
            prop_assert_eq!(Mbr::parse(&mbr.to_bytes()).unwrap(), mbr);
        }
    }

    #[test]
    fn a_table_that_passes_has_no_two_partitions_on_one_sector(
        places in proptest::collection::vec((1_u64..100, 1_u64..40), 1..=4),
    ) {
        let mut mbr = Mbr::new(0);
        let mut sectors = [0_u8; 200];
        for ((start, length), number) in places.into_iter().zip(1..) {
            mbr.set(partition(number, 0x83, start, length)).unwrap();
            let range = usize::try_from(start).unwrap()..usize::try_from(start + length).unwrap();
            sectors[range].iter_mut().for_each(|count| *count += 1);
        }
        let naive = sectors.iter().all(|count| *count <= 1);
        prop_assert_eq!(mbr.check(Sectors::new(200)).is_ok(), naive);
    }
}
