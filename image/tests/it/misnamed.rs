//! Bases whose own files name another partition than the one that they mean: such a card does not boot.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use image::inspect::inspect;
use image::mbr::{MBR_SIZE, Mbr, Partition};
use image::{Card, Overlay};

use crate::fixtures::{Fixture, Machine, Release};
use crate::support::{Bench, Features, at_boot, chain, run, tool, write};

/// A base with this fstab and this root on the kernel's command line.
fn base(fstab: &str, root: &str) -> Bench {
    let bench = Bench::with(Features::Trixie, |tree| {
        write(&tree.join("etc/fstab"), fstab);
    });
    let file = bench.path("cmdline.txt");
    write(
        &file,
        format!("console=tty1 root=/dev/ram0 {root} rootwait\n"),
    );
    run(tool("mcopy")
        .args(["-o", "-i"])
        .arg(at_boot(&bench.base()))
        .arg(&file)
        .arg("::/"));
    bench
}

const FSTAB: &str = "PARTUUID=4f2c9ea0-01 /boot/firmware vfat defaults 0 2\nPARTUUID=4f2c9ea0-02 / ext4 defaults 0 1\n";

/// Exchanges the two rows of the partition table.
fn swap_rows(image: &Path) {
    let file = File::options().read(true).write(true).open(image).unwrap();
    let mut sector = [0; MBR_SIZE];
    file.read_exact_at(&mut sector, 0).unwrap();
    let mut mbr = Mbr::parse(&sector).unwrap();
    let rows: Vec<_> = mbr.partitions().copied().collect();
    for row in rows {
        let number = 3 - row.number;
        mbr.set(Partition { number, ..row }).unwrap();
    }
    file.write_all_at(&mbr.to_bytes(), 0).unwrap();
}

/// What is said when a card is made of it, with the hint, and of the base when it is looked at.
fn said(bench: &Bench) -> String {
    let card = Card::open_used(&bench.base()).unwrap();
    let found = inspect(&card).unwrap().findings;
    let is_about = |subject: &str| subject.ends_with("cmdline.txt") || subject.ends_with("fstab");
    let found: Vec<_> = found
        .iter()
        .filter(|finding| is_about(&finding.subject))
        .map(|finding| format!("\n  finding: {}: {}", finding.subject, finding.what))
        .collect();
    let before = bench.names();
    let refused = match bench.assemble(&Overlay::new()) {
        Ok(_) => {
            fs::remove_file(bench.output()).unwrap();
            "taken".to_owned()
        }
        Err(error) => format!("{}\n  hint: {}", chain(&error), error.hint().unwrap()),
    };
    assert_eq!(bench.names(), before);
    let text = refused + &found.concat();
    text.replace(bench.folder.path().to_str().unwrap(), "[DIR]")
        .replace(&card.root().uuid(), "[UUID]")
}

#[test]
fn partitions_in_the_wrong_order_are_refused() {
    let bench = Bench::new(Features::Trixie);
    swap_rows(&bench.base());
    insta::assert_snapshot!(said(&bench), @r"
    /boot/firmware/cmdline.txt of [DIR]/base.img names another file system than the one that is there: it has PARTUUID=4f2c9ea0-02 for /, which is PARTUUID=4f2c9ea0-01
      hint: a Pi would not boot from it as it should: download or copy the image again, or mend its partition table or that file
      finding: /boot/firmware/cmdline.txt: it has PARTUUID=4f2c9ea0-02 for /, which is PARTUUID=4f2c9ea0-01
      finding: /etc/fstab: it has PARTUUID=4f2c9ea0-01 for /boot/firmware, which is PARTUUID=4f2c9ea0-02
      finding: /etc/fstab: it has PARTUUID=4f2c9ea0-02 for /, which is PARTUUID=4f2c9ea0-01
    ");
}

#[test]
fn another_disk_label_or_number_is_refused() {
    let mut report = String::new();
    for (fstab, root) in [
        (FSTAB, "root=PARTUUID=deadbeef-02"),
        (FSTAB, "root=PARTUUID=4F2C9EA0-01"),
        (FSTAB, "root=LABEL=writable"),
        (FSTAB, "root=UUID=4f2c9ea0-0000-4000-8000-000000000000"),
        (FSTAB, "root=/dev/mmcblk0p1"),
        ("PARTUUID=4f2c9ea0-01 / ext4 defaults 0 1\n", "quiet"),
        ("LABEL=bootfs / ext4 defaults 0 1\n", "quiet"),
        ("UUID=1234-ABCD /boot/firmware vfat ro 0 2\n", "quiet"),
        ("/dev/mmcblk0p3 /boot/firmware/ vfat ro 0 2\n", "quiet"),
    ] {
        report.push_str(&said(&base(fstab, root)));
        report.push('\n');
    }
    insta::assert_snapshot!(report, @r"
    /boot/firmware/cmdline.txt of [DIR]/base.img names another file system than the one that is there: it has PARTUUID=deadbeef-02 for /, which is PARTUUID=4f2c9ea0-02
      hint: a Pi would not boot from it as it should: download or copy the image again, or mend its partition table or that file
      finding: /boot/firmware/cmdline.txt: it has PARTUUID=deadbeef-02 for /, which is PARTUUID=4f2c9ea0-02
    /boot/firmware/cmdline.txt of [DIR]/base.img names another file system than the one that is there: it has PARTUUID=4F2C9EA0-01 for /, which is PARTUUID=4f2c9ea0-02
      hint: a Pi would not boot from it as it should: download or copy the image again, or mend its partition table or that file
      finding: /boot/firmware/cmdline.txt: it has PARTUUID=4F2C9EA0-01 for /, which is PARTUUID=4f2c9ea0-02
    /boot/firmware/cmdline.txt of [DIR]/base.img names another file system than the one that is there: it has LABEL=writable for /, which is LABEL=rootfs
      hint: a Pi would not boot from it as it should: download or copy the image again, or mend its partition table or that file
      finding: /boot/firmware/cmdline.txt: it has LABEL=writable for /, which is LABEL=rootfs
    /boot/firmware/cmdline.txt of [DIR]/base.img names another file system than the one that is there: it has UUID=4f2c9ea0-0000-4000-8000-000000000000 for /, which is UUID=[UUID]
      hint: a Pi would not boot from it as it should: download or copy the image again, or mend its partition table or that file
      finding: /boot/firmware/cmdline.txt: it has UUID=4f2c9ea0-0000-4000-8000-000000000000 for /, which is UUID=[UUID]
    /boot/firmware/cmdline.txt of [DIR]/base.img names another file system than the one that is there: it has /dev/mmcblk0p1 for /, which is /dev/mmcblk0p2
      hint: a Pi would not boot from it as it should: download or copy the image again, or mend its partition table or that file
      finding: /boot/firmware/cmdline.txt: it has /dev/mmcblk0p1 for /, which is /dev/mmcblk0p2
    /etc/fstab of [DIR]/base.img names another file system than the one that is there: it has PARTUUID=4f2c9ea0-01 for /, which is PARTUUID=4f2c9ea0-02
      hint: a Pi would not boot from it as it should: download or copy the image again, or mend its partition table or that file
      finding: /etc/fstab: it has PARTUUID=4f2c9ea0-01 for /, which is PARTUUID=4f2c9ea0-02
    /etc/fstab of [DIR]/base.img names another file system than the one that is there: it has LABEL=bootfs for /, which is LABEL=rootfs
      hint: a Pi would not boot from it as it should: download or copy the image again, or mend its partition table or that file
      finding: /etc/fstab: it has LABEL=bootfs for /, which is LABEL=rootfs
    /etc/fstab of [DIR]/base.img names another file system than the one that is there: it has UUID=1234-ABCD for /boot/firmware, which is UUID=4F2C-9EA0
      hint: a Pi would not boot from it as it should: download or copy the image again, or mend its partition table or that file
      finding: /etc/fstab: it has UUID=1234-ABCD for /boot/firmware, which is UUID=4F2C-9EA0
    /etc/fstab of [DIR]/base.img names another file system than the one that is there: it has /dev/mmcblk0p3 for /boot/firmware, which is /dev/mmcblk0p1
      hint: a Pi would not boot from it as it should: download or copy the image again, or mend its partition table or that file
      finding: /etc/fstab: it has /dev/mmcblk0p3 for /boot/firmware, which is /dev/mmcblk0p1
    ");
}

#[test]
fn names_that_fit_and_names_of_other_kinds_are_left_alone() {
    for (fstab, root) in [
        (FSTAB, "root=PARTUUID=4F2C9EA0-02"),
        (FSTAB, "root=\"LABEL=rootfs\""),
        (FSTAB, "root=/dev/mmcblk0p2"),
        (FSTAB, "root=/dev/sda2"),
        (FSTAB, "root=PARTUUID=4f2c9ea0-02/PARTNROFF=0"),
        (FSTAB, "root=PARTUUID=5a0e8a10-6b2f-4b9f-9a43-2f1f0a2f3b11"),
        (
            "# LABEL=x / ext4\nUUID=4F2C-9EA0 /boot/firmware vfat ro 0 2\n",
            "quiet",
        ),
        (
            "LABEL=bootfs /boot/firmware vfat\nLABEL=rootfs / ext4\nLABEL=x /srv ext4\n",
            "quiet",
        ),
        ("overlay / overlay ro 0 0\n", "root=/dev/nfs"),
    ] {
        let found = said(&base(fstab, root));
        assert_eq!(found, "taken", "{root} {fstab}");
    }
}

#[test]
fn every_kind_of_base_names_its_partitions_rightly() {
    for release in Release::ALL {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("card.img");
        Fixture::new(release, Machine::Arm64).build(&image);
        let found = inspect(&Card::open_used(&image).unwrap()).unwrap().findings;
        assert!(!format!("{found:?}").contains("PARTUUID"), "{found:?}");
    }
}
