//! Bases whose FAT is damaged: nothing is made of them, and of a card it is said.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use image::inspect::inspect;
use image::mbr::{MBR_SIZE, Mbr};
use image::{Card, Overlay};

use crate::support::{Bench, Features, ROOT, chain, run, tool};

/// Where the partition with FAT begins, where its two tables are, and how long each is, in bytes.
fn tables(file: &File) -> (u64, [u64; 2], usize) {
    let mut sector = [0; MBR_SIZE];
    file.read_exact_at(&mut sector, 0).unwrap();
    let start = Mbr::parse(&sector).unwrap().boot().unwrap().offset();
    file.read_exact_at(&mut sector, start).unwrap();
    let reserved = u64::from(u16::from_le_bytes([sector[14], sector[15]])) * 512;
    let length = u32::from_le_bytes(sector[36..40].try_into().unwrap()) * 512;
    let first = start + reserved;
    (start, [first, first + u64::from(length)], length as usize)
}

/// A base that `change` has damaged, so that also others find it so.
fn damaged(change: impl FnOnce(&File, [u64; 2], usize)) -> Bench {
    let bench = Bench::new(Features::Trixie);
    let base = bench.base();
    let file = File::options().read(true).write(true).open(&base).unwrap();
    let (start, at, length) = tables(&file);
    change(&file, at, length);
    let part = bench.path("part");
    let bytes = fs::read(&base).unwrap();
    crate::support::write(&part, &bytes[usize::try_from(start).unwrap()..]);
    let said = tool("fsck.vfat").arg("-n").arg(&part).output().unwrap();
    assert!(!said.status.success(), "{said:?}");
    fs::remove_file(part).unwrap();
    bench
}

/// Bytes without a pattern, the same at every run.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(next).collect()
}

fn both_random() -> Bench {
    damaged(|file, at, length| {
        for at in at {
            file.write_all_at(&noise(length), at).unwrap();
        }
    })
}

fn copies_differ() -> Bench {
    damaged(|file, at, _| file.write_all_at(&[0x55; 64], at[1] + 4096).unwrap())
}

/// What is said when a card is made of it, with the hint.
fn said(bench: &Bench) -> String {
    let before = bench.names();
    let error = bench.assemble(&Overlay::new()).unwrap_err();
    assert_eq!(bench.names(), before);
    let hint = error.hint().unwrap_or_else(|| "no hint".to_owned());
    let text = format!("{}\n  hint: {hint}", chain(&error));
    text.replace(bench.folder.path().to_str().unwrap(), "[DIR]")
}

#[test]
fn a_base_with_a_destroyed_fat_is_refused_although_nothing_is_written_to_it() {
    let report = format!("{}\n{}", said(&both_random()), said(&copies_differ()));
    insta::assert_snapshot!(report, @r"
    the FAT partition of [DIR]/base.img is damaged
      because the chain from cluster 2 leads to 112740784, which is none of a file
      hint: the image is damaged: download or copy it again
    the FAT partition of [DIR]/base.img is damaged
      because the two copies of the allocation table differ at cluster 1024
      hint: the image is damaged: download or copy it again
    ");
}

#[test]
fn a_damaged_fat_is_a_finding() {
    let bench = copies_differ();
    let inspection = inspect(&Card::open_used(&bench.base()).unwrap()).unwrap();
    let found = &inspection.findings;
    let fat = found
        .iter()
        .find(|finding| finding.subject == "FAT file system");
    insta::assert_snapshot!(fat.unwrap().what, @"it is damaged: the two copies of the allocation table differ at cluster 1024");
}

#[test]
fn a_wrong_count_of_free_clusters_is_no_damage() {
    let bench = Bench::new(Features::Trixie);
    let file = File::options()
        .read(true)
        .write(true)
        .open(bench.base())
        .unwrap();
    let (start, _, _) = tables(&file);
    file.write_all_at(&7_u32.to_le_bytes(), start + 512 + 488)
        .unwrap();
    bench.assemble(&Overlay::new()).unwrap();
    run(tool("sfdisk").arg("--verify").arg(bench.output()));
}

#[test]
fn a_base_whose_boot_sector_is_gone_is_refused_with_a_hint() {
    let bench = Bench::new(Features::Trixie);
    let file = File::options()
        .read(true)
        .write(true)
        .open(bench.base())
        .unwrap();
    let (start, _, _) = tables(&file);
    file.write_all_at(&[0; 512], start).unwrap();
    insta::assert_snapshot!(said(&bench), @r"
    partition 1 of [DIR]/base.img is not a readable FAT file system
      because Invalid boot sector signature
      hint: the image is damaged: download or copy it again
    ");
}

#[test]
fn a_root_file_system_that_is_none_and_one_with_broken_books_are_refused_with_a_hint() {
    let mut report = String::new();
    // The magic number, the size of the blocks, and the table of the groups.
    for (at, bytes) in [
        (0x438, [0; 2].as_slice()),
        (0x418, &[9]),
        (4096, &[0xFF; 4096]),
    ] {
        let bench = Bench::new(Features::Trixie);
        let file = File::options().write(true).open(bench.base()).unwrap();
        file.write_all_at(bytes, ROOT.0 * 512 + at).unwrap();
        report.push_str(&said(&bench));
        report.push('\n');
    }
    insta::assert_snapshot!(report, @r"
    partition 2 of [DIR]/base.img can't be used
      because there is no ext4 file system: the magic number is 0x0000, not 0xef53
      hint: the image is damaged: download or copy it again
    partition 2 of [DIR]/base.img can't be used
      because the ext4 block size is 1 KiB shifted by 9, at most 6 is allowed
      hint: the image is damaged: download or copy it again
    cannot read / on the ext4 partition of [DIR]/base.img
      because corrupt filesystem: invalid checksum for block group descriptor 0
      hint: the image is damaged: download or copy it again
    ");
}

#[test]
fn a_gpt_that_no_row_announces_is_refused_as_one() {
    let bench = Bench::new(Features::Trixie);
    let file = File::options().write(true).open(bench.base()).unwrap();
    file.write_all_at(b"EFI PART", 512).unwrap();
    // On a card it may be left from before, and does no harm.
    Card::open_used(&bench.base()).unwrap();
    insta::assert_snapshot!(said(&bench), @r"
    [DIR]/base.img is not a usable card image
      because the image has a hybrid GPT/MBR partition table, and Raspberry Pi images have an MBR
      hint: use an image for the Raspberry Pi with an MBR, as those of Raspberry Pi OS have it
    ");
}
