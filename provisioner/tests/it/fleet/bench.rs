//! A site of three people, three cards for it, and what is on them.

use std::fs;

use crate::bake::with_base_of;
use crate::kinds::ARM64;
use crate::support::{Ended, Sandbox, tool};

/// Byte offset of the small base's root partition.
const ROOT: u64 = 40 << 20;

/// The cards of [`TABLE`].
pub(crate) const NAMES: [&str; 3] = ["north", "south", "attic"];

/// A card with an address of its own for one person, one with a router's address for two, and one without
/// anything.
pub(crate) const TABLE: &str = "# ours\nname,address,gateway,dns,people,san\n\
    north,192.168.7.11/24,192.168.7.1,192.168.7.1 9.9.9.9,jane,north.example.com\n\
    south,192.168.7.12,,,jane fred,\n\
    attic,,,,,\n";

/// The same as a list.
pub(crate) const LIST: &str = "- name: north\n  address: 192.168.7.11/24\n  gateway: 192.168.7.1\n  \
    dns: [192.168.7.1, 9.9.9.9]\n  people: [jane]\n  san: [north.example.com]\n\
    - {name: south, address: 192.168.7.12, people: [jane, fred]}\n- name: attic\n";

/// A small base, a site with `owner`, `jane` and `fred`, and `fleet.csv`.
pub(crate) fn with_fleet() -> Sandbox {
    let sandbox = with_base_of(&ARM64, |sandbox| {
        fs::create_dir_all(sandbox.path("root/usr/sbin")).unwrap();
        sandbox.write("root/usr/sbin/NetworkManager", "program");
    });
    sandbox.provision(&["init", "--host", "broker"]).success();
    for name in ["jane", "fred"] {
        sandbox
            .provision(&["add-user", name, "--generate"])
            .success();
    }
    sandbox.write("fleet.csv", TABLE);
    sandbox
}

/// Makes the cards in the folder `cards`, unless `more` says otherwise.
pub(crate) fn fleet(sandbox: &Sandbox, more: &[&str]) -> Ended {
    sandbox.provision(&words(more))
}

/// What is said to `provision` for that.
pub(crate) fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["image", "--broker", "broker", "--free", "1M"];
    for default in [
        ["--base", "base.img"],
        ["--fleet", "fleet.csv"],
        ["--out", "cards"],
    ] {
        if !more.contains(&default[0]) {
            args.extend(default);
        }
    }
    args.extend(more);
    args
}

/// What debugfs prints for `request` on the root file system of an image.
pub(crate) fn debugfs(sandbox: &Sandbox, image: &str, request: &str) -> String {
    let script = format!("debugfs -R '{request}' '{image}?offset={ROOT}' 2>/dev/null");
    tool(sandbox, &script).stdout
}

/// A file below the broker's `etc` on an image.
pub(crate) fn etc(sandbox: &Sandbox, image: &str, file: &str) -> String {
    let current = debugfs(sandbox, image, "stat /usr/local/lib/mqtt-broker/current");
    let (_, release) = current.split_once("Fast link dest: \"").unwrap();
    let release = release.split('"').next().unwrap();
    let path = format!("/usr/local/lib/mqtt-broker/{release}/etc/{file}");
    debugfs(sandbox, image, &format!("cat {path}"))
}

/// Both file systems of an image are sound.
pub(crate) fn clean(sandbox: &Sandbox, image: &str) {
    tool(sandbox, &format!("e2fsck -fn '{image}?offset={ROOT}'")).success();
    let boot = format!(
        "dd if={image} of=boot.img bs=4M skip=1 count=8 status=none; fsck.vfat -n boot.img; rm boot.img"
    );
    tool(sandbox, &boot).success();
}

/// The names in a folder, sorted.
pub(crate) fn names(sandbox: &Sandbox, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Every file of the site with its text, and what lies beside the site.
pub(crate) fn state(sandbox: &Sandbox) -> (String, Vec<String>) {
    let site = tool(sandbox, "find site -type f | sort | xargs sha256sum").stdout;
    let listing = sandbox.listing().into_iter();
    let beside = listing.filter(|line| !line.contains(" home") && !line.contains(" site"));
    (site, beside.collect())
}

/// What `provision` prints when `debugfs`, which writes the files, is this script; `$real` is the real one.
pub(crate) fn with_debugfs(sandbox: &Sandbox, script: &str, more: &[&str]) -> Ended {
    fs::create_dir_all(sandbox.path("home/bin")).unwrap();
    let script = format!("#!/bin/sh\nreal='env PATH=/usr/sbin:/sbin debugfs'\n{script}\n");
    sandbox.write("home/bin/debugfs", &script);
    let provision = env!("CARGO_BIN_EXE_provision");
    let words = words(more).join(" ");
    tool(
        sandbox,
        &format!("chmod +x home/bin/debugfs; PATH=$PWD/home/bin:$PATH; {provision} {words}"),
    )
}
