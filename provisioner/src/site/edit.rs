//! Changes to `people.yaml` that keep its comments and its order.
//!
//! A command says what the file should mean; [`rewrite`] finds what differs, makes just these edits in
//! the text, and reads the result back.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use anyhow::Context;
use yaml_edit::{
    Document, Mapping, MappingBuilder, MappingEntry, Sequence, SequenceBuilder, YamlFile, YamlNode,
};

use super::name::Name;
use super::people::{People, Person};
use crate::hint::Fault;

const PEOPLE: &str = "people";
const GROUPS: &str = "groups";

/// One difference between what the file says and what it should say.
#[derive(Debug, PartialEq, Eq)]
enum Edit {
    /// A new key `name` in `section`, with lists under it (a person), or one list (a group).
    Put(&'static str, String, New),
    /// A key that goes.
    Drop(&'static str, String),
    /// Items that come and go in a list.
    Items(Place, Items),
}

/// What stands under a new key.
#[derive(Debug, PartialEq, Eq)]
enum New {
    Person(Vec<(&'static str, Vec<String>)>),
    Group(Vec<String>),
}

/// Where a list is.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    section: &'static str,
    name: String,
    /// The key of the list below the name, if it is not the name's own.
    field: Option<&'static str>,
}

/// What comes and goes in a list.
#[derive(Debug, PartialEq, Eq)]
struct Items {
    add: Vec<String>,
    remove: Vec<String>,
}

/// Adds `person` to the text of `people.yaml`.
pub(super) fn add_person(text: &str, name: &Name, person: &Person) -> anyhow::Result<String> {
    let mut wanted: People = serde_yaml::from_str(text).context("parsing people.yaml")?;
    wanted.people.insert(name.clone(), person.clone());
    rewrite(text, &wanted)
}

/// Edits `text`, that of `people.yaml`, so that it says `wanted`.
///
/// The result is read back and compared with what it should say, so that a file which the editor
/// can't handle is left as it is instead of being damaged.
///
/// # Errors
///
/// If the editor can't handle the file; the hint says what to write by hand.
pub(super) fn rewrite(text: &str, wanted: &People) -> anyhow::Result<String> {
    let is: People = serde_yaml::from_str(text).context("parsing people.yaml")?;
    let edits = differences(&is, wanted);
    if edits.is_empty() {
        return Ok(text.to_owned());
    }
    let edited = apply(text, &edits).filter(|edited| {
        let reads = serde_yaml::from_str::<People>(edited);
        reads.is_ok_and(|reads| reads == *wanted)
    });
    edited.ok_or_else(|| {
        let todo: Vec<_> = edits.iter().map(ToString::to_string).collect();
        Fault::input(
            "people.yaml is written in a way that can't be edited by program; nothing was changed",
        )
        .hint(format!("edit it by hand: {}", todo.join("; ")))
        .into()
    })
}

fn differences(is: &People, wanted: &People) -> Vec<Edit> {
    let mut edits = Vec::new();
    let gone = is
        .people
        .keys()
        .filter(|name| !wanted.people.contains_key(*name));
    edits.extend(gone.map(|name| Edit::Drop(PEOPLE, name.to_string())));
    let gone = is
        .groups
        .keys()
        .filter(|name| !wanted.groups.contains_key(*name));
    edits.extend(gone.map(|name| Edit::Drop(GROUPS, name.to_string())));
    for (name, person) in &wanted.people {
        let Some(before) = is.people.get(name) else {
            let lists = vec![
                ("devices", texts(&person.devices)),
                ("sees", texts(&person.sees)),
            ];
            edits.push(Edit::Put(PEOPLE, name.to_string(), New::Person(lists)));
            continue;
        };
        let mut list =
            |field, is, wanted| edits.extend(Edit::items(PEOPLE, name, Some(field), is, wanted));
        list("devices", texts(&before.devices), texts(&person.devices));
        list("sees", texts(&before.sees), texts(&person.sees));
    }
    for (name, members) in &wanted.groups {
        match is.groups.get(name) {
            None => edits.push(Edit::Put(
                GROUPS,
                name.to_string(),
                New::Group(texts(members)),
            )),
            Some(before) => edits.extend(Edit::items(
                GROUPS,
                name,
                None,
                texts(before),
                texts(members),
            )),
        }
    }
    edits
}

fn texts<T: ToString>(set: &BTreeSet<T>) -> Vec<String> {
    set.iter().map(ToString::to_string).collect()
}

impl Edit {
    fn items(
        section: &'static str,
        name: &Name,
        field: Option<&'static str>,
        is: Vec<String>,
        wanted: Vec<String>,
    ) -> Option<Self> {
        let place = Place {
            section,
            name: name.to_string(),
            field,
        };
        let items = Items {
            add: wanted
                .iter()
                .filter(|item| !is.contains(item))
                .cloned()
                .collect(),
            remove: is
                .into_iter()
                .filter(|item| !wanted.contains(item))
                .collect(),
        };
        let none = items.add.is_empty() && items.remove.is_empty();
        (!none).then_some(Self::Items(place, items))
    }

    fn removes(&self) -> bool {
        match self {
            Self::Put(..) => false,
            Self::Drop(..) => true,
            Self::Items(_, items) => !items.remove.is_empty(),
        }
    }

    /// Makes the edit; `None` if the document has no place for it that the editor understands.
    fn apply(&self, document: &Document) -> Option<()> {
        match self {
            Self::Put(section, name, new) => put(document, section, name, new),
            Self::Drop(section, name) => {
                let section = document.get_mapping(*section)?;
                // `Mapping::remove` also takes the line along, which `MappingEntry::remove` leaves.
                let key = find(&section, name)?.key_node()?;
                section.remove(key).map(drop)
            }
            Self::Items(place, items) => place.change(document, items),
        }
    }
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put(section, name, _) => write!(f, "add {name} to {section}"),
            Self::Drop(section, name) => write!(f, "remove {name} from {section}"),
            Self::Items(place, items) => {
                let field = place
                    .field
                    .map(|field| format!(".{field}"))
                    .unwrap_or_default();
                let list = format!("{}.{}{field}", place.section, place.name);
                let add = (!items.add.is_empty())
                    .then(|| format!("add {} to {list}", items.add.join(", ")));
                let remove = (!items.remove.is_empty())
                    .then(|| format!("remove {} from {list}", items.remove.join(", ")));
                let both: Vec<_> = add.into_iter().chain(remove).collect();
                f.write_str(&both.join("; "))
            }
        }
    }
}

/// Makes all edits in the text. Unless one of them removes something, every comment is still there.
fn apply(text: &str, edits: &[Edit]) -> Option<String> {
    let file = YamlFile::from_str(text).ok()?;
    let before = comments(&file);
    let document = file.ensure_document();
    for edit in edits {
        edit.apply(&document)?;
    }
    let edited = file.to_string();
    let after = comments(&YamlFile::from_str(&edited).ok()?);
    let kept = before.iter().all(|comment| after.contains(comment));
    (kept || edits.iter().any(Edit::removes)).then_some(edited)
}

fn comments(file: &YamlFile) -> Vec<String> {
    let comments = file.comments();
    comments.map(|comment| comment.text().to_owned()).collect()
}

fn put(document: &Document, section: &'static str, name: &str, new: &New) -> Option<()> {
    let own = match new {
        New::Person(lists) => {
            let mut entry = MappingBuilder::new();
            for (field, items) in lists {
                // Whom a person sees is what one comes to edit; devices need not be named.
                if *field == "sees" || !items.is_empty() {
                    entry = entry.insert_sequence(*field, builder(items));
                }
            }
            YamlNode::Mapping(built(entry)?)
        }
        New::Group(items) => YamlNode::Sequence(sequence(items)?),
    };
    if let Some(mapping) = document.get_mapping(section) {
        mapping.set(name, &own);
        return Some(());
    }
    // Neither an alias nor anything else that has a meaning is overwritten.
    if document.get(section).is_some_and(|node| !is_null(&node)) {
        return None;
    }
    let whole = built(MappingBuilder::new().pair(name, &own))?;
    document.set(section, &whole).then_some(())
}

impl Place {
    fn change(&self, document: &Document, items: &Items) -> Option<()> {
        let section = document.get_mapping(self.section)?;
        let entry = find(&section, &self.name)?;
        let Some(field) = self.field else {
            return change_list(&entry, items);
        };
        match entry.value_node() {
            Some(YamlNode::Mapping(person)) => match find(&person, field) {
                Some(list) => change_list(&list, items),
                None => {
                    person.set(field, &sequence(&items.add)?);
                    Some(())
                }
            },
            value if value.as_ref().is_none_or(is_null) => {
                let person = MappingBuilder::new().insert_sequence(field, builder(&items.add));
                entry.set_value(&built(person)?, false);
                Some(())
            }
            _ => None,
        }
    }
}

fn change_list(entry: &MappingEntry, items: &Items) -> Option<()> {
    match entry.value_node() {
        Some(YamlNode::Sequence(list)) => {
            let texts: Option<Vec<_>> = (0..list.len())
                .map(|index| text_of(&list.get(index)?))
                .collect();
            for (index, text) in texts?.iter().enumerate().rev() {
                if items.remove.contains(text) {
                    list.remove(index)?;
                }
            }
            for item in &items.add {
                list.push(item.as_str());
            }
            Some(())
        }
        value if value.as_ref().is_none_or(is_null) => {
            entry.set_value(&sequence(&items.add)?, false);
            Some(())
        }
        _ => None,
    }
}

/// The entry of `name`, however it is quoted, and also if YAML would call it a number.
fn find(mapping: &Mapping, name: &str) -> Option<MappingEntry> {
    let mut entries = mapping.entries();
    entries.find(|entry| entry.key_node().and_then(|key| text_of(&key)).as_deref() == Some(name))
}

fn text_of(node: &YamlNode) -> Option<String> {
    node.as_scalar().map(yaml_edit::Scalar::as_string)
}

fn is_null(node: &YamlNode) -> bool {
    node.as_scalar().is_some_and(yaml_edit::Scalar::is_null)
}

fn builder(items: &[String]) -> SequenceBuilder {
    items.iter().fold(SequenceBuilder::new(), |list, item| {
        list.item(item.as_str())
    })
}

fn sequence(items: &[String]) -> Option<Sequence> {
    builder(items).build_document().as_sequence()
}

fn built(mapping: MappingBuilder) -> Option<Mapping> {
    mapping.build_document().as_mapping()
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
