//! Which cards are shown, and what is refused before anything is written.

use insta::assert_snapshot;

use super::bench::{card, sandbox};
use super::tree::Tree;
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
    assert_snapshot!(on(&tree, &sandbox, &["--list"]).shown(), @"");
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
    assert_snapshot!(format!("{:#}", stick.unwrap()), @"");
}

#[test]
fn without_a_card_and_a_terminal_the_cards_are_listed() {
    let sandbox = sandbox();
    let ended = on(&Tree::usual(), &sandbox, &["pi.img"]);
    assert_snapshot!(ended.shown(), @"");
}

#[test]
fn without_a_terminal_nothing_is_written_unless_yes_is_said() {
    let sandbox = sandbox();
    card(&sandbox, "card", 200 * MIB);
    let ended = sandbox.provision(&["flash", "pi.img", "--device", "card"]);
    assert_snapshot!(ended.shown(), @"");
    assert!(
        super::bench::bytes(&sandbox, "card")
            .iter()
            .all(|byte| *byte == 0xA5)
    );
}

#[test]
fn a_dry_run_says_what_would_be_lost_and_changes_nothing() {
    let mut tree = Tree::usual();
    tree.mount("8:17", "/media/ada/bootfs", "/dev/sdb1");
    let sandbox = sandbox();
    let args = ["pi.img", "--device", "/dev/sdb", "--unmount", "--dry-run"];
    let ended = on(&tree, &sandbox, &args);
    assert_snapshot!(ended.shown(), @"");
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
    assert_snapshot!(shown.concat(), @"");
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
    assert_snapshot!(ended.shown(), @"");
    assert!(
        super::bench::bytes(&sandbox, "card")
            .iter()
            .all(|byte| *byte == 0xA5)
    );
}
