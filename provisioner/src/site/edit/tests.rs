//! Files as people write them.

use proptest::prelude::*;

use super::{add_person, rewrite};
use crate::site::people::{People, Person};

/// The text with `change` made to what it says.
fn after(text: &str, change: impl FnOnce(&mut People)) -> anyhow::Result<String> {
    let mut people: People = serde_yaml::from_str(text).unwrap();
    change(&mut people);
    rewrite(text, &people)
}

fn sees(text: &str, viewer: &str, seen: &[&str]) -> anyhow::Result<String> {
    after(text, |people| {
        let person = people.people.get_mut(&viewer.parse().unwrap()).unwrap();
        person.sees = seen.iter().map(|seen| seen.parse().unwrap()).collect();
    })
}

fn group(text: &str, name: &str, members: &[&str]) -> anyhow::Result<String> {
    after(text, |people| {
        let members = members.iter().map(|member| member.parse().unwrap());
        people
            .groups
            .insert(name.parse().unwrap(), members.collect());
    })
}

fn without(text: &str, name: &str) -> anyhow::Result<String> {
    after(text, |people| {
        people.part_with(&name.parse().unwrap()).unwrap();
    })
}

/// Written by somebody who likes to write.
const NASTY: &str = "\
# The Joneses, and who may see whom.
---
people:
    # Grandma goes first.
    \"zoe\":   # an aside
        sees:
            # her daughter
            - jane      # all of it

            # her grandson, but only the phone
            - 'adam/phone'   # not the watch
        devices: [ tablet ,  phone ]   # old, new

    12: {sees: [zoe, jane/5s], devices: []}  # a number for a name
    # The boss.
    adam:

    jane:
        sees:   # nobody yet
        devices:
        - 5s
# in between
groups:
    # everybody
    family: [zoe, adam,
             jane]   # not 12
    work:
    -   jane
    -   \"12\"  # sometimes
# the end
";

#[test]
fn a_nasty_file_takes_every_edit_and_keeps_all_else() {
    let text = sees(NASTY, "zoe", &["jane", "adam"]).unwrap();
    let text = sees(&text, "12", &["jane", "jane/5s", "adam"]).unwrap();
    let text = sees(&text, "adam", &["12"]).unwrap();
    let text = sees(&text, "jane", &["zoe/tablet"]).unwrap();
    let text = group(&text, "family", &["zoe", "jane", "12"]).unwrap();
    let text = group(&text, "work", &["jane", "adam"]).unwrap();
    let text = group(&text, "true", &["adam"]).unwrap();
    insta::assert_snapshot!(text, @r#"
    # The Joneses, and who may see whom.
    ---
    people:
        # Grandma goes first.
        "zoe":   # an aside
            sees:
                # her daughter
                - jane      # all of it
                - adam

                # her grandson, but only the phone
            devices: [ tablet ,  phone ]   # old, new

        12: {sees: [jane/5s, adam, jane], devices: []}  # a number for a name
        # The boss.
        adam:
          sees:
            - '12'

        jane:
            sees:   # nobody yet
              - zoe/tablet
            devices:
            - 5s
    # in between
    groups:
        # everybody
        family: [zoe, jane, '12']   # not 12
        work:
        -   jane
        - adam
        'true':
          - adam
    # the end
    "#);
}

#[test]
fn who_is_removed_takes_along_what_is_theirs_and_no_comment_around_it() {
    insta::assert_snapshot!(without(NASTY, "zoe").unwrap(), @r#"
    # The Joneses, and who may see whom.
    ---
    people:
        # Grandma goes first.

        12: {sees: [jane/5s], devices: []}  # a number for a name
        # The boss.
        adam:

        jane:
            sees:   # nobody yet
            devices:
            - 5s
    # in between
    groups:
        # everybody
        family: [adam,
                 jane]   # not 12
        work:
        -   jane
        -   "12"  # sometimes
    # the end
    "#);
    insta::assert_snapshot!(without(NASTY, "jane").unwrap(), @r#"
    # The Joneses, and who may see whom.
    ---
    people:
        # Grandma goes first.
        "zoe":   # an aside
            sees:
                # her daughter

                # her grandson, but only the phone
                - 'adam/phone'   # not the watch
            devices: [ tablet ,  phone ]   # old, new

        12: {sees: [zoe], devices: []}  # a number for a name
        # The boss.
        adam:

    # in between
    groups:
        # everybody
        family: [zoe, adam]   # not 12
        work:
        -   "12"  # sometimes
    # the end
    "#);
}

#[test]
fn line_ends_stay_what_they_are() {
    let text = NASTY.replace('\n', "\r\n");
    let edited = sees(&text, "jane", &["zoe", "adam"]).unwrap();
    let edited = sees(&edited, "zoe", &["adam"]).unwrap();
    let edited = without(&group(&edited, "new", &["adam"]).unwrap(), "12").unwrap();
    assert_eq!(
        edited.matches('\n').count(),
        edited.matches("\r\n").count(),
        "{edited:?}"
    );
    assert!(edited.contains("# her daughter\r\n"), "{edited}");
}

#[test]
fn every_way_to_write_nothing_takes_a_first() {
    for text in [
        "people: {}\n",
        "groups: {}\n",
        "people:\ngroups:\n",
        "people: ~\n",
        "people: {a: {}}\n",
        "people: {a: }\n",
        "{people: {a: {sees: []}}}\n",
        "# c\npeople:\n  a: {}\n",
        "# only a comment\n",
        "---\n",
        "",
        "people:\n  a:",
    ] {
        let new = add_person(text, &"12".parse().unwrap(), &Person::default()).unwrap();
        let new = group(&new, "no", &["12"]).unwrap();
        let new = sees(&new, "12", &["12"]).unwrap();
        let people: People = serde_yaml::from_str(&new).unwrap();
        assert!(
            people.people.contains_key(&"12".parse().unwrap()),
            "{text:?}"
        );
        assert!(
            !text.contains('#') || new.starts_with("# "),
            "{text:?}: {new:?}"
        );
    }
}

#[test]
fn every_way_to_write_a_list_can_be_emptied_and_filled() {
    for list in [
        "sees: [b]",
        "sees: [b, c/5s]",
        "sees: [ \"b\" ]  # flow",
        "sees:\n    - b  # block",
        "sees:\n    # above\n    - 'c'\n    # below",
        "sees:\n    - b\n    - b",
        "\"sees\":\n    - b",
        "sees:\n  - b\n  - c",
        "sees: # aside\n    - b",
        "sees: []",
        "sees: ~",
        "sees:",
        "devices: [x]",
    ] {
        let text = format!("people:\n  a:\n    {list}\n  b: {{}}\n  c: {{}}\n");
        let text = text.replace("\n  - ", "\n    - ");
        let empty = sees(&text, "a", &[]).unwrap_or_else(|error| panic!("{text}: {error}"));
        let full =
            sees(&empty, "a", &["b", "c"]).unwrap_or_else(|error| panic!("{empty}: {error}"));
        sees(&text, "a", &["c"]).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(full.ends_with("  b: {}\n  c: {}\n"), "{full}");
    }
}

#[test]
fn what_the_editor_cannot_handle_is_to_be_edited_by_hand() {
    let anchored = "people:\n  a: {sees: &all [b]}\n  b: {}\n  c: {sees: *all}\n";
    let by_hand = |result: anyhow::Result<String>| {
        let error = result.unwrap_err();
        format!("{error} | {}", crate::hint::of(&error).unwrap())
    };
    insta::assert_snapshot!(by_hand(sees(anchored, "c", &["a", "b"])), @"people.yaml is written in a way that can't be edited by program; nothing was changed | edit it by hand: add a to people.c.sees");
    insta::assert_snapshot!(by_hand(sees(anchored, "a", &["b", "c"])), @"people.yaml is written in a way that can't be edited by program; nothing was changed | edit it by hand: add c to people.a.sees");
    insta::assert_snapshot!(
        by_hand(sees("people: {a: !mine {sees: [b]}, b: {}}\n", "a", &["a"])),
        @"people.yaml is written in a way that can't be edited by program; nothing was changed | edit it by hand: add a to people.a.sees; remove b from people.a.sees"
    );
    assert!(
        sees(anchored, "b", &["a"])
            .unwrap()
            .contains("{sees: &all [b]}")
    );
}

/// Names, and what can stand in lists.
const NAMES: [&str; 5] = ["a", "b", "c", "12", "true"];
const DEVICES: [&str; 3] = ["b/5s", "c/x", "12/12"];

/// Which of `all` are in, by the bits of `mask`.
fn chosen<'a>(all: &[&'a str], mask: u8) -> Vec<&'a str> {
    let all = all.iter().enumerate();
    all.filter(|(index, _)| mask >> index & 1 == 1)
        .map(|(_, name)| *name)
        .collect()
}

/// A key with a list, written in one of many ways.
fn written(key: &str, items: &[&str], indent: &str, style: u8) -> String {
    let block = |before: &str, open: &str, close: &str| {
        let lines = items
            .iter()
            .map(|item| format!("{indent}{before}- {open}{item}{close}\n"));
        format!("{indent}{key}:\n{}", lines.collect::<String>())
    };
    match (style % 6, items) {
        (0, []) => format!("{indent}{key}:\n"),
        (1, []) => format!("{indent}{key}: ~  # none of {key}\n"),
        (_, []) | (0 | 1, _) => format!("{indent}{key}: [{}] # all of {key}\n", items.join(", ")),
        (2, _) => block("", "", ""),
        (3, _) => block("  ", "'", "'  # an item"),
        (4, _) => block("    ", "\"", "\""),
        _ => format!(
            "{indent}\"{key}\":\n{indent}  # above\n{indent}  [ {} ]\n",
            items.join(",  ")
        ),
    }
}

type Model = (Vec<(bool, u8, u8)>, Vec<(bool, u8)>);

/// People (there or not, whom they see, which devices they see), and groups (there or not, members).
fn model() -> impl Strategy<Value = Model> {
    let people = prop::collection::vec((prop::bool::weighted(0.7), 0..32_u8, 0..8_u8), NAMES.len());
    (people, prop::collection::vec((any::<bool>(), 0..32_u8), 2))
}

/// The parts of a file: each person's and each group's is one.
fn parts((people, groups): &Model, styles: &[u8]) -> (Vec<String>, Vec<String>) {
    let people = NAMES.iter().zip(people).zip(styles);
    let people =
        people
            .filter(|((_, (there, ..)), _)| *there)
            .map(|((name, (_, sees, devices)), style)| {
                let items = [chosen(&NAMES, *sees), chosen(&DEVICES, *devices)].concat();
                match style % 4 {
                    0 if items.is_empty() => format!("  {name}:\n"),
                    0 | 1 => format!("  {name}: {{sees: [{}]}}  # {name}\n", items.join(",")),
                    _ => format!(
                        "  # {name}\n  {name}:\n{}",
                        written("sees", &items, "      ", style / 4)
                    ),
                }
            });
    let groups = ["g", "h"].iter().zip(groups).zip(styles);
    let groups =
        groups
            .filter(|((_, (there, _)), _)| *there)
            .map(|((name, (_, members)), style)| {
                written(name, &chosen(&NAMES, *members), "    ", style / 4)
            });
    (people.collect(), groups.collect())
}

fn text((people, groups): &(Vec<String>, Vec<String>)) -> String {
    format!(
        "# top\npeople:\n{}\n# middle\ngroups:\n{}# end\n",
        people.concat(),
        groups.concat()
    )
}

proptest! {
    #[test]
    fn any_file_can_come_to_say_anything_and_what_is_the_same_stays_as_it_was_written(
        is in model(),
        wanted in model(),
        styles in prop::collection::vec(any::<u8>(), NAMES.len()),
        crlf in any::<bool>(),
    ) {
        let parts_before = parts(&is, &styles);
        let line_end = if crlf { "\r\n" } else { "\n" };
        let before = text(&parts_before).replace('\n', line_end);
        // The same styles: a part that says the same is written the same.
        let parts_wanted = parts(&wanted, &styles);
        let wanted: People = serde_yaml::from_str(&text(&parts_wanted)).unwrap();
        let edited = rewrite(&before, &wanted);
        let edited = edited.map_err(|error| TestCaseError::fail(format!("{error}: {before}")))?;
        let same = [(&parts_before.0, &parts_wanted.0), (&parts_before.1, &parts_wanted.1)];
        for part in same.iter().flat_map(|(old, new)| old.iter().filter(|part| new.contains(part))) {
            let part = part.replace('\n', line_end);
            prop_assert!(edited.contains(&part), "no {part:?} in {edited}\nwhich was {before}");
        }
        for comment in ["# top", "# middle", "# end"] {
            prop_assert!(edited.contains(comment), "no {comment} in {edited}\nwhich was {before}");
        }
    }
}
