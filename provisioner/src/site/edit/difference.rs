//! What differs between what a file says and what it should say.

use std::collections::BTreeSet;
use std::fmt;

use crate::site::name::Name;
use crate::site::people::People;

/// The key above all people.
pub(super) const PEOPLE: &str = "people";
/// The key above all groups.
pub(super) const GROUPS: &str = "groups";

/// One difference between what the file says and what it should say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// A new key `name` in `section`, with lists under it (a person), or one list (a group).
    Put(&'static str, String, New),
    /// A key that goes.
    Drop(&'static str, String),
    /// Items that come and go in a list.
    Items(Place, Items),
}

/// What stands under a new key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum New {
    Person(Vec<(&'static str, Vec<String>)>),
    Group(Vec<String>),
}

/// Where a list is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) section: &'static str,
    pub(super) name: String,
    /// The key of the list below the name, if it is not the name's own.
    pub(super) field: Option<&'static str>,
}

/// What comes and goes in a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Items {
    pub(super) add: Vec<String>,
    pub(super) remove: Vec<String>,
}

/// What differs between `is` and `wanted`.
pub(super) fn differences(is: &People, wanted: &People) -> Vec<Edit> {
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
        let lists = [
            ("devices", texts(&before.devices), texts(&person.devices)),
            ("sees", texts(&before.sees), texts(&person.sees)),
        ];
        for (field, is, wanted) in lists {
            edits.extend(Edit::items(PEOPLE, name, Some(field), &is, &wanted));
        }
    }
    for (name, members) in &wanted.groups {
        match is.groups.get(name) {
            None => edits.push(Edit::Put(
                GROUPS,
                name.to_string(),
                New::Group(texts(members)),
            )),
            Some(before) => {
                let (is, wanted) = (texts(before), texts(members));
                edits.extend(Edit::items(GROUPS, name, None, &is, &wanted));
            }
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
        is: &[String],
        wanted: &[String],
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
                .iter()
                .filter(|item| !wanted.contains(item))
                .cloned()
                .collect(),
        };
        let none = items.add.is_empty() && items.remove.is_empty();
        (!none).then_some(Self::Items(place, items))
    }

    /// Whether something is lost by it, and its comments with it.
    pub(super) fn removes(&self) -> bool {
        match self {
            Self::Put(..) => false,
            Self::Drop(..) => true,
            Self::Items(_, items) => !items.remove.is_empty(),
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
