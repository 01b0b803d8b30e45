//! `provision verify`.

use std::fs;

use super::card::{baked, json, tamper};
use crate::bake::with_base_of;
use crate::kinds::ARM64;
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
fn a_file_that_a_first_boot_reads_is_found_if_it_was_added_later() {
    let sandbox = baked();
    sandbox.write("added", "pi:$6$salt$hash\n");
    for name in ["userconf.txt", "ssh", "wpa_supplicant.conf"] {
        let text = match name {
            "userconf.txt" => "pi:$6$salt$hash\n",
            "ssh" => "",
            _ => "network={\n\tssid=\"x\"\n\tpsk=\"12345678\"\n}\n",
        };
        sandbox.write("added", text);
        let put = format!("mcopy -i pi.img@@4M added ::{name}");
        tool(&sandbox, &put).success();
    }
    let ended = sandbox.provision(&["verify", "pi.img"]);
    assert_eq!(ended.code, 3, "{}", ended.shown());
    insta::assert_snapshot!(ended.stdout, @r"
    differs   /boot/firmware/ssh  it was added after the image was made, and nothing on this card reads it; it sets ssh
    differs   /boot/firmware/userconf.txt  it was added after the image was made, and nothing on this card reads it; it sets user, password
    differs   /boot/firmware/wpa_supplicant.conf  it was added after the image was made, and nothing on this card reads it; it sets ssid, psk
    ");
    // A report of an older version doesn't say what the base had: what a boot acts on counts.
    let unit = "/usr/lib/systemd/system";
    tamper(
        &sandbox,
        &format!("mkdir /usr/lib/systemd\nmkdir {unit}\nwrite added {unit}/sshswitch.service\n"),
    );
    let mut report: serde_json::Value =
        serde_json::from_str(&sandbox.read("pi.report.json")).unwrap();
    report
        .as_object_mut()
        .unwrap()
        .remove("first_boot_files")
        .unwrap();
    sandbox.write("pi.report.json", &report.to_string());
    let ended = sandbox.provision(&["verify", "pi.img"]);
    assert_eq!(ended.code, 3, "{}", ended.shown());
    insta::assert_snapshot!(ended.stdout, @"differs   /boot/firmware/ssh  the report doesn't have it, and a boot acts on it; it sets ssh");
}

#[test]
fn an_image_is_compared_to_the_last_byte_where_the_report_has_its_digest() {
    let sandbox = with_base_of(&ARM64, |_| {});
    let args = [
        "image",
        "--base",
        "base.img",
        "--broker",
        "broker",
        "--free",
        "1M",
        "--with",
        "sums",
        "--compress",
        "xz:0",
        "--out",
        "pi.img",
    ];
    sandbox.provision(&args).success();
    for name in ["pi.img", "pi.img.xz"] {
        let ended = sandbox.provision(&["verify", name]).success();
        let said = "it is the image of the report, byte for byte";
        assert!(ended.stderr.contains(said), "{}", ended.shown());
    }
    tool(&sandbox, "cp pi.img grown.img; truncate -s +4M grown.img").success();
    let grown = ["verify", "grown.img", "--report", "pi.report.json"];
    let ended = sandbox.provision(&grown).success();
    assert!(!ended.stderr.contains("byte for byte"), "{}", ended.shown());
    sandbox.write("evil", "evil\n");
    tamper(&sandbox, "write evil /etc/evil\n");
    let ended = sandbox.provision(&["verify", "pi.img"]);
    assert_eq!(ended.code, 3, "{}", ended.shown());
    let line = "differs   whole image  the image isn't byte for byte the one of the report: its sha256 is ";
    assert!(ended.stdout.starts_with(line), "{}", ended.shown());
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.shown());
    // Of the packed image alone the digest may be known.
    let mut report: serde_json::Value =
        serde_json::from_str(&sandbox.read("pi.report.json")).unwrap();
    report["outputs"][0]
        .as_object_mut()
        .unwrap()
        .remove("sha256")
        .unwrap();
    sandbox.write("pi.report.json", &report.to_string());
    let ended = sandbox.provision(&["verify", "pi.img.xz"]).success();
    assert!(ended.stderr.contains("byte for byte"), "{}", ended.shown());
    let ended = sandbox.provision(&["verify", "pi.img"]).success();
    assert!(
        ended.stderr.contains("was not compared"),
        "{}",
        ended.shown()
    );
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
