//! Which disks there are, and which of them must not be written.

use std::path::Path;

use image::device::{Disk, Named, Permissions, System};
use insta::assert_snapshot;

use super::tree::Tree;

const ALL: Permissions = Permissions { fixed: true };
const USUAL: Permissions = Permissions { fixed: false };

fn disk(tree: &Tree, path: &str) -> Disk {
    let named = System::read(tree.path()).unwrap().named(Path::new(path));
    let Named::Disk(disk) = named else {
        unreachable!("{path} is {named:?}")
    };
    *disk
}

/// Why `path` is refused, with the hint.
fn refusal(tree: &Tree, path: &str, allowed: Permissions) -> String {
    let refusal = disk(tree, path).refusal(0, allowed);
    refusal.map_or_else(String::new, |refusal| {
        let hint = refusal.hint().unwrap_or_default();
        format!("{refusal}\n{hint}")
    })
}

#[test]
fn every_disk_is_listed_with_what_it_is_and_nothing_else_is() {
    let mut tree = Tree::usual();
    tree.sd_card(false);
    let disks = System::read(tree.path()).unwrap().disks();
    let lines: Vec<_> = disks
        .iter()
        .map(|disk| {
            format!(
                "{} {} {} {} removable={} {:?} {:?}",
                disk.name,
                disk.bus,
                disk.size,
                disk.parts.len(),
                disk.removable,
                disk.model.as_deref().unwrap_or_default(),
                disk.serial.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    assert_snapshot!(lines.join("\n"), @r#"
    mmcblk0 eMMC 15634268160 0 removable=false "DA4064" ""
    mmcblk1 SD 15931539456 1 removable=true "SC16G" "035344534331364780"
    nvme0n1 NVMe 512110190592 2 removable=false "Samsung SSD 980 512GB" "S64DNX0R"
    sdb USB 31914983424 2 removable=true "SanDisk Ultra" "4C53-sdb"
    sdc USB 0 0 removable=true "Generic STORAGE DEVICE" "4C53-sdc"
    vdb virtio 21474836480 0 removable=false "" ""
    "#);
}

#[test]
fn partitions_are_listed_with_their_labels() {
    let tree = Tree::usual();
    let parts = disk(&tree, "/dev/sdb").parts;
    let labels: Vec<_> = parts.iter().map(|part| part.label.as_deref()).collect();
    assert_eq!(labels, [Some("bootfs"), Some("rootfs")]);
    assert_eq!(parts[0].size, 512 << 20);
    assert_eq!(parts[1].file_system.as_deref(), Some("ext4"));
}

#[test]
fn a_stick_may_be_written_and_what_is_fixed_only_if_it_is_said() {
    let tree = Tree::usual();
    assert_eq!(refusal(&tree, "/dev/sdb", USUAL), "");
    for fixed in ["/dev/vdb", "/dev/mmcblk0", "/dev/loop0"] {
        assert!(
            refusal(&tree, fixed, USUAL).contains("is not a removable disk\nsay --allow-fixed")
        );
        assert_eq!(refusal(&tree, fixed, ALL), "");
    }
}

#[test]
fn the_disk_of_the_system_is_never_written() {
    let tree = Tree::usual();
    let found = refusal(&tree, "/dev/nvme0n1", ALL);
    assert_snapshot!(found, @"
    /dev/nvme0n1 is a disk of this system: /, /boot/efi
    name another disk; this one is never written
    ");
}

#[test]
fn a_stick_that_the_system_runs_from_is_a_disk_of_the_system() {
    let mut tree = Tree::usual();
    tree.mount("8:18", "/var/lib/docker", "/dev/sdb2");
    assert_snapshot!(refusal(&tree, "/dev/sdb", ALL), @"
    /dev/sdb is a disk of this system: /var/lib/docker
    name another disk; this one is never written
    ");
}

#[test]
fn encrypted_and_logical_volumes_are_traced_to_their_disks() {
    let mut tree = Tree::usual();
    tree.on_top("dm-0", "252:0", "sdb2");
    tree.on_top("dm-1", "252:1", "dm-0");
    assert_snapshot!(refusal(&tree, "/dev/sdb", ALL), @"
    /dev/sdb is in use by dm-0, dm-1
    unmount and take apart what lies on it first (`losetup --detach`, `dmsetup`, `vgchange -an`, `mdadm --stop`)
    ");
    tree.mount("252:1", "/home", "/dev/mapper/vg-home");
    assert_snapshot!(refusal(&tree, "/dev/sdb", ALL), @"
    /dev/sdb is a disk of this system: /home
    name another disk; this one is never written
    ");
}

#[test]
fn a_member_of_a_raid_is_held_by_it() {
    let mut tree = Tree::usual();
    tree.on_top("md0", "9:0", "sdb1");
    assert!(refusal(&tree, "/dev/sdb", ALL).starts_with("/dev/sdb is in use by md0\n"));
}

#[test]
fn swap_makes_a_disk_one_of_the_system_also_through_a_link() {
    let mut tree = Tree::usual();
    tree.on_top("dm-0", "252:0", "sdb2");
    tree.link("mapper/swap", "../dm-0");
    tree.swap("/dev/mapper/swap");
    let found = refusal(&tree, "/dev/sdb", ALL);
    assert!(
        found.starts_with("/dev/sdb is a disk of this system: swap on dm-0\n"),
        "{found}"
    );
}

#[test]
fn all_disks_of_a_btrfs_have_what_is_mounted_of_it() {
    let mut tree = Tree::usual();
    tree.stick("sdd", "8:48", 62_333_952);
    tree.btrfs(&["sdb2", "sdd2"]);
    // btrfs has numbers of its own, and names one of its disks.
    tree.mount("0:33", "/srv", "/dev/sdb2");
    for path in ["/dev/sdb", "/dev/sdd"] {
        let found = refusal(&tree, path, ALL);
        assert!(found.contains("is a disk of this system: /srv"), "{found}");
    }
}

#[test]
fn a_mounted_card_is_refused_with_the_command_that_unmounts_it() {
    let mut tree = Tree::usual();
    tree.mount("8:17", "/media/ada/my\\040card", "/dev/sdb1");
    tree.mount("8:18", "/media/ada/rootfs", "/dev/sdb2");
    assert_snapshot!(refusal(&tree, "/dev/sdb", USUAL), @"
    /dev/sdb is mounted at /media/ada/my card, /media/ada/rootfs
    say --unmount, or unmount it yourself: `umount '/media/ada/my card' /media/ada/rootfs`
    ");
}

#[test]
fn read_only_cards_empty_readers_and_small_cards_are_refused() {
    let mut tree = Tree::usual();
    tree.sd_card(true);
    assert_snapshot!(refusal(&tree, "/dev/mmcblk1", USUAL), @"
    /dev/mmcblk1 can only be read
    move the card's lock; a card that stays read-only is worn out
    ");
    assert_snapshot!(refusal(&tree, "/dev/sdc", USUAL), @"
    there is no card in /dev/sdc
    put a card in
    ");
    let small = disk(&tree, "/dev/sdb")
        .refusal(40_000_000_000, USUAL)
        .unwrap();
    assert_snapshot!(small, @"
    /dev/sdb has 31914983424 bytes, 8085016576 too few for the image
    ");
}

#[test]
fn partitions_and_boot_areas_are_told_from_disks() {
    let tree = Tree::usual();
    let system = System::read(tree.path()).unwrap();
    let part_of = |disk: &str| Named::PartOf { disk: disk.into() };
    assert_eq!(system.named(Path::new("/dev/sdb2")), part_of("/dev/sdb"));
    assert_eq!(
        system.named(Path::new("/dev/mmcblk0boot0")),
        part_of("/dev/mmcblk0")
    );
    assert_eq!(system.named(Path::new("/dev/sdz")), Named::Missing);
    assert_eq!(system.named(Path::new("/dev/mapper")), Named::Other);
    tree.link("by-label", "sdb");
    let linked = system.named(Path::new("/dev/by-label"));
    assert!(matches!(linked, Named::Disk(disk) if disk.name == "sdb"));
}

#[test]
fn another_card_in_the_same_reader_is_another_card() {
    let tree = Tree::usual();
    let before = disk(&tree, "/dev/sdb").identity();
    assert_eq!(before, disk(&tree, "/dev/sdb").identity());
    let sequence = tree.path().join("sys/class/block/sdb/diskseq");
    crate::support::write(&sequence, "10\n");
    assert_ne!(before, disk(&tree, "/dev/sdb").identity());
}

#[test]
fn this_computer_can_be_read_and_a_file_on_it_lies_on_a_disk_if_there_is_one() {
    let system = System::read(Path::new("/")).unwrap();
    let file = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    assert_eq!(system.named(file.path()), Named::File);
    assert_eq!(system.named(Path::new("/dev/null")), Named::Other);
    // `findmnt` knows which block device a file is on; in containers there may be none.
    let device = crate::support::tool("findmnt")
        .args(["-no", "SOURCE", "--target"])
        .arg(file.path())
        .output()
        .unwrap();
    let device = String::from_utf8(device.stdout).unwrap();
    let below = system.disks_below(file.path()).unwrap();
    if let Named::Disk(disk) = system.named(Path::new(device.trim())) {
        assert_eq!(below, [disk.name]);
    }
}
