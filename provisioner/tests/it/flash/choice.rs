//! Which cards are shown, and what is refused before anything is written.

use std::os::unix::fs::MetadataExt;

use insta::assert_snapshot;

use super::bench::{bytes, card, is_old, sandbox};
use super::tree::Tree;
use crate::push::on_a_terminal;
use crate::support::{Ended, Sandbox};

const MIB: u64 = 1 << 20;

/// Runs it on a computer that is a tree.
fn on(tree: &Tree, sandbox: &Sandbox, args: &[&str]) -> Ended {
    let root = tree.path().display().to_string();
    let mut all = vec!["flash", "--system", &root];
    all.extend(args);
    sandbox.provision(&all)
}

#[test]
fn the_list_has_what_can_be_taken_out_and_says_what_is_on_it() {
    let mut tree = Tree::usual();
    tree.sd_card(false);
    tree.mount("179:97", "/media/ada/bootfs", "/dev/mmcblk1p1");
    let sandbox = Sandbox::new();
    assert_snapshot!(on(&tree, &sandbox, &["--list"]).shown(), @r#"
    exit: 0
    --- stdout
    /dev/mmcblk1  14.8 GiB  SD      SC16G                   mounted at /media/ada/bootfs
    /dev/sdb      29.7 GiB  USB     SanDisk Ultra           sdb1 "bootfs" vfat 512.0 MiB, sdb2 "rootfs" ext4 29.2 GiB
    /dev/sdc           0 B  USB     Generic STORAGE DEVICE  no card
    --- stderr
    Not shown: 3 that can't be taken out; --allow-fixed shows them too.
    "#);
    let all = on(&tree, &sandbox, &["--list", "--allow-fixed"]).success();
    assert!(
        all.stdout.contains("a disk of this system: /, /boot/efi"),
        "{}",
        all.shown()
    );
    let json = on(&tree, &sandbox, &["--list", "--json"]).success().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["version"], 1);
    let stick = json["disks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|disk| disk["path"] == "/dev/sdb");
    assert_snapshot!(format!("{:#}", stick.unwrap()), @r#"
    {
      "bus": "USB",
      "model": "SanDisk Ultra",
      "mounts": [],
      "partitions": [
        {
          "file_system": "vfat",
          "label": "bootfs",
          "name": "sdb1",
          "size": 536870912
        },
        {
          "file_system": "ext4",
          "label": "rootfs",
          "name": "sdb2",
          "size": 31369723904
        }
      ],
      "path": "/dev/sdb",
      "read_only": false,
      "refused": null,
      "removable": true,
      "serial": "4C53-sdb",
      "size": 31914983424,
      "system": false
    }
    "#);
}

#[test]
fn without_a_card_and_a_terminal_the_cards_are_listed() {
    let sandbox = sandbox();
    let ended = on(&Tree::usual(), &sandbox, &["pi.img"]);
    assert_snapshot!(ended.shown(), @r#"
    exit: 2
    --- stdout
    --- stderr
    /dev/sdb  29.7 GiB  USB     SanDisk Ultra           sdb1 "bootfs" vfat 512.0 MiB, sdb2 "rootfs" ext4 29.2 GiB
    /dev/sdc       0 B  USB     Generic STORAGE DEVICE  no card
    error: no card is named, and there is no terminal to ask at
      hint: say --device PATH --yes; `provision flash --list --json` lists the cards
    "#);
}

#[test]
fn without_a_terminal_nothing_is_written_unless_yes_is_said() {
    let sandbox = sandbox();
    card(&sandbox, "card", 200 * MIB);
    let ended = sandbox.provision(&["flash", "pi.img", "--device", "card"]);
    assert_snapshot!(ended.shown(), @"
    exit: 2
    --- stdout
    --- stderr
    pi.img: a raw image, 160.0 MiB
    error: there is no terminal to ask whether the card may be overwritten
      hint: say --yes
    ");
    assert!(is_old(&bytes(&sandbox, "card")));
}

#[test]
fn on_a_terminal_a_card_is_chosen_and_what_is_lost_is_named_before_a_yes() {
    let mut tree = Tree::new();
    tree.stick("sdb", "8:16", 400 * 2048);
    let device = tree.path().join("dev/sdb");
    let file = std::fs::File::options().write(true).open(&device).unwrap();
    file.set_len(400 * MIB).unwrap();
    let sandbox = sandbox();
    let flash = format!(
        "flash pi.img --progress none --system {}",
        tree.path().display()
    );
    for answers in [
        &["none\n"][..],
        &["sdb\n", "\n"],
        &["sdb\n", "n\n"],
        &["sdx\n"],
    ] {
        let ended = on_a_terminal(&sandbox, &flash, answers);
        assert_ne!(ended.code, 0, "{}", ended.shown());
        let untouched = std::fs::metadata(&device).unwrap().blocks() == 0;
        assert!(untouched, "{}", ended.shown());
    }
    let ended = on_a_terminal(&sandbox, &flash, &["sdb\n", "y\n"]).success();
    for text in [
        "Which one shall be written [none]: ",
        "All that is on these will be lost:",
        "  /dev/sdb (SanDisk Ultra, 400.0 MiB, USB) with sdb1 \"bootfs\" vfat 512.0 MiB",
        "Write pi.img onto it? [y/N]: ",
        "/dev/sdb: 88.0 MiB written, 160.0 MiB read back. It can be taken out.",
    ] {
        assert!(ended.stdout.contains(text), "{text}\n{}", ended.shown());
    }
    assert!(
        std::fs::read(&device)
            .unwrap()
            .starts_with(&bytes(&sandbox, "pi.img"))
    );
}

#[test]
fn a_dry_run_says_what_would_be_lost_and_changes_nothing() {
    let mut tree = Tree::usual();
    tree.mount("8:17", "/media/ada/bootfs", "/dev/sdb1");
    let sandbox = sandbox();
    let args = ["pi.img", "--device", "/dev/sdb", "--unmount", "--dry-run"];
    let ended = on(&tree, &sandbox, &args);
    assert_snapshot!(ended.shown(), @r#"
    exit: 0
    --- stdout
    unmount /media/ada/bootfs
    overwrite /dev/sdb (SanDisk Ultra, 29.7 GiB, USB) with sdb1 "bootfs" vfat 512.0 MiB, sdb2 "rootfs" ext4 29.2 GiB
    --- stderr
    pi.img: a raw image, 160.0 MiB
    "#);
    assert_eq!(
        std::fs::metadata(tree.path().join("dev/sdb"))
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn what_must_not_be_written_is_refused_with_exit_code_2() {
    let mut tree = Tree::usual();
    tree.sd_card(false);
    tree.mount("179:97", "/media/ada/bootfs", "/dev/mmcblk1p1");
    let sandbox = sandbox();
    card(&sandbox, "small", MIB);
    let mut shown = Vec::new();
    let cases: [&[&str]; 10] = [
        &["--device", "/dev/nvme0n1", "--allow-fixed"],
        &["--device", "/dev/vdb"],
        &["--device", "/dev/mmcblk1"],
        &["--device", "/dev/sdb1"],
        &["--device", "/dev/mmcblk0boot0"],
        &["--device", "/dev/sdc"],
        &["--device", "/dev/sdz"],
        &["--device", "small"],
        &["--device", "pi.img"],
        &["--device", "/dev/sdb", "--device", "/dev/sdb"],
    ];
    for case in cases {
        let mut args = vec!["pi.img", "--yes"];
        args.extend(case);
        let ended = on(&tree, &sandbox, &args);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (2, ""),
            "{}",
            ended.shown()
        );
        shown.push(ended.stderr);
    }
    assert_snapshot!(shown.concat(), @"
    error: /dev/nvme0n1 is a disk of this system: /, /boot/efi
      hint: name another disk; this one is never written
    error: /dev/vdb (virtio) is not a removable disk
      hint: say --allow-fixed if you mean it
    error: /dev/mmcblk1 is mounted at /media/ada/bootfs
      hint: say --unmount, or unmount it yourself: `umount /media/ada/bootfs`
    error: /dev/sdb1 is a part of /dev/sdb
      hint: an image is written onto a whole disk: --device /dev/sdb
    error: /dev/mmcblk0boot0 is a part of /dev/mmcblk0
      hint: an image is written onto a whole disk: --device /dev/mmcblk0
    error: there is no card in /dev/sdc
      hint: put a card in
    error: there is no /dev/sdz
      hint: `provision flash --list` shows the cards; a file must exist (`truncate -s 8G FILE`)
    error: small has 1048576 bytes, 166723584 too few for the image
      hint: take a larger card
    error: pi.img is the image itself
    error: /dev/sdb is named twice
    ");
}

#[test]
fn a_disk_that_has_changed_its_size_is_not_written() {
    // The device of the tree is an empty file, and the kernel's lists call it a card.
    let tree = Tree::usual();
    let sandbox = sandbox();
    let ended = on(
        &tree,
        &sandbox,
        &["pi.img", "--yes", "--device", "/dev/sdb"],
    );
    assert_eq!(ended.code, 1, "{}", ended.shown());
    assert!(
        ended
            .stderr
            .contains("error: /dev/sdb is not what it was a moment ago"),
        "{}",
        ended.shown()
    );
}

#[test]
fn a_disk_of_a_tree_is_written_like_one_of_the_computer() {
    let mut tree = Tree::new();
    tree.stick("sdb", "8:16", 200 * 2048 * 40);
    let file = std::fs::File::options()
        .write(true)
        .open(tree.path().join("dev/sdb"))
        .unwrap();
    file.set_len(200 * 2048 * 40 * 512).unwrap();
    let sandbox = sandbox();
    let ended = on(
        &tree,
        &sandbox,
        &["pi.img", "--yes", "--device", "/dev/sdb"],
    )
    .success();
    assert_eq!(ended.stdout, "/dev/sdb\n");
    assert!(
        ended.stderr.contains("It can be taken out."),
        "{}",
        ended.shown()
    );
}

#[test]
fn what_is_no_image_and_a_map_of_another_image_are_refused() {
    let sandbox = sandbox();
    card(&sandbox, "card", 200 * MIB);
    sandbox.write("text.img", "no image\n");
    let ended = sandbox.provision(&["flash", "text.img", "--yes", "--device", "card"]);
    assert_eq!(ended.code, 2, "{}", ended.shown());
    sandbox.write("pi.img.bmap", "<bmap version=\"9\"></bmap>\n");
    let ended = sandbox.provision(&["flash", "pi.img", "--yes", "--device", "card"]);
    assert_snapshot!(ended.shown(), @r#"
    exit: 2
    --- stdout
    --- stderr
    error: the block map pi.img.bmap can't be used
      caused by: it is of version "9"; 1.3, 1.4 and 2.x are known
      hint: the image or its map was changed after the other was made; build both again, or say --no-bmap to write the image without it
    "#);
    assert!(is_old(&bytes(&sandbox, "card")));
}
