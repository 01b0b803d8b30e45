//! `provision verify`.

use std::fs;

use super::card::{baked, json, tamper};
use crate::support::tool;

#[test]
fn a_baked_card_is_as_its_report_says_packed_or_not() {
    let sandbox = baked();
    tool(&sandbox, "xz -1 -k pi.img; zip -q -1 pi.img.zip pi.img").success();
    for name in ["pi.img", "pi.img.xz", "pi.img.zip"] {
        let ended = sandbox.provision(&["verify", name]).success();
        assert_eq!(ended.stdout, "", "{}", ended.shown());
    }
    let told = json(&sandbox.provision(&["verify", "pi.img", "--json"]).success());
    assert_eq!(told["differs"], 0);
    assert_eq!(
        told["same"].as_u64().unwrap(),
        told["checks"].as_array().unwrap().len() as u64
    );
}

#[test]
fn a_changed_card_is_told_from_it_and_ends_with_3() {
    let sandbox = baked();
    sandbox.write("name", "attic\n");
    tamper(
        &sandbox,
        "rm /etc/hostname\nwrite name /etc/hostname\nsif /home/pi/.ssh mode 040777\n",
    );
    let ended = sandbox.provision(&["verify", "pi.img", "-q"]);
    insta::assert_snapshot!(ended.shown(), @r"
    exit: 3
    --- stdout
    differs   /etc/hostname  it has 6 bytes, and had 7
    differs   /home/pi/.ssh  its mode is 0777, and was 0700
    --- stderr
    ");
}

#[test]
fn without_a_report_that_can_be_used_nothing_is_verified() {
    let sandbox = baked();
    let mut shown = Vec::new();
    let mut tell = |args: &[&str]| shown.push(sandbox.provision(args).shown());
    tell(&["verify", "/dev/null"]);
    tell(&["verify", "pi.img", "--report", "absent.json"]);
    sandbox.write("odd.json", "{}");
    tell(&["verify", "pi.img", "--report", "odd.json"]);
    sandbox.write(
        "new.json",
        &sandbox
            .read("pi.report.json")
            .replacen("\"version\": 1", "\"version\": 2", 1),
    );
    tell(&["verify", "pi.img", "--report", "new.json"]);
    fs::remove_file(sandbox.path("pi.report.json")).unwrap();
    tell(&["verify", "pi.img"]);
    insta::assert_snapshot!(shown.join("\n"), @r"
    exit: 2
    --- stdout
    --- stderr
    error: nothing says which image /dev/null was written with
      hint: name the report: --report pi.report.json

    exit: 2
    --- stdout
    --- stderr
    error: there is no report absent.json
      hint: `provision image` writes it beside the image; name another with --report FILE

    exit: 2
    --- stdout
    --- stderr
    error: odd.json is no report of an image: missing field `version` at line 1 column 2

    exit: 2
    --- stdout
    --- stderr
    error: new.json has version 2; this program knows version 1
      hint: use the version of provision that made it, or a newer one

    exit: 2
    --- stdout
    --- stderr
    error: there is no report pi.report.json
      hint: `provision image` writes it beside the image; name another with --report FILE
    ");
}
