//! One script, two brokers: what Debian's Mosquitto answers and what ours answers, packet by packet.
//!
//! A [`script`] is a list of steps with fixed identifiers; a [`player`] takes them one by one and waits after
//! each until every client has been sent what it brings. `differences.tsv` holds what is known to differ and
//! why ours is right. A difference that is not in it fails the test, and so does one that is no more.
#![expect(clippy::panic, reason = "in a test a panic is the report")]

mod common;
mod differences;
mod errors;
mod five;
mod player;
mod script;

use std::collections::BTreeMap;

use differences::{Difference, TABLE, is_taken_with_this, known, listed};
use player::play;
use script::Script;

use crate::wire::{Target, Version};

/// Both brokers are told the same, so that only what they do by themselves differs.
const CONFIG: &str = "allow_duplicate_messages false\nset_tcp_nodelay true\nmax_packet_size 100000\n\
max_inflight_messages 20\nsys_interval 0\npersistence false";

/// The versions in which ours is compared.
const VERSIONS: [Version; 3] = Version::ALL;

fn script(versions: &[Version]) -> Vec<Script> {
    let mut scripts = Vec::new();
    for version in versions {
        scripts.extend(common::all(*version));
    }
    if versions.contains(&Version::V5) {
        scripts.extend(five::all());
    }
    scripts
}

#[test]
fn a_broker_answers_the_same_script_the_same_way_twice() {
    let scripts = script(&Version::ALL);
    let twice = [(); 2].map(|()| play(&Target::theirs(CONFIG), &scripts));
    for (first, second) in twice[0].iter().zip(&twice[1]) {
        assert_eq!(first, second);
    }
}

#[test]
fn both_brokers_answer_the_same_but_for_what_is_known() {
    let scripts = script(&VERSIONS);
    let steps: usize = scripts.iter().map(Script::len).sum();
    assert!(steps >= 500, "only {steps} steps");
    let mut labels = std::collections::BTreeSet::new();
    for label in scripts.iter().flat_map(Script::labels) {
        assert!(labels.insert(label), "{label} is there twice");
    }
    let theirs = play(&Target::theirs(CONFIG), &scripts);
    let ours = play(&Target::ours(CONFIG), &scripts);
    let mut found = BTreeMap::new();
    for ((label, theirs), (_, ours)) in theirs.into_iter().zip(ours) {
        if theirs != ours {
            found.insert(label, Difference { theirs, ours });
        }
    }
    let known = known();
    let same = is_taken_with_this();
    // Another Mosquitto may have learned something: then only ours has to be as it was.
    let is_known = |label: &String, found: &Difference| {
        let before = known.get(label);
        before.is_some_and(|before| before == found || !same && before.ours == found.ours)
    };
    let news: BTreeMap<_, _> = found
        .iter()
        .filter(|(label, difference)| !is_known(label, difference))
        .collect();
    assert!(
        news.is_empty(),
        "{} differences are not in {TABLE}, or are there as others:\n{}",
        news.len(),
        listed(news)
    );
    let gone: Vec<_> = known
        .keys()
        .filter(|label| !found.contains_key(*label))
        .collect();
    assert!(
        gone.is_empty() || !same,
        "these differences are no more: take them out of {TABLE}: {gone:#?}"
    );
}
