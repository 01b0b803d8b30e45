//! The way from a text to the text that says something else.

use anyhow::Context;

use super::difference::differences;
use super::document::apply;
use crate::hint::Fault;
use crate::site::name::Name;
use crate::site::people::{People, Person};

/// Adds `person` to the text of `people.yaml`.
pub(in crate::site) fn add_person(
    text: &str,
    name: &Name,
    person: &Person,
) -> anyhow::Result<String> {
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
pub(in crate::site) fn rewrite(text: &str, wanted: &People) -> anyhow::Result<String> {
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
