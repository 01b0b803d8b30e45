//! Loop devices: what they show as a disk must not be written under them.

use std::fs;
use std::path::Path;

use image::device::{Named, Permissions, System};
use insta::assert_snapshot;

use super::tree::Tree;
use crate::support::{run, tool};

const ALL: Permissions = Permissions { fixed: true };

fn of_disk(root: &Path, path: &str) -> String {
    let Named::Disk(disk) = System::read(root).unwrap().named(Path::new(path)) else {
        unreachable!("{path} is a disk")
    };
    let refusal = disk.refusal(0, ALL);
    refusal.map_or_else(String::new, |refusal| refusal.to_string())
}

fn of_file(root: &Path, path: &Path) -> String {
    let refusal = System::read(root).unwrap().refusal_of_file(path);
    refusal.map_or_else(String::new, |refusal| refusal.to_string())
}

/// A loop device that shows `backing`.
fn attach(tree: &mut Tree, name: &str, number: &str, backing: &str) {
    let at = format!("virtual/block/{name}");
    tree.node(&at, number, &[("size", "2048")]);
    tree.file(&format!("{at}/loop/backing_file"), &format!("{backing}\n"));
}

#[test]
fn a_loop_device_on_top_of_a_disk_is_one_of_its_holders() {
    let mut tree = Tree::usual();
    attach(&mut tree, "loop8", "7:8", "/dev/loop0");
    assert_snapshot!(of_disk(tree.path(), "/dev/loop0"), @"/dev/loop0 is in use by loop8");
    tree.mount("7:8", "/mnt", "/dev/loop8");
    assert_snapshot!(of_disk(tree.path(), "/dev/loop0"), @"/dev/loop0 is mounted at /mnt");
    attach(&mut tree, "loop9", "7:9", "/dev/sdb2");
    assert_snapshot!(of_disk(tree.path(), "/dev/sdb"), @"/dev/sdb is in use by loop9");
    assert_eq!(of_disk(tree.path(), "/dev/vdb"), "");
}

#[test]
fn a_file_that_a_loop_device_shows_is_in_use() {
    let mut tree = Tree::usual();
    let (card, other) = (tree.path().join("my card.img"), tree.path().join("o.img"));
    for file in [&card, &other] {
        crate::support::write(file, "card");
    }
    attach(&mut tree, "loop8", "7:8", card.to_str().unwrap());
    attach(&mut tree, "loop9", "7:9", "/dev/loop8");
    tree.mount("7:9", "/mnt", "/dev/loop9");
    // By another name it is the same file.
    let link = tree.path().join("link.img");
    fs::hard_link(&card, &link).unwrap();
    let found = of_file(tree.path(), &link).replace(tree.path().to_str().unwrap(), "[DIR]");
    assert_snapshot!(found, @"[DIR]/link.img is in use by loop8, loop9 (mounted at /mnt)");
    assert_eq!(of_file(tree.path(), &other), "");
}

/// Takes away what a test has made, whatever became of it.
struct Undo(Vec<Vec<String>>);

impl Undo {
    fn push(&mut self, words: &[&str]) {
        self.0
            .push(words.iter().map(|word| (*word).to_owned()).collect());
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        while let Some(words) = self.0.pop() {
            let _ = tool(&words[0]).args(&words[1..]).status();
        }
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn real_loop_devices_and_what_is_mounted_from_them_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (card, mnt) = (folder.path().join("c.img"), folder.path().join("mnt"));
    fs::create_dir(&mnt).unwrap();
    run(tool("truncate").args(["-s", "8M"]).arg(&card));
    run(tool("mke2fs")
        .args(["-q", "-t", "ext4", "-E", "offset=1048576"])
        .arg(&card)
        .arg("6M"));
    assert_eq!(of_file(Path::new("/"), &card), "");
    let mut undo = Undo(Vec::new());
    let made = tool("losetup")
        .args(["--find", "--show"])
        .arg(&card)
        .output();
    let Ok(made) = made.map_err(drop).and_then(|made| {
        if made.status.success() {
            Ok(made)
        } else {
            Err(())
        }
    }) else {
        println!("skipped: there is no loop device");
        return;
    };
    let device = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    undo.push(&["losetup", "--detach", &device]);
    let shown = of_file(Path::new("/"), &card);
    assert!(
        shown.ends_with(&format!("is in use by {}", &device[5..])),
        "{shown}"
    );
    assert_eq!(of_disk(Path::new("/"), &device), "");
    let mounted = tool("mount")
        .args(["-o", "loop,offset=1048576", &device])
        .arg(&mnt)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("skipped: nothing can be mounted");
        return;
    }
    let point = mnt.to_str().unwrap();
    undo.push(&["umount", point]);
    let mounted = format!("mounted at {point}");
    assert_eq!(
        of_disk(Path::new("/"), &device),
        format!("{device} is {mounted}")
    );
    let shown = of_file(Path::new("/"), &card);
    assert!(shown.contains(&mounted), "{shown}");
}
