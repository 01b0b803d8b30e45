//! The FAT partition: what `fatfs` writes, `fsck.vfat` and `mtools` accept, and our own check sees
//! damage that they see.

use std::fs::File;
use std::os::unix::fs::FileExt;

use image::fat::{Fat, FatKind};
use image::{Card, Entry};

use crate::support::{Bench, Features, WHEN, assert_sound, at_boot, overlay, run, tool};

#[test]
fn directories_files_and_replacements_are_sound_to_others() {
    let bench = Bench::new(Features::Trixie);
    let card = Card::open(&bench.base()).unwrap();
    let boot = *card.mbr().boot().unwrap();
    let fat = Fat::open_for_writing(&bench.base(), &boot, WHEN).unwrap();
    fat.write("a/b c/deep.txt", b"one").unwrap();
    fat.write("a/b c/deep.txt", &[b'x'; 5000]).unwrap();
    fat.write("CONFIG.TXT", b"shorter").unwrap();
    fat.write("a/Gone.txt", b"soon").unwrap();
    fat.remove("a/gone.TXT").unwrap();
    fat.remove("never/there").unwrap();
    fat.create_directory("overlays/empty").unwrap();
    fat.write("empty.txt", b"").unwrap();
    for index in 0..100 {
        fat.write(&format!("many/overlay number {index}.dtbo"), &[1; 700])
            .unwrap();
    }
    fat.close().unwrap();

    Fat::check(&bench.base(), &boot).unwrap();
    assert_sound(&bench.base());
    let image = at_boot(&bench.base());
    let deep = run(tool("mtype").args(["-i", &image, "::/a/b c/deep.txt"]));
    assert_eq!(deep, "x".repeat(5000));
    assert_eq!(
        run(tool("mtype").args(["-i", &image, "::/config.txt"])),
        "shorter"
    );
    let fat = Fat::open(&bench.base(), &boot).unwrap();
    assert_eq!(fat.label(), "bootfs");
    assert_eq!(fat.kind("a/gone.txt").unwrap(), None);
    assert_eq!(fat.kind("A/B C").unwrap(), Some(FatKind::Directory));
    assert_eq!(fat.kind("empty.TXT").unwrap(), Some(FatKind::File(0)));
    assert_eq!(fat.list("many").unwrap().len(), 100);
}

#[test]
fn damage_is_found_as_fsck_finds_it() {
    let bench = Bench::new(Features::Trixie);
    let card = Card::open(&bench.base()).unwrap();
    let boot = *card.mbr().boot().unwrap();
    Fat::check(&bench.base(), &boot).unwrap();
    let file = File::options()
        .read(true)
        .write(true)
        .open(bench.base())
        .unwrap();
    let start = boot.offset();
    let mut sector = [0; 512];
    file.read_exact_at(&mut sector, start).unwrap();
    let word = |at: usize| u64::from(u16::from_le_bytes([sector[at], sector[at + 1]]));
    let (reserved, table) = (word(14) * 512, word(36) * 512);
    let entry = |cluster: u64, copy: u64| start + reserved + copy * table + cluster * 4;
    let mut report = String::new();
    let mut damage = |places: &[(u64, u32)]| {
        let mut before = Vec::new();
        for (at, value) in places {
            let mut old = [0; 4];
            file.read_exact_at(&mut old, *at).unwrap();
            before.push(old);
            file.write_all_at(&value.to_le_bytes(), *at).unwrap();
        }
        let error = Fat::check(&bench.base(), &boot).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap();
        report += &cause.to_string();
        report.push('\n');
        for ((at, _), old) in places.iter().zip(before) {
            file.write_all_at(&old, *at).unwrap();
        }
    };
    // Cluster 2 is the root directory, 3 is config.txt, 4 is cmdline.txt.
    damage(&[(entry(3, 1), 77)]);
    damage(&[(entry(9, 0), 0x0FFF_FFFF), (entry(9, 1), 0x0FFF_FFFF)]);
    damage(&[(entry(3, 0), 4), (entry(3, 1), 4)]);
    damage(&[(entry(2, 0), 2), (entry(2, 1), 2)]);
    damage(&[(entry(3, 0), 0), (entry(3, 1), 0)]);
    damage(&[(start + 512 + 488, 5)]);
    damage(&[(start + 11, 0)]);
    insta::assert_snapshot!(report, @r"
    the two copies of the allocation table differ at cluster 3
    cluster 9 is in use, and no file has it
    /config.txt needs 1 clusters and has 2
    the chain from cluster 2 runs in a circle
    the chain from cluster 3 leads to 0, which is none of a file
    72559 clusters are free, and the information sector says 5
    the first sector doesn't describe a FAT file system
    ");
    Fat::check(&bench.base(), &boot).unwrap();
}

#[test]
fn a_wrong_count_in_the_base_is_a_warning_and_no_end() {
    let bench = Bench::new(Features::Trixie);
    let boot = *Card::open(&bench.base()).unwrap().mbr().boot().unwrap();
    let file = File::options().write(true).open(bench.base()).unwrap();
    file.write_all_at(&5000_u32.to_le_bytes(), boot.offset() + 512 + 488)
        .unwrap();
    let entry = Entry::file("console=tty1\n", 0o755, "test");
    bench
        .assemble(&overlay([("/boot/firmware/cmdline.txt", entry)]))
        .unwrap();
}
