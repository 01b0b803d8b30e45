//! What lies beside the images, and what is said of all of them.

use serde_json::Value;

use super::bench::{NAMES, fleet, names, state, with_fleet};
use crate::support::tool;

#[test]
fn one_list_of_digests_has_all_files_of_all_cards() {
    let sandbox = with_fleet();
    let more = ["--with", "all", "--compress", "zst:1"];
    fleet(&sandbox, &more).success();
    let check = "cd cards; sha256sum --strict --check SHA256SUMS";
    let checked = tool(&sandbox, check).success().stdout;
    assert_eq!(checked.lines().count(), 3 * 6, "{checked}");
    assert_eq!(names(&sandbox, "cards").len(), 3 * 6 + 1);
    for name in NAMES {
        let script = format!("cd cards; zstd -qdc {name}.img.zst | cmp - {name}.img");
        tool(&sandbox, &script).success();
        let manifest = sandbox.read(&format!("cards/{name}.rpi-imager-manifest"));
        assert!(manifest.contains(&format!("({name}, arm64)")), "{manifest}");
        assert!(
            manifest.contains(&format!("/cards/{name}.img.zst")),
            "{manifest}"
        );
    }
    // Fewer cards and fewer files: what was of a card goes, what is of others stays.
    sandbox.write("fleet.csv", "name\nsouth\n");
    fleet(&sandbox, &["--with", "sums"]).success();
    let checked = tool(&sandbox, check).success().stdout;
    assert_eq!(checked.lines().count(), 2 * 6 + 2, "{checked}");
}

#[test]
fn programs_get_one_object_with_all_cards() {
    let sandbox = with_fleet();
    let ended = fleet(&sandbox, &["--json", "--with", "sums"]).success();
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed["version"], 1);
    assert_eq!(printed["missing"], serde_json::json!([]));
    assert_eq!(printed["sums"], "cards/SHA256SUMS");
    assert_eq!(printed["error"], Value::Null);
    let cards = printed["cards"].as_array().unwrap();
    let hosts: Vec<_> = cards
        .iter()
        .map(|card| card["host"].as_str().unwrap())
        .collect();
    assert_eq!(hosts, NAMES);
    assert_eq!(cards[0]["address"], "192.168.7.11/24");
    for card in cards {
        let name = card["host"].as_str().unwrap();
        assert_eq!(card["image"], format!("cards/{name}.img"));
        let script = format!("ssh-keygen -lf site/hosts/{name}/ssh_host_ed25519_key.pub");
        let key = tool(&sandbox, &script).success().stdout;
        assert!(
            key.contains(card["ssh_host_key"].as_str().unwrap()),
            "{key}"
        );
        let outputs = card["outputs"].as_array().unwrap();
        let sums = sandbox.read("cards/SHA256SUMS");
        for output in outputs {
            let path = output["path"].as_str().unwrap();
            let line = format!(
                "{}  {}\n",
                output["sha256"].as_str().unwrap(),
                &path["cards/".len()..]
            );
            assert!(sums.contains(&line), "{line}{sums}");
        }
        assert_eq!(outputs.len(), 2, "the image and its report");
    }
}

#[test]
fn people_are_told_which_card_is_which() {
    let sandbox = with_fleet();
    let ended = fleet(&sandbox, &["-qq"]).success();
    assert_eq!(ended.stderr, "");
    let said = fleet(&sandbox, &[]).success().stderr;
    let key = |name: &str| {
        let script = format!("ssh-keygen -lf site/hosts/{name}/ssh_host_ed25519_key.pub");
        let shown = tool(&sandbox, &script).success().stdout;
        shown.split(' ').nth(1).unwrap().to_owned()
    };
    for line in [
        format!(
            "  north  192.168.7.11/24               cards/north.img  {}\n",
            key("north")
        ),
        format!(
            "  south  192.168.7.12 from the router  cards/south.img  {}\n",
            key("south")
        ),
        format!(
            "  attic  from the router               cards/attic.img  {}\n",
            key("attic")
        ),
        "-h north.local -p 8883 -u jane -P \"$(cat site/passwords/jane)\"".to_owned(),
        "Passwords are in site/passwords until you delete them: fred, jane, owner\n".to_owned(),
    ] {
        assert!(said.contains(&line), "{line}{said}");
    }
}

#[test]
fn what_would_be_made_is_said_and_nothing_is_changed() {
    let sandbox = with_fleet();
    let before = state(&sandbox);
    let ended = fleet(&sandbox, &["--dry-run", "--with", "sums"]).success();
    insta::assert_snapshot!(ended.shown(), @r"
    exit: 0
    --- stdout
      card   address                       image            site
      north  192.168.7.11/24               cards/north.img  new
      south  192.168.7.12 from the router  cards/south.img  new
      attic  from the router               cards/attic.img  new
    --- stderr
    Nothing was written. In cards there would be an image for each of 3 cards, with north.report.json, SHA256SUMS.
    ");
    let ended = fleet(&sandbox, &["--dry-run", "--json"]).success();
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        printed["cards"][1]["people"],
        serde_json::json!(["fred", "jane"])
    );
    assert_eq!(printed["cards"][2]["known"], false);
    assert_eq!(state(&sandbox), before);
    let ended = fleet(&sandbox, &["--dry-run", "--site", "none"]);
    assert_eq!(ended.code, 2, "{}", ended.shown());
    assert_eq!(state(&sandbox), before);
}
