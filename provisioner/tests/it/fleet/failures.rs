//! What is left when not all goes well.

use std::fs;

use serde_json::Value;

use super::bench::{NAMES, clean, fleet, names, state, with_debugfs, with_fleet};
use crate::bake::with_base_of;
use crate::kinds::ARM64;
use crate::support::tool;

/// A folder takes the second image's name while it is being made.
const TAKEN: &str = "[ ! -e cards/north.img ] || mkdir -p cards/south.img\nexec $real \"$@\"";

#[test]
fn what_was_finished_stays_whole_and_a_second_run_makes_all_with_the_same_keys() {
    let sandbox = with_fleet();
    let ended = with_debugfs(&sandbox, TAKEN, &["--with", "sums"]);
    assert_eq!(ended.code, 1, "{}", ended.shown());
    assert_eq!(ended.stdout, "cards/north.img\n");
    let (_, error) = ended.stderr.split_once("error: ").unwrap();
    insta::assert_snapshot!(error, @r"
    1 of 3 cards are made and whole (north), and these are not: south, attic
      caused by: baking cards/south.img
      caused by: cards/south.img exists and is not a regular file
      hint: choose another name for the image
    ");
    assert!(
        ended
            .stderr
            .contains("  north  192.168.7.11/24  cards/north.img  SHA256:"),
        "{}",
        ended.stderr
    );
    clean(&sandbox, "cards/north.img");
    let expected = ["SHA256SUMS", "north.img", "north.report.json", "south.img"];
    assert_eq!(names(&sandbox, "cards"), expected);
    let check = "cd cards; sha256sum --strict --check SHA256SUMS";
    tool(&sandbox, check).success();
    tool(
        &sandbox,
        "rmdir cards/south.img; cp cards/north.img north.img",
    )
    .success();
    fleet(&sandbox, &["--with", "sums"]).success();
    tool(&sandbox, "cmp cards/north.img north.img").success();
    assert_eq!(names(&sandbox, "cards").len(), 7);
    tool(&sandbox, check).success();
}

#[test]
fn programs_hear_which_cards_are_missing() {
    let sandbox = with_fleet();
    let ended = with_debugfs(&sandbox, TAKEN, &["--json"]);
    assert_eq!(ended.code, 1, "{}", ended.shown());
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed["cards"].as_array().unwrap().len(), 1);
    assert_eq!(printed["missing"], serde_json::json!(NAMES[1..]));
    assert!(
        printed["error"].as_str().unwrap().contains("south.img"),
        "{printed}"
    );
}

#[test]
fn when_the_first_card_fails_nothing_is_changed() {
    let sandbox = with_fleet();
    let before = state(&sandbox);
    let broken = "case \"$*\" in *-w*) exit 1;; esac\nexec $real \"$@\"";
    let ended = with_debugfs(&sandbox, broken, &[]);
    assert_eq!(ended.code, 1, "{}", ended.shown());
    assert_eq!(ended.stdout, "");
    assert_eq!(state(&sandbox), before);
    // An image that was there is still there.
    fs::create_dir(sandbox.path("cards")).unwrap();
    sandbox.write("cards/north.img", "old");
    let ended = with_debugfs(&sandbox, broken, &[]);
    assert_eq!(ended.code, 1, "{}", ended.shown());
    assert_eq!(names(&sandbox, "cards"), ["north.img"]);
    assert_eq!(sandbox.read("cards/north.img"), "old");
    assert_eq!(state(&sandbox).0, before.0);
}

#[test]
fn a_site_that_was_made_for_cards_goes_again_if_there_is_none() {
    let sandbox = with_base_of(&ARM64, |_| {});
    sandbox.write("fleet.csv", "name\nnorth\nsouth\n");
    let broken = "case \"$*\" in *-w*) exit 1;; esac\nexec $real \"$@\"";
    let ended = with_debugfs(&sandbox, broken, &[]);
    assert_eq!(ended.code, 1, "{}", ended.shown());
    assert!(
        ended.stderr.contains("Removed site site again"),
        "{}",
        ended.stderr
    );
    assert!(!sandbox.path("site").exists() && !sandbox.path("cards").exists());
}
