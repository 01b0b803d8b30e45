//! Edits in the text itself, by the editor that keeps comments.

use std::str::FromStr;

use yaml_edit::{
    Document, Mapping, MappingBuilder, MappingEntry, Sequence, SequenceBuilder, YamlFile, YamlNode,
};

use super::difference::{Edit, Items, New, Place};

/// Makes all edits in the text. Unless one of them removes something, every comment is still there.
pub(super) fn apply(text: &str, edits: &[Edit]) -> Option<String> {
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

impl Edit {
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
            Some(YamlNode::Mapping(person)) => {
                if let Some(list) = find(&person, field) {
                    return change_list(&list, items);
                }
                person.set(field, &sequence(&items.add)?);
                Some(())
            }
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
